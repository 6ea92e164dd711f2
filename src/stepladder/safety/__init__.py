"""Guards: what a text going in or out is judged by, and what becomes of it.

Sensitive words, attacks, harm, personal data, secrets, form; one chain asks them all and closes when one fails, and a
stream is watched through windows. It knows nothing of HTTP, tenants or the ledger, and not how its classifiers were
trained: their weights ship as data.
"""

from stepladder.safety.attacks import AttacksGuard, AttacksSettings
from stepladder.safety.chain import FAILED, Chain, merge
from stepladder.safety.classifier import HASHER, Classifier, Table, pack
from stepladder.safety.form import FormGuard, FormSettings
from stepladder.safety.harm import HarmGuard, HarmSettings
from stepladder.safety.opening import DEFAULT, MissingGuard, default_chain, open_guard, open_or_block
from stepladder.safety.personal import PersonalGuard, PersonalSettings
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
    "CATEGORIES",
    "DEFAULT",
    "FAILED",
    "GB_RISKS",
    "HASHER",
    "HAZARDS",
    "AttacksGuard",
    "AttacksSettings",
    "Bloom",
    "Category",
    "Chain",
    "Classifier",
    "FormGuard",
    "FormSettings",
    "HarmGuard",
    "HarmSettings",
    "Lexicon",
    "MissingGuard",
    "PersonalGuard",
    "PersonalSettings",
    "SecretsGuard",
    "SecretsSettings",
    "StreamGuard",
    "Table",
    "Word",
    "WordsGuard",
    "default_chain",
    "import_lists",
    "merge",
    "open_guard",
    "open_or_block",
    "pack",
    "read_lexicon",
    "write_lexicon",
]
