"""Keys that texts are sealed with, wrapped; sessions that an issuer's log-in opened."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A new table and a column. What was written before stays as it is."""
    op.create_table(
        "data_keys",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("master", sa.String, nullable=False),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("erased_at", sa.Double),
    )
    op.create_index("data_keys_tenant", "data_keys", ["tenant", "created_at"])
    op.add_column("sessions", sa.Column("role", sa.String, nullable=False, server_default=""))
