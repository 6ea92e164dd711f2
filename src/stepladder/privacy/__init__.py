"""Personal data in text: find it, mask or hash it, or put placeholders in its place that only the asker sees restored.

Chinese and English alike, by forms, check digits, the words around and a small spelling model of names; a pure function
of the text. Vaults keep what placeholders stand for; they and texts at rest can be sealed. It knows nothing of guards,
policies, HTTP or where what is sealed lies.
"""

from stepladder.privacy import names_han, people_han, spelling
from stepladder.privacy.actions import UNASKED, Action, block, foreign, keyed_hash, mask, redact
from stepladder.privacy.envelope import SealedKeys
from stepladder.privacy.find import find, identifies
from stepladder.privacy.finding import Finding, Kind
from stepladder.privacy.fold import canonical, fold
from stepladder.privacy.presidio import PresidioFinder
from stepladder.privacy.pseudonyms import Restorer, Vault
from stepladder.privacy.sealed import SealedVaults, VaultStore, VaultUnreadable

__all__ = [
    "UNASKED",
    "Action",
    "Finding",
    "Kind",
    "PresidioFinder",
    "Restorer",
    "SealedKeys",
    "SealedVaults",
    "Vault",
    "VaultStore",
    "VaultUnreadable",
    "block",
    "canonical",
    "find",
    "fold",
    "foreign",
    "identifies",
    "keyed_hash",
    "mask",
    "names_han",
    "people_han",
    "redact",
    "spelling",
]
