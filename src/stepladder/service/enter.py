"""At the door: a request becomes a question to a task, or a chat with a model."""

from dataclasses import replace
from random import getrandbits

from stepladder.core import Clock, Tenant
from stepladder.models import SplitModel
from stepladder.service.entry import Asked, Entry
from stepladder.service.model_entry import ModelEntry
from stepladder.service.plan import ServedTask, Snapshot
from stepladder.service.request import ChatRequest
from stepladder.service.split_entry import SplitEntry
from stepladder.service.task_entry import TaskEntry
from stepladder.service.tools import hands_of


def new_id(at: float) -> str:
    """Names a request that came `at` (Unix seconds); ids grow with time, which the ledger is quicker for."""
    return f"sl{int(at * 1000):012x}{getrandbits(80):020x}"


def enter(snapshot: Snapshot, request: ChatRequest, tenant: Tenant, clock: Clock) -> Entry:
    """A question on its way to what its `model` names. Raises BadRequest; UnknownModel, when that is nothing we have."""
    served, at, config = snapshot.find(request.model), clock.time(), snapshot.config
    asked = Asked(new_id(at), tenant, request, at, clock.monotonic(), config.hash)
    if isinstance(served, ServedTask):
        limit = config.server.max_text_chars
        question = request.question(served.task, id=asked.id, tenant=tenant, asked_at=at, limit=limit)
        hands = hands_of(served.task.tools, snapshot.tools, tenant.tools, confidential=question.confidential)
        return TaskEntry(asked, clock, served, replace(question, hands=hands) if hands else question)
    entry = (
        SplitEntry(asked, clock, served, snapshot)
        if isinstance(served, SplitModel)
        else ModelEntry(asked, clock, *snapshot.model(request.model))
    )
    if request.tools.use:
        entry.hands = hands_of(request.tools, snapshot.tools, tenant.tools, confidential=entry.confidential)
    return entry
