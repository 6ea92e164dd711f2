"""Guards: what a text going in or out is judged by, and what becomes of it.

Sensitive words, attacks, harm, secrets, form; one chain runs them and closes when one of them fails. It knows nothing
of HTTP, tenants or the ledger, and not how its classifiers were trained: their weights ship as data.
"""

from stepladder.safety.words import Lexicon, Word, WordsGuard, import_lists

__all__ = ["Lexicon", "Word", "WordsGuard", "import_lists"]
