"""Which tools were used for a question, and which question it is a part of."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The columns are added in place."""
    op.add_column("ledger", sa.Column("tools", sa.Text, nullable=False, server_default=""))
    op.add_column("ledger", sa.Column("parent", sa.String, nullable=False, server_default=""))
    only = sa.text("parent <> ''")
    op.create_index("ledger_parents", "ledger", ["parent"], sqlite_where=only, postgresql_where=only)
