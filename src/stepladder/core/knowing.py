"""Whether what a configuration says of a task's knowledge goes together."""

from collections.abc import Collection

from stepladder.core.answering import Knows, Summing, TaskKind
from stepladder.core.errors import ConfigError


def check_kind(kind: TaskKind, knows: Knows, rungs: tuple[str, ...], contract: bool, where: str) -> None:
    """Raise ConfigError where a task's tables do not go together. `contract`: it has labels or a schema."""
    if kind is not TaskKind.TASK and (contract or not set(rungs) <= {"dictionary"}):
        raise ConfigError(
            f'{where}: a task of kind "{kind}" writes prose, and learns no rungs.',
            param=f"{where}.kind",
            remedy="Take labels, schema and rungs out.",
        )
    if kind is TaskKind.ANSWER and not (knows.collection or knows.retriever):
        raise ConfigError(
            f"{where} does not say what to answer from.",
            param=f"{where}.knowledge.collection",
            remedy='Add knowledge = "NAME" of a collection.',
        )
    _one_of(knows.mode, ("hybrid", "lexical"), f"{where}.knowledge.mode")
    if not 1 <= knows.passages <= 50:
        raise ConfigError(
            f"{where}.knowledge.passages is {knows.passages}.",
            param=f"{where}.knowledge.passages",
            remedy="Give 1 to 50.",
        )


def check_retriever(name: str, known: Collection[str], where: str) -> None:
    """Raise ConfigError where a task names a retriever that there is not."""
    if name and name not in known:
        raise ConfigError(
            f"{where}.knowledge.retriever names {name!r}, which there is not.",
            param=f"{where}.knowledge.retriever",
            remedy=f"Retrievers: {', '.join(known) or 'none; add [retrievers.NAME]'}.",
        )


def check_summing(summing: Summing, where: str) -> None:
    """Raise ConfigError for what no summary can be made by."""
    for key, least, most in (("part", 1000, 20_000), ("sentences", 1, 100)):
        value = getattr(summing, key)
        if not least <= value <= most:
            raise ConfigError(
                f"{where}.summary.{key} is {value}.",
                param=f"{where}.summary.{key}",
                remedy=f"Give {least} to {most}.",
            )


def _one_of(value: str, known: tuple[str, ...], where: str) -> None:
    if value not in known:
        raise ConfigError(f"{where} is {value!r}.", param=where, remedy=f"Write one of: {', '.join(known)}.")
