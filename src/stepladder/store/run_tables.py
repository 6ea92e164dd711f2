"""The tables of training runs: what each was set to and came to, and its figures by step."""

from sqlalchemy import BigInteger, Column, Double, String, Table, Text

from stepladder.store.tables import metadata

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("failed", BigInteger, nullable=False),
    Column("settings", Text, nullable=False),
    Column("figures", Text, nullable=False),
)

run_steps = Table(
    "run_steps",
    metadata,
    Column("run", String, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("figures", Text, nullable=False),
)
