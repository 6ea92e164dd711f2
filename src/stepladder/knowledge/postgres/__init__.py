"""Collections published to PostgreSQL, and searched there: its full text over our own terms, and pgvector.

`knowledge.db` stays the truth: publishing brings a collection there into the same state, document by document. Whoever
can read the database can read the documents; who may find which of them is asked in every query.
"""

from stepladder.knowledge.postgres.publishing import Published, publish
from stepladder.knowledge.postgres.retriever import PostgresRetriever

__all__ = ["PostgresRetriever", "Published", "publish"]
