"""Every table, for SQLite and PostgreSQL alike. A change here needs a migration and its number in HEAD."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from stepladder.store.packing import PackedText

HEAD = "0015"
"""The newest migration: the schema that this code reads and writes."""

metadata = MetaData()

_RowNumber = BigInteger().with_variant(Integer(), "sqlite")

# Small columns first: SQLite keeps the tail of a long row on overflow pages, which counting must not touch.
ledger = Table(
    "ledger",
    metadata,
    Column("seq", _RowNumber, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("at", Double, nullable=False),
    Column("tenant", String, nullable=False),
    Column("task", String, nullable=False),
    Column("model", String, nullable=False),
    Column("rung", String, nullable=False),
    Column("release", String, nullable=False),
    Column("ladder_release", String, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("top", Boolean, nullable=False),
    Column("drawn", Boolean, nullable=False),
    Column("status", String, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", Double, nullable=False),
    Column("latency_ms", Double, nullable=False),
    Column("overhead_ms", Double, nullable=False),
    Column("source", String, nullable=False),
    Column("config_hash", String, nullable=False),
    Column("low_rung", String),
    Column("low_confidence", Double),
    Column("low_answer", PackedText),
    Column("answer", PackedText, nullable=False),
    Column("error", Text, nullable=False),
    Column("text", PackedText, nullable=False),
    Column("fields", PackedText, nullable=False),
    Column("turns", PackedText, nullable=False),
    # Added by 0002, and so last; `tenant` is whom the key belongs to.
    Column("key", String, nullable=False, server_default=""),
    # Added by 0003.
    Column("estimated", Boolean, nullable=False, server_default=false()),
    # Added by 0004.
    Column("grounds", PackedText, nullable=False, server_default=""),
    # Added by 0006: what guards remarked, as JSON; "" for nothing.
    Column("remarks", Text, nullable=False, server_default=""),
    # Added by 0007: whom it is about (HMAC of the id that the caller gave), and whether it may teach.
    Column("subject", String, nullable=False, server_default=""),
    Column("training", Boolean, nullable=False, server_default=true()),
    # Added by 0011: tools that were used, as JSON, and the question that a plan began with.
    Column("tools", Text, nullable=False, server_default=""),
    Column("parent", String, nullable=False, server_default=""),
    Index("ledger_labels", "task", "status", "top", "seq", "drawn"),
    Index("ledger_outcomes", "task", "ladder_release", "drawn", "seq"),
    Index("ledger_times", "task", "at"),
    Index(
        "ledger_subjects",
        "subject",
        sqlite_where=text("subject <> ''"),
        postgresql_where=text("subject <> ''"),
    ),
    Index(
        "ledger_parents", "parent", sqlite_where=text("parent <> ''"), postgresql_where=text("parent <> ''")
    ),
    sqlite_autoincrement=True,
)

# `seq` is the question's, so that labels are read in the ledger's order without a look at the ledger.
audits = Table(
    "audits",
    metadata,
    Column("seq", _RowNumber, ForeignKey("ledger.seq"), primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("task", String, nullable=False),
    Column("ladder_release", String, nullable=False),
    Column("agreed", Boolean, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", Double, nullable=False),
    Column("latency_ms", Double, nullable=False),
    Column("status", String, nullable=False),
    Column("top_answer", PackedText, nullable=False),
    Index("audits_labels", "task", "status", "seq"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", _RowNumber, primary_key=True, autoincrement=True),
    Column("seq", _RowNumber, ForeignKey("ledger.seq"), nullable=False),
    Column("at", Double, nullable=False),
    Column("tenant", String, nullable=False),
    Column("answer", PackedText),
    Column("score", Double),
    Column("source", String),
    Column("comment", PackedText),
    # Added by 0009: the name of the caller's key ("": the house's own word), and whether it may teach (see `Sources`).
    Column("key", String, nullable=False, server_default=""),
    Column("state", String, nullable=False, server_default=""),
    Index("feedback_question", "seq", "id"),
    sqlite_autoincrement=True,
)

keys = Table(
    "keys",
    metadata,
    Column("hash", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("admin", Boolean, nullable=False),
    Column("last4", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    Column("tenant", String, nullable=False, server_default=""),
    Column("expires_at", Double),
    # Added by 0007: what it may do beside asking; scopes are separated by spaces.
    Column("role", String, nullable=False, server_default=""),
    Column("scopes", String, nullable=False, server_default=""),
    # Added by 0013: a JSON list of the groups whose documents it may read.
    Column("groups", String, nullable=False, server_default="[]"),
    # Added by 0015: whose it is; "" where nobody has said.
    Column("person", String, nullable=False, server_default=""),
    Index("keys_name", "name"),
)

# People who log in with a password, of which only a slow hash is kept.
accounts = Table(
    "accounts",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("password", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("disabled_at", Double),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Double, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    # Added by 0012: the role that an issuer's log-in gave; "" where the account says.
    Column("role", String, nullable=False, server_default=""),
    Index("sessions_account", "account"),
)

# What was spent, in billionths of the currency's unit. `slot` is the worker's: after a crash, what it had committed is
# told apart from what the others are about to.
spending = Table(
    "spending",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("tenant", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("nanos", BigInteger, nullable=False),
    Column("answers", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)

# Who did what, and when; each line is chained to the one before (see `chain`).
# Which answers belong to a conversation; the words are the ledger's.
conversations = Table(
    "conversations",
    metadata,
    Column("request_id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("conversation", String, nullable=False),
    Column("at", Double, nullable=False),
    Column("confidential", Boolean, nullable=False),
    Index("conversations_whose", "tenant", "conversation", "at"),
)

journal = Table(
    "journal",
    metadata,
    Column("id", _RowNumber, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("who", String, nullable=False),
    Column("what", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("before", String, nullable=False, server_default=""),
    Column("digest", String, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("task", String, primary_key=True),
    Column("live", String),
    Column("candidate", String),
    Column("share", Double, nullable=False),
    Column("previous", String),
    Column("version", Integer, nullable=False),
    Column("draw", Double),
)

rollout_history = Table(
    "rollout_history",
    metadata,
    Column("task", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("live", String),
    Column("candidate", String),
    Column("share", Double, nullable=False),
    Column("previous", String),
    Column("draw", Double),
    Column("at", Double, nullable=False),
    Column("who", String, nullable=False),
    Column("why", Text, nullable=False),
)

switches = Table(
    "switches",
    metadata,
    Column("task", String, primary_key=True),
    Column("mode", String, nullable=False),
    Column("who", String, nullable=False),
    Column("at", Double, nullable=False),
)

entries = Table(
    "entries",
    metadata,
    Column("task", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("answer", Text, nullable=False),
    Column("who", String, nullable=False),
    Column("at", Double, nullable=False),
)

entry_changes = Table(
    "entry_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("task", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("undoes", Integer),
    Column("who", String, nullable=False),
    Column("at", Double, nullable=False),
    Index("entry_changes_of_task", "task", "id"),
)

entry_versions = Table(
    "entry_versions",
    metadata,
    Column("task", String, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

datasets = Table(
    "datasets",
    metadata,
    Column("task", String, primary_key=True),
    Column("hash", String, primary_key=True),
    Column("sizes", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("id", String, primary_key=True),
    Column("task", String, nullable=False),
    Column("rung", String, nullable=False),
    Column("recipe", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("releases_task", "task", "created_at"),
)

ladder_releases = Table(
    "ladder_releases",
    metadata,
    Column("id", String, primary_key=True),
    Column("task", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("rungs", Text, nullable=False),
    Column("thresholds", Text, nullable=False),
    Column("certificate", Text),
    Column("top", String, nullable=False),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("task", "number", name="ladder_releases_number"),
)

numbers = Table(
    "numbers",
    metadata,
    Column("task", String, primary_key=True),
    Column("number", Integer, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("until", Double, nullable=False),
)

progress = Table(
    "progress",
    metadata,
    Column("task", String, primary_key=True),
    Column("stage", String, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("at", Double, nullable=False),
)

turns = Table(
    "turns",
    metadata,
    Column("task", String, primary_key=True),
    Column("state", Text, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

stamps = Table(
    "stamps",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", BigInteger, nullable=False),
)

alembic_version = Table(
    "alembic_version", metadata, Column("version_num", String(32), primary_key=True, nullable=False)
)
