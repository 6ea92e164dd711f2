"""The tables of the watch: what was asked when a release was trained, what is asked since, and whose feedback teaches."""

from sqlalchemy import Column, Double, LargeBinary, String, Table, Text

from stepladder.store.tables import metadata

drifts = Table(
    "drifts",
    metadata,
    Column("task", String, primary_key=True),
    Column("release", String, primary_key=True),
    Column("reference", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
)

# What a person decided about a source of feedback, beside what its words say.
sources = Table(
    "sources",
    metadata,
    Column("task", String, primary_key=True),
    Column("tenant", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("source", String, primary_key=True),
    Column("trust", String, nullable=False),
    Column("who", String, nullable=False),
    Column("at", Double, nullable=False),
)
