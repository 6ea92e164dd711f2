"""The tables of the review queue: what waits for a person, what persons decided, and sealed vaults."""

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, String, Table, Text

from stepladder.store.packing import PackedText
from stepladder.store.tables import metadata

held = Table(
    "held",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Double, nullable=False),
    Column("due", Double, nullable=False),
    Column("tenant", String, nullable=False),
    Column("task", String, nullable=False),
    Column("model", String, nullable=False),
    Column("side", String, nullable=False),
    Column("state", String, nullable=False),
    Column("fallback", String, nullable=False),
    Column("reviewer", String, nullable=False),
    Column("wanted", Integer, nullable=False),
    Column("text", PackedText, nullable=False),
    Column("request", PackedText, nullable=False),
    Column("remarks", Text, nullable=False),
    Column("answer", PackedText, nullable=False),
    Column("correction", PackedText, nullable=False),
    # Added by 0015: a JSON list of what was read in the question's pictures; "" for none.
    Column("pictures", PackedText, nullable=False, server_default=""),
    Index("held_state", "state", "due"),
)

# Sealed: what placeholders stand for, by conversation or held request.
vaults = Table(
    "vaults",
    metadata,
    Column("name", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires", Double, nullable=False),
    Index("vaults_expires", "expires"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("held", String, primary_key=True),
    Column("reviewer", String, primary_key=True),
    Column("at", Double, nullable=False),
    Column("decision", String, nullable=False),
    Column("correction", PackedText, nullable=False),
    Column("comment", PackedText, nullable=False),
    # Added by 0015: who it was, however that was let in; "" where a key names nobody.
    Column("person", String, nullable=False, server_default=""),
)
