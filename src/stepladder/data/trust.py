"""Whose feedback may teach: what the top said, what near examples say, and what a source's words were worth so far.

A word that repeats the top's answer teaches nothing new and may teach. One that differs is *borne out* where near examples
(the top's answers to other questions, which no source can choose) say it more than they say the top's answer here, else
*contradicted*. Honest corrections of hard questions are borne out more often than not, flipped labels are not: so a
source is trusted once an exact interval (Clopper and Pearson 1934) says that less than half of its words are contradicted,
and distrusted once it says more than half. Of a source that is neither, what is borne out teaches and what is contradicted
waits for a person. A person's decision, about a word or a source, outranks all of this.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stepladder.core import Remark, Task, Teaching
from stepladder.models import equal, shared_embedder
from stepladder.promise import clopper_pearson_lower, clopper_pearson_upper
from stepladder.store import DECIDED, FEEDBACK, HeldRow, Source, Store, Word

_RISK = 0.05  # that an interval misses the share, for each source
_NEAR = 10  # examples that are asked
_ALIKE = 0.15  # cosine below which an example says nothing
_EXAMPLES = 4000  # the newest
_WAITING = 50  # of a task's words at most wait for a person at once: a flood must not bury the queue
_PATIENCE = 30 * 86400.0  # seconds after which a word that nobody looked at is refused
_NGRAMS = {"kind": "ngrams", "dimensions": 512}


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """A source: its words that differ from the top, how many of them are contradicted, and what follows from it."""

    source: Source
    words: int
    differing: int
    contradicted: int
    held: int
    trust: str


def judge_feedback(store: Store, task: Task) -> list[SourceStanding]:
    """Judge the words that are new, and those of their sources anew; what is held joins the review queue.

    [] where there is nothing new.
    """
    if not store.sources.waiting(task.name):
        return []
    words = store.sources.words(task.name)
    if task.watch.feedback is Teaching.ALL:
        store.sources.mark([word.id for word in words if not word.state], "in")
        return []
    bad = _contradicted(store, task, words)
    found = _standings(task, words, bad, store.sources.trust(task.name))
    trust = {one.source: one.trust for one in found}
    for state in ("in", "held"):
        open_words = [word for word in words if word.state not in (state, *DECIDED)]
        store.sources.mark(
            [word.id for word in open_words if _state(word.id in bad, trust[word.source]) == state], state
        )
    _queue(store, task)
    return found


def feedback_sources(store: Store, task: Task) -> list[SourceStanding]:
    """How every source stands, the most contradicted first."""
    words = store.sources.words(task.name)
    bad = _contradicted(store, task, words)
    found = _standings(task, words, bad, store.sources.trust(task.name))
    return sorted(found, key=lambda one: (-one.contradicted, one.source.tenant, one.source.name))


def _state(contradicted: bool, trust: str) -> str:
    if trust == "untrusted":
        return "held"
    return "in" if trust == "trusted" or not contradicted else "held"


def _differs(task: Task, word: Word) -> bool:
    return word.top_answer is None or not equal(task, word.answer, word.top_answer)


def _standings(
    task: Task, words: Sequence[Word], bad: set[int], decided: Mapping[Source, str]
) -> list[SourceStanding]:
    by_source: dict[Source, list[Word]] = defaultdict(list)
    for word in words:
        by_source[word.source].append(word)
    found = []
    for source, theirs in by_source.items():
        differing = [word for word in theirs if _differs(task, word)]
        wrong = sum(word.id in bad for word in differing)
        trust = decided.get(source) or _trust(wrong, len(differing))
        held = sum(word.state == "held" for word in theirs)
        found.append(SourceStanding(source, len(theirs), len(differing), wrong, held, trust))
    return found


def _trust(contradicted: int, differing: int) -> str:
    if differing and clopper_pearson_lower(contradicted, differing, _RISK) > 0.5:
        return "untrusted"
    if differing and clopper_pearson_upper(contradicted, differing, _RISK) < 0.5:
        return "trusted"
    return ""


def _contradicted(store: Store, task: Task, words: Sequence[Word]) -> set[int]:
    """The words (by id) that a person refused, or that neither the top nor near examples bear out."""
    found = {word.id for word in words if word.state == "refused"}
    open_words = [word for word in words if word.state not in DECIDED and _differs(task, word)]
    rows = store.ledger.labelled(task.name, after=max(0, store.ledger.last_seq() - 10 * _EXAMPLES))
    examples = [(row.seq, row.text, row.top_answer) for row in rows if row.top_answer is not None][
        -_EXAMPLES:
    ]
    if not open_words or not examples:
        return found | {word.id for word in open_words}
    embedding = shared_embedder(task.watch.embedder or _NGRAMS)
    near = (
        embedding.embed([word.text for word in open_words])
        @ embedding.embed([text for _, text, _ in examples]).T
    )
    for word, likeness in zip(open_words, near, strict=True):
        if not _borne_out(task, word, likeness, examples):
            found.add(word.id)
    return found


def _borne_out(
    task: Task, word: Word, likeness: NDArray[np.float32], examples: Sequence[tuple[int, str, str]]
) -> bool:
    """Whether near examples say the word more than what was answered."""
    rival = word.top_answer if word.top_answer is not None else word.given
    for_it = against = 0.0
    taken = 0
    for k in np.argsort(-likeness, kind="stable").tolist():
        seq, _, label = examples[k]
        if likeness[k] < _ALIKE or taken == _NEAR:
            break
        if seq == word.seq:
            continue
        taken += 1
        if equal(task, label, word.answer):
            for_it += float(likeness[k])
        elif equal(task, label, rival):
            against += float(likeness[k])
    return for_it > against


def _queue(store: Store, task: Task) -> None:
    """Let held words wait for a person, a few of each source at a time."""
    waiting = {
        row.id for row in store.reviews.queue(limit=10_000) if row.side == FEEDBACK and row.task == task.name
    }
    room = _WAITING - len(waiting)
    each: Counter[Source] = Counter()
    now = store.sources.clock.time()
    for word in store.sources.words(task.name):
        name = f"{FEEDBACK}-{word.id}"
        if (
            word.state != "held"
            or room <= 0
            or each[word.source] >= 10
            or store.reviews.get(name) is not None
        ):
            continue
        each[word.source] += 1
        room -= 1
        store.reviews.put(
            HeldRow(
                id=name,
                at=now,
                due=now + _PATIENCE,
                tenant=word.source.tenant,
                task=task.name,
                model=task.name,
                side=FEEDBACK,
                text=word.text,
                request=word.request_id,
                remarks=(Remark("feedback", FEEDBACK, "review", (_who(word.source),), 1.0),),
                answer=word.answer,
            )
        )


def _who(source: Source) -> str:
    return "/".join(part for part in (source.tenant, source.key, source.name) if part)
