"""What waits for a person, what persons decided, and sealed vaults."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New tables only."""
    op.create_table(
        "held",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        *(
            sa.Column(name, sa.String, nullable=False)
            for name in ("tenant", "task", "model", "side", "state", "fallback", "reviewer")
        ),
        sa.Column("wanted", sa.Integer, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("text", "request", "remarks", "answer", "correction")
        ),
    )
    op.create_index("held_state", "held", ["state", "due"])
    op.create_table(
        "decisions",
        sa.Column("held", sa.String, primary_key=True),
        sa.Column("reviewer", sa.String, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("decision", sa.String, nullable=False),
        sa.Column("correction", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
    )
    op.create_table(
        "vaults",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )
    op.create_index("vaults_expires", "vaults", ["expires"])
