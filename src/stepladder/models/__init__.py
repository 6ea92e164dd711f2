"""Everything that can answer a question and say how sure it is, and the Ladder that climbs from one to the next.

Each rung answers from what it was given: an artefact's folder, a table of entries, an upstream's address. It knows
nothing of who asks, of promises, or of how it was trained. The local model is loaded by its entry point only.
"""

from stepladder.models.adapters import serve_adapter
from stepladder.models.belief import Belief
from stepladder.models.chat import ChatModel, refuse_confidential
from stepladder.models.codes import candidates
from stepladder.models.columns import Column, Columns
from stepladder.models.contract import equal, mismatch, parse_answer, prompt_for, response_format
from stepladder.models.dictionary import OF_THINGS, TERM, DictionaryRung, Entries, checked_entry, entry_key
from stepladder.models.embedded import Remembering, any_embedder, embedder_of, shared_embedder
from stepladder.models.embedded_columns import EmbeddedColumns
from stepladder.models.embedding import open_embedder
from stepladder.models.encoder import EncoderModel, EncoderRung
from stepladder.models.estimate import estimate_call, estimate_question
from stepladder.models.fallback import with_fallbacks
from stepladder.models.fast_text import PREFIX as FASTTEXT_PREFIX
from stepladder.models.fast_text import (
    FastTextModel,
    FastTextRung,
    import_fasttext,
    line_of,
    log_chances,
    open_engine,
)
from stepladder.models.few_shot import FEATURES as FEW_SHOT_FEATURES
from stepladder.models.few_shot import FewShotModel, FewShotRung, Said, Shelf
from stepladder.models.finetuned import NETWORK, TOKENIZER, FinetunedModel, FinetunedRung, Head
from stepladder.models.folder_embedder import most_tokens
from stepladder.models.ladder import Climb, Ladder
from stepladder.models.linear import Evidence, LinearModel, LinearRung
from stepladder.models.llama import cores
from stepladder.models.llama_blocking import BlockingLlama
from stepladder.models.look import Look, Looking, softmax, surest
from stepladder.models.measure import lost, may_be_low, speaks_of
from stepladder.models.neighbours import (
    Neighbour,
    NeighboursModel,
    NeighboursRung,
    Vote,
    centred,
    sums,
    unit,
)
from stepladder.models.off_loop import off_loop
from stepladder.models.passages import bytes_of, refusal_for
from stepladder.models.phrases import Pattern
from stepladder.models.recorded import RecordedModel
from stepladder.models.reranking import EndpointReranker
from stepladder.models.router import Embed, Router, shape, wide_row
from stepladder.models.split import Arm, SplitModel, refuse_route, with_splits
from stepladder.models.sse import DONE, Event, EventReader, EventTooLong, write_event
from stepladder.models.stack import MEMBERS, StackModel, StackRung, Voice, features, log_probabilities
from stepladder.models.tagger import (
    OUTSIDE,
    Layout,
    TaggerModel,
    TaggerRung,
    confidence_features,
    import_crfsuite,
    name_class,
    open_tagger,
    tag,
    token_features,
    tokens_of,
    values_of,
)
from stepladder.models.tool_calls import read_back, written
from stepladder.models.tool_loop import chat_with
from stepladder.models.trees import Pull, TreesModel, TreesRung, class_chances, import_lightgbm, text_columns
from stepladder.models.tuned import WEIGHTS, Coded, TunedModel, TunedRung
from stepladder.models.unsure import UnsureRung
from stepladder.models.weights_file import weights_file
from stepladder.models.wire import said_by_us, text_of

__all__ = [
    "DONE",
    "FASTTEXT_PREFIX",
    "FEW_SHOT_FEATURES",
    "MEMBERS",
    "NETWORK",
    "OF_THINGS",
    "OUTSIDE",
    "TERM",
    "TOKENIZER",
    "WEIGHTS",
    "Arm",
    "Belief",
    "BlockingLlama",
    "ChatModel",
    "Climb",
    "Coded",
    "Column",
    "Columns",
    "DictionaryRung",
    "Embed",
    "EmbeddedColumns",
    "EncoderModel",
    "EncoderRung",
    "EndpointReranker",
    "Entries",
    "Event",
    "EventReader",
    "EventTooLong",
    "Evidence",
    "FastTextModel",
    "FastTextRung",
    "FewShotModel",
    "FewShotRung",
    "FinetunedModel",
    "FinetunedRung",
    "Head",
    "Ladder",
    "Layout",
    "LinearModel",
    "LinearRung",
    "Look",
    "Looking",
    "Neighbour",
    "NeighboursModel",
    "NeighboursRung",
    "Pattern",
    "Pull",
    "RecordedModel",
    "Remembering",
    "Router",
    "Said",
    "Shelf",
    "SplitModel",
    "StackModel",
    "StackRung",
    "TaggerModel",
    "TaggerRung",
    "TreesModel",
    "TreesRung",
    "TunedModel",
    "TunedRung",
    "UnsureRung",
    "Voice",
    "Vote",
    "any_embedder",
    "bytes_of",
    "candidates",
    "centred",
    "chat_with",
    "checked_entry",
    "class_chances",
    "confidence_features",
    "cores",
    "embedder_of",
    "entry_key",
    "equal",
    "estimate_call",
    "estimate_question",
    "features",
    "import_crfsuite",
    "import_fasttext",
    "import_lightgbm",
    "line_of",
    "log_chances",
    "log_probabilities",
    "lost",
    "may_be_low",
    "mismatch",
    "most_tokens",
    "name_class",
    "off_loop",
    "open_embedder",
    "open_engine",
    "open_tagger",
    "parse_answer",
    "prompt_for",
    "read_back",
    "refusal_for",
    "refuse_confidential",
    "refuse_route",
    "response_format",
    "said_by_us",
    "serve_adapter",
    "shape",
    "shared_embedder",
    "softmax",
    "speaks_of",
    "sums",
    "surest",
    "tag",
    "text_columns",
    "text_of",
    "token_features",
    "tokens_of",
    "unit",
    "values_of",
    "weights_file",
    "wide_row",
    "with_fallbacks",
    "with_splits",
    "write_event",
    "written",
]
