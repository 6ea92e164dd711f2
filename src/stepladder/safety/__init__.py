"""Guards: what a text going in or out is judged by, and what becomes of it.

Sensitive words, attacks, harm, personal data, secrets, form. `Guards` stands on a question's path: by the policy of its
task or model and tenant it clears what goes in and what comes out, also of a stream, and closes when a guard fails. It
knows nothing of HTTP or the ledger, and not how its classifiers were trained: their weights ship as data.
"""

from stepladder.safety.attacks import AttacksGuard, AttacksSettings
from stepladder.safety.calibrating import Calibrated, calibrated
from stepladder.safety.chain import FAILED, Chain, merge
from stepladder.safety.classifier import HASHER, Classifier, Table, pack
from stepladder.safety.closer import (
    CLOSER_CHARACTERS,
    CLOSER_EMBEDDER,
    Closer,
    CloserLook,
    Network,
    looks_closer,
    pack_closer,
)
from stepladder.safety.configured import Configured
from stepladder.safety.desk import Desk, answer_of, decide, held_name
from stepladder.safety.dialects import DIALECTS, Dialect, Said
from stepladder.safety.form import FormGuard, FormSettings
from stepladder.safety.guards import Guards
from stepladder.safety.harm import HarmGuard, HarmSettings
from stepladder.safety.kept import kept, without_secrets
from stepladder.safety.ladder import Fail, LadderGuard, LadderSettings
from stepladder.safety.learnt import BAD, FINE, LinearGuard, LinearGuardSettings
from stepladder.safety.numbers import NumbersGuard, NumbersSettings
from stepladder.safety.opening import DEFAULT, MissingGuard, default_chain, open_guard, open_or_block
from stepladder.safety.owners_words import DEEDS, checked_word
from stepladder.safety.personal import PersonalGuard, PersonalSettings
from stepladder.safety.policy import Policies, Policy
from stepladder.safety.refusals import language_of, refusal
from stepladder.safety.secrets import SecretsGuard, SecretsSettings
from stepladder.safety.stream import StreamGuard
from stepladder.safety.taxonomy import CATEGORIES, GB_RISKS, HAZARDS, Category
from stepladder.safety.words import (
    Bloom,
    Lexicon,
    Word,
    WordsGuard,
    import_lists,
    read_lexicon,
    write_lexicon,
)

__all__ = [
    "BAD",
    "CATEGORIES",
    "CLOSER_CHARACTERS",
    "CLOSER_EMBEDDER",
    "DEEDS",
    "DEFAULT",
    "DIALECTS",
    "FAILED",
    "FINE",
    "GB_RISKS",
    "HASHER",
    "HAZARDS",
    "AttacksGuard",
    "AttacksSettings",
    "Bloom",
    "Calibrated",
    "Category",
    "Chain",
    "Classifier",
    "Closer",
    "CloserLook",
    "Configured",
    "Desk",
    "Dialect",
    "Fail",
    "FormGuard",
    "FormSettings",
    "Guards",
    "HarmGuard",
    "HarmSettings",
    "LadderGuard",
    "LadderSettings",
    "Lexicon",
    "LinearGuard",
    "LinearGuardSettings",
    "MissingGuard",
    "Network",
    "NumbersGuard",
    "NumbersSettings",
    "PersonalGuard",
    "PersonalSettings",
    "Policies",
    "Policy",
    "Said",
    "SecretsGuard",
    "SecretsSettings",
    "StreamGuard",
    "Table",
    "Word",
    "WordsGuard",
    "answer_of",
    "calibrated",
    "checked_word",
    "decide",
    "default_chain",
    "held_name",
    "import_lists",
    "kept",
    "language_of",
    "looks_closer",
    "merge",
    "open_guard",
    "open_or_block",
    "pack",
    "pack_closer",
    "read_lexicon",
    "refusal",
    "without_secrets",
    "write_lexicon",
]
