"""What was found, in the order of somebody who has read it."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from stepladder.core import Hit, Reranker, RungFailed

_log = logging.getLogger(__name__)


def reranked(reranker: Reranker, query: str, hits: Sequence[Hit]) -> list[Hit]:
    """The first `candidates` hits by the re-ranker's scores, the others behind; as they were where it cannot be asked."""
    shown, others = hits[: reranker.candidates], hits[reranker.candidates :]
    texts = ["\n".join(filter(None, (hit.passage.title, hit.passage.text))) for hit in shown]
    try:
        scores = reranker.scores(query, texts)
    except RungFailed as error:
        _log.warning("Passages were not put in a new order: %s", error.message)
        return list(hits)
    scored = [replace(hit, score=score) for hit, score in zip(shown, scores, strict=True)]
    return [*sorted(scored, key=lambda hit: -hit.score), *others]
