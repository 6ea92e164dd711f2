"""Everything that can answer a question and say how sure it is, and the Ladder that climbs from one to the next.

Each rung answers from what it was given: an artefact's folder, a table of entries, an upstream's address. It knows
nothing of who asks, of promises, or of how it was trained. The local model is loaded by its entry point only.
"""

from stepladder.models.chat import ChatModel, refuse_confidential
from stepladder.models.contract import equal, parse_answer, prompt_for, response_format
from stepladder.models.dictionary import DictionaryRung, Entries
from stepladder.models.estimate import estimate_call, estimate_question
from stepladder.models.fallback import with_fallbacks
from stepladder.models.ladder import Climb, Ladder
from stepladder.models.linear import Evidence, LinearModel, LinearRung
from stepladder.models.recorded import RecordedModel
from stepladder.models.sse import DONE, Event, EventReader, EventTooLong, write_event
from stepladder.models.tool_calls import read_back, written
from stepladder.models.wire import text_of

__all__ = [
    "DONE",
    "ChatModel",
    "Climb",
    "DictionaryRung",
    "Entries",
    "Event",
    "EventReader",
    "EventTooLong",
    "Evidence",
    "Ladder",
    "LinearModel",
    "LinearRung",
    "RecordedModel",
    "equal",
    "estimate_call",
    "estimate_question",
    "parse_answer",
    "prompt_for",
    "read_back",
    "refuse_confidential",
    "response_format",
    "text_of",
    "with_fallbacks",
    "write_event",
    "written",
]
