"""Tasks as they are served: what of a chat request is the question, which ladder release gets it, what is written down.

It knows OpenAI's request body, the modes of a task, plans, tools and the audit by the top rung. It does not know how it
is served, keys, or how a release was made.
"""

from stepladder.service.audit import AuditCounts, Auditor
from stepladder.service.continuing import goes_on, going_on, shown, spoken
from stepladder.service.enter import enter, new_id
from stepladder.service.entry import Asked, Entry
from stepladder.service.finding import DICTIONARY, Finder, Found, Source, fused, points_back, rewriting_task
from stepladder.service.grounded import Grounded, Retrieving
from stepladder.service.judging import judging_task
from stepladder.service.known import READER, VERIFIED, ReaderRung, Verified, VerifiedRung, signature
from stepladder.service.likeness import Likeness, likeness
from stepladder.service.model_entry import ModelEntry
from stepladder.service.offline import Labelled, label
from stepladder.service.plan import OWNERS_WORD, UNSEEN, Plan, ServedTask, Snapshot
from stepladder.service.purse import Aside
from stepladder.service.request import CHAT, ChatRequest, read, read_forwarded
from stepladder.service.steps import Course
from stepladder.service.summing import EXTRACT, ExtractRung, SummingRung, part_task, whole_task
from stepladder.service.task_entry import TaskEntry
from stepladder.service.texts import texts_of, with_texts
from stepladder.service.tools import OpenedTool, OpenedTools

__all__ = [
    "CHAT",
    "DICTIONARY",
    "EXTRACT",
    "OWNERS_WORD",
    "READER",
    "UNSEEN",
    "VERIFIED",
    "Aside",
    "Asked",
    "AuditCounts",
    "Auditor",
    "ChatRequest",
    "Course",
    "Entry",
    "ExtractRung",
    "Finder",
    "Found",
    "Grounded",
    "Labelled",
    "Likeness",
    "ModelEntry",
    "OpenedTool",
    "OpenedTools",
    "Plan",
    "ReaderRung",
    "Retrieving",
    "ServedTask",
    "Snapshot",
    "Source",
    "SummingRung",
    "TaskEntry",
    "Verified",
    "VerifiedRung",
    "enter",
    "fused",
    "goes_on",
    "going_on",
    "judging_task",
    "label",
    "likeness",
    "new_id",
    "part_task",
    "points_back",
    "read",
    "read_forwarded",
    "rewriting_task",
    "shown",
    "signature",
    "spoken",
    "texts_of",
    "whole_task",
    "with_texts",
]
