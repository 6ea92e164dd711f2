"""Everything that can answer a question and say how sure it is, and the Ladder that climbs from one to the next.

Each rung answers from what it was given: an artefact's folder, a table of entries, an upstream's address. It knows
nothing of who asks, of promises, or of how it was trained. The local model is loaded by its entry point only.
"""

from stepladder.models.chat import ChatModel
from stepladder.models.contract import equal, parse_answer, prompt_for, response_format
from stepladder.models.dictionary import DictionaryRung, Entries
from stepladder.models.embedding import open_embedder
from stepladder.models.ladder import Climb, Ladder
from stepladder.models.linear import Evidence, LinearModel, LinearRung
from stepladder.models.recorded import RecordedModel
from stepladder.models.sse import DONE, Event, EventReader, EventTooLong, write_event

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
    "open_embedder",
    "parse_answer",
    "prompt_for",
    "response_format",
    "write_event",
]
