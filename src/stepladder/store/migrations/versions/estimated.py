"""Whether an answer's tokens were counted or estimated."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The column is added in place. What was written before is taken for counted."""
    op.add_column("ledger", sa.Column("estimated", sa.Boolean, nullable=False, server_default=sa.false()))
