"""What guards said of a question and its answer."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The column is added in place. Of what was written before, no guard had said anything."""
    op.add_column("ledger", sa.Column("remarks", sa.Text, nullable=False, server_default=""))
