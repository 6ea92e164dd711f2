"""Roles of keys, accounts and sessions; the journal as a chain; whom a question is about, and whether it may teach."""

import sqlalchemy as sa
from alembic import op

from stepladder.store.chain import Anchor, Link, rechain, set_head

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns are added in place: the ledger is not copied. Who was admin is owner; the journal's lines are chained."""
    op.add_column("ledger", sa.Column("subject", sa.String, nullable=False, server_default=""))
    op.add_column("ledger", sa.Column("training", sa.Boolean, nullable=False, server_default=sa.true()))
    only = sa.text("subject <> ''")
    op.create_index("ledger_subjects", "ledger", ["subject"], sqlite_where=only, postgresql_where=only)
    op.add_column("keys", sa.Column("role", sa.String, nullable=False, server_default=""))
    op.add_column("keys", sa.Column("scopes", sa.String, nullable=False, server_default=""))
    op.execute("UPDATE keys SET role = 'owner' WHERE admin")
    _accounts()
    op.add_column("journal", sa.Column("before", sa.String, nullable=False, server_default=""))
    op.add_column("journal", sa.Column("digest", sa.String, nullable=False, server_default=""))
    _chain()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("password", sa.String, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("disabled_at", sa.Double),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.Double, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.create_index("sessions_account", "sessions", ["account"])


def _chain() -> None:
    """Number the old lines from 1 without a gap, oldest first, and chain them. A number only ever gets smaller."""
    connection = op.get_bind()
    journal = sa.table("journal", *map(sa.column, ("id", "at", "who", "what", "detail", "before", "digest")))
    lines = connection.execute(
        sa.select(*(journal.c[name] for name in ("id", "at", "who", "what", "detail"))).order_by(journal.c.id)
    ).all()
    link = None
    old = (Link(line.id, line.at, line.who, line.what, line.detail, "") for line in lines)
    for line, link in zip(lines, rechain(old), strict=True):
        changed = {"id": link.number, "before": link.before, "digest": link.digest}
        connection.execute(sa.update(journal).where(journal.c.id == line.id).values(changed))
    if link is not None:
        set_head(connection, Anchor(link.number, link.digest))
