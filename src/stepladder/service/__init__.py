"""Tasks as they are served: what of a chat request is the question, which ladder release gets it, what is written down.

It knows OpenAI's request body, the modes of a task and the audit by the top rung. It does not know HTTP, keys, or how
a release was made.
"""

from stepladder.service.audit import AuditCounts, Auditor
from stepladder.service.enter import enter
from stepladder.service.entry import Asked, Entry
from stepladder.service.model_entry import ModelEntry
from stepladder.service.offline import Labelled, label
from stepladder.service.plan import OWNERS_WORD, Plan, ServedTask, Snapshot
from stepladder.service.request import ChatRequest, read, read_forwarded
from stepladder.service.task_entry import TaskEntry

__all__ = [
    "OWNERS_WORD",
    "Asked",
    "AuditCounts",
    "Auditor",
    "ChatRequest",
    "Entry",
    "Labelled",
    "ModelEntry",
    "Plan",
    "ServedTask",
    "Snapshot",
    "TaskEntry",
    "enter",
    "label",
    "read",
    "read_forwarded",
]
