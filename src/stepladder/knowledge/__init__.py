"""Documents, their passages, and searching in them, in Chinese and English alike, on a CPU.

Text, inverted index and vectors lie in one SQLite file and change in one transaction; a document is found by its words
from the moment it is written. It knows collections and who may see them, but nothing of tasks, ladders or HTTP, and
trusts no text: what it finds is quoted, never obeyed.
"""

from stepladder.knowledge.decoding import code_of
from stepladder.knowledge.extractive import extract
from stepladder.knowledge.features import FEATURES
from stepladder.knowledge.grounding import Evidence, Support, claims, unmarked
from stepladder.knowledge.html_text import html_text
from stepladder.knowledge.instructions import is_instruction, trusted, without_instructions
from stepladder.knowledge.knowledge import Knowledge
from stepladder.knowledge.nouns import Change, Collection, Document, Refused, SearchMode, Stored
from stepladder.knowledge.pictures import PictureReader, PictureRefused, PictureUnread, require_pictures
from stepladder.knowledge.quality import Asked, Quality, Said, evaluate, ndcg, questions
from stepladder.knowledge.quota import QuotaFile
from stepladder.knowledge.ranker import Ranker
from stepladder.knowledge.rankers import Kept, Worth
from stepladder.knowledge.reader import Candidate, Quote, answered, best_quote, candidates, signs
from stepladder.knowledge.reading import files, jsonl, read, received, sorted_out
from stepladder.knowledge.search import Query
from stepladder.knowledge.selftest import self_test
from stepladder.knowledge.sources import Folder, Outcome, Visit, database_says, keep_up, open_source
from stepladder.knowledge.splitting import Piece, Splitting, size, split
from stepladder.knowledge.terms import document_terms, in_order, query_terms
from stepladder.knowledge.tuning import Lesson, Tuned

__all__ = [
    "FEATURES",
    "Asked",
    "Candidate",
    "Change",
    "Collection",
    "Document",
    "Evidence",
    "Folder",
    "Kept",
    "Knowledge",
    "Lesson",
    "Outcome",
    "PictureReader",
    "PictureRefused",
    "PictureUnread",
    "Piece",
    "Quality",
    "Query",
    "QuotaFile",
    "Quote",
    "Ranker",
    "Refused",
    "Said",
    "SearchMode",
    "Splitting",
    "Stored",
    "Support",
    "Tuned",
    "Visit",
    "Worth",
    "answered",
    "best_quote",
    "candidates",
    "claims",
    "code_of",
    "database_says",
    "document_terms",
    "evaluate",
    "extract",
    "files",
    "html_text",
    "in_order",
    "is_instruction",
    "jsonl",
    "keep_up",
    "ndcg",
    "open_source",
    "query_terms",
    "questions",
    "read",
    "received",
    "require_pictures",
    "self_test",
    "signs",
    "size",
    "sorted_out",
    "split",
    "trusted",
    "unmarked",
    "without_instructions",
]
