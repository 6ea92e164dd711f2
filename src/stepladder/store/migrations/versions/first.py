"""The first version. A new database is made whole from `tables.py`, so nothing leads here."""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """There is no older database."""
