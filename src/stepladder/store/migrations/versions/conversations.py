"""Which answers belong to a conversation."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of its own: the ledger is not touched."""
    op.create_table(
        "conversations",
        sa.Column("request_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("conversation", sa.String, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("confidential", sa.Boolean, nullable=False),
    )
    op.create_index("conversations_whose", "conversations", ["tenant", "conversation", "at"])
