"""Whose key it is and who decided, so that one person does not count as two; what was read in the pictures of what waits."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has said yet whose key it is; a decision from before names no person, and what waits shows no pictures."""
    op.add_column("keys", sa.Column("person", sa.String, nullable=False, server_default=""))
    op.add_column("decisions", sa.Column("person", sa.String, nullable=False, server_default=""))
    op.add_column("held", sa.Column("pictures", sa.Text, nullable=False, server_default=""))
