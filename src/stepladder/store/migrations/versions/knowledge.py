"""Groups of keys: whose documents a key may read."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every key there is stays in no group."""
    op.add_column("keys", sa.Column("groups", sa.String, nullable=False, server_default="[]"))
