"""Keys belong to tenants and may expire; what was spent; who changed what."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns are added in place: the ledger is not copied. A key that was there is its own tenant's."""
    op.add_column("ledger", sa.Column("key", sa.String, nullable=False, server_default=""))
    op.add_column("keys", sa.Column("tenant", sa.String, nullable=False, server_default=""))
    op.add_column("keys", sa.Column("expires_at", sa.Double))
    op.execute("UPDATE keys SET tenant = name")
    op.create_table(
        "spending",
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("nanos", sa.BigInteger, nullable=False),
        sa.Column("answers", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "journal",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
        ),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
