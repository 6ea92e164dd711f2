"""Personal data in text: find it, mask or hash it, or put placeholders in its place that only the asker sees restored.

Chinese and English alike, by forms, check digits, the words around and a small spelling model of names; a pure function
of the text. Vaults keep what placeholders stand for and can be sealed for a store. It knows nothing of guards,
policies, HTTP or where vaults are stored.
"""

from stepladder.privacy import spelling
from stepladder.privacy.actions import UNASKED, Action, block, foreign, keyed_hash, mask, redact
from stepladder.privacy.find import find, identifies
from stepladder.privacy.finding import Finding, Kind
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
    "SealedVaults",
    "Vault",
    "VaultStore",
    "VaultUnreadable",
    "block",
    "find",
    "foreign",
    "identifies",
    "keyed_hash",
    "mask",
    "redact",
    "spelling",
]
