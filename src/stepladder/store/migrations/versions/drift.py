"""What the watch keeps: references of inputs, whose feedback it is, and whether it may teach."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New tables, and columns in place. Feedback from before has no key, and teaches as it did."""
    op.create_table(
        "drifts",
        sa.Column("task", sa.String, primary_key=True),
        sa.Column("release", sa.String, primary_key=True),
        sa.Column("reference", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_table(
        "sources",
        *(sa.Column(name, sa.String, primary_key=True) for name in ("task", "tenant", "key", "source")),
        sa.Column("trust", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    for name in ("key", "state"):
        op.add_column("feedback", sa.Column(name, sa.String, nullable=False, server_default=""))
