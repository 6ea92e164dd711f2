"""The ledger and every other table, in SQLite (or PostgreSQL): what the server and the flywheel share.

It keeps rows and gives them back; it does not know what a good answer, a fair sample or a right threshold is,
nor where a release's files are. Every write is one short transaction, and the ledger's are grouped by a
thread.
"""

from stepladder.store.accounts import SESSION, Account, Accounts, alike
from stepladder.store.approved import (
    OVERLAP,
    UNANSWERED,
    UNSUPPORTED,
    Approval,
    Approved,
    Gap,
    grounds_of,
)
from stepladder.store.backup import backup, restore
from stepladder.store.catalogue import Catalogue
from stepladder.store.chain import Anchor, Fault, Link, first_fault, read_journal
from stepladder.store.conversations import Conversation, Conversations
from stepladder.store.data_keys import Cipher, DataKey, DataKeys, Envelope
from stepladder.store.drifts import Drifts
from stepladder.store.entries import EVERYWHERE, WORD, Entries
from stepladder.store.journal import Journal
from stepladder.store.judged import Judged, JudgedRow
from stepladder.store.keys import Keys, check_name
from stepladder.store.ledger import Ledger
from stepladder.store.payload import Keep
from stepladder.store.retention import Retention, Size
from stepladder.store.reviews import ASKING, GUARDS, OPEN, REVIEW, Reviews
from stepladder.store.rollouts import RolloutConflict, Rollouts, Switches
from stepladder.store.rows import (
    FEEDBACK,
    KEPT_OUT,
    AskedRow,
    AuditRow,
    Change,
    Charge,
    DatasetCard,
    DecisionRow,
    Entry,
    EntryChange,
    FeedbackRow,
    HeldRow,
    Key,
    LabelledRow,
    Latency,
    LedgerRow,
    Note,
    Outcome,
    Pseudonym,
    Source,
    Stage,
    TaskSummary,
    Word,
)
from stepladder.store.runs import Run, Runs
from stepladder.store.shared_answers import SharedAnswers
from stepladder.store.sources import DECIDED, Sources
from stepladder.store.spending import Spending, Spent
from stepladder.store.store import Store
from stepladder.store.subjects import Kept
from stepladder.store.trials import AnswerFigures, ArmAnswer, Trials
from stepladder.store.turning import Leases, Stages, Turns
from stepladder.store.vaults import conversation_name

__all__ = [
    "ASKING",
    "DECIDED",
    "EVERYWHERE",
    "FEEDBACK",
    "GUARDS",
    "KEPT_OUT",
    "OPEN",
    "OVERLAP",
    "REVIEW",
    "SESSION",
    "UNANSWERED",
    "UNSUPPORTED",
    "WORD",
    "Account",
    "Accounts",
    "Anchor",
    "AnswerFigures",
    "Approval",
    "Approved",
    "ArmAnswer",
    "AskedRow",
    "AuditRow",
    "Catalogue",
    "Change",
    "Charge",
    "Cipher",
    "Conversation",
    "Conversations",
    "DataKey",
    "DataKeys",
    "DatasetCard",
    "DecisionRow",
    "Drifts",
    "Entries",
    "Entry",
    "EntryChange",
    "Envelope",
    "Fault",
    "FeedbackRow",
    "Gap",
    "HeldRow",
    "Journal",
    "Judged",
    "JudgedRow",
    "Keep",
    "Kept",
    "Key",
    "Keys",
    "LabelledRow",
    "Latency",
    "Leases",
    "Ledger",
    "LedgerRow",
    "Link",
    "Note",
    "Outcome",
    "Pseudonym",
    "Retention",
    "Reviews",
    "RolloutConflict",
    "Rollouts",
    "Run",
    "Runs",
    "SharedAnswers",
    "Size",
    "Source",
    "Sources",
    "Spending",
    "Spent",
    "Stage",
    "Stages",
    "Store",
    "Switches",
    "TaskSummary",
    "Trials",
    "Turns",
    "Word",
    "alike",
    "backup",
    "check_name",
    "conversation_name",
    "first_fault",
    "grounds_of",
    "read_journal",
    "restore",
]
