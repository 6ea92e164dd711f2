"""What an answer from documents stands on."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The column is added in place. What was written before stands on nothing that is known."""
    op.add_column("ledger", sa.Column("grounds", sa.Text, nullable=False, server_default=""))
