"""Discovery with its surroundings: traffic out of the ledger, the backtest of what was found, and the block to paste."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stepladder.core import DataError, Example, Progress
from stepladder.data import (
    Advice,
    Exchange,
    Found,
    Kind,
    Log,
    LogRow,
    Traits,
    advise,
    recognise_answer,
    traits_of,
)
from stepladder.interaction.backtest import Backtest, Terms, backtest
from stepladder.store import LedgerRow, Store

_LEAST_ROWS = 300
_NAME_LENGTH = 28
_INSTRUCTING = ("system", "developer")
_NAME = re.compile(r"[^\W_]+")
_DULL = frozenset(
    _NAME.findall(
        """
    the a an of or and as in to for with one word only is are be answer answers following text please return given message
    this that its from into which what you your user users s by on it if below here exactly using use not say do 请 的 是
    """
    )
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A task that was found, with a name, what stepping down would save, and which rungs fit."""

    name: str
    found: Found
    traits: Traits
    advice: tuple[Advice, ...]
    backtest: Backtest | None
    why_not: str

    @property
    def toml(self) -> str:
        """The `[tasks.x]` block, ready to paste."""
        return "\n".join(_block(self))


def from_ledger(store: Store, limit: int = 50_000) -> list[Exchange]:
    """The newest answered exchanges of plain models, oldest first."""
    return [_exchange(row) for row in store.ledger.plain(limit)]


def _exchange(row: LedgerRow) -> Exchange:
    return Exchange(
        user=row.text,
        answer=row.answer,
        system="\n".join(turn.content for turn in row.turns if turn.role in _INSTRUCTING),
        turns=sum(turn.role not in _INSTRUCTING for turn in row.turns),
        model=row.model,
        tokens=row.prompt_tokens + row.completion_tokens,
        cost=row.cost,
        at=row.at,
    )


def propose(tasks: Sequence[Found], terms: Terms | None, progress: Progress) -> Iterator[Proposal]:
    """A proposal for each task; `terms` None leaves the backtest out."""
    names: set[str] = set()
    words = Counter(word for found in tasks for word in found.template.words)
    for found in tasks:
        name = _name(found, words, names)
        names.add(name)
        examples = _examples(found)
        traits = traits_of(found.kind, examples)
        result, why_not = (
            (None, "not asked for") if terms is None else _tested(found, examples, terms, progress)
        )
        yield Proposal(name, found, traits, advise(traits), result, why_not)


def _examples(found: Found) -> list[Example]:
    return [
        Example(str(at), slot, recognise_answer(exchange.answer, found.kind))
        for at, (slot, exchange) in enumerate(zip(found.template.slots, found.exchanges, strict=True))
        if slot.strip()
    ]


def _tested(
    found: Found, examples: Sequence[Example], terms: Terms, progress: Progress
) -> tuple[Backtest | None, str]:
    if not found.kind.closed:
        return None, "prose cannot be compared"
    if len(examples) < _LEAST_ROWS:
        return None, f"{len(examples)} calls are too few to replay; {_LEAST_ROWS} are enough"
    rows = tuple(LogRow(at, example.text, example.label) for at, example in enumerate(examples, start=1))
    labels = min(terms.labels, len(rows) // 3)
    try:
        wanted = Terms(target=terms.target, risk=terms.risk, labels=labels, seed=terms.seed)
        return backtest(Log(rows), wanted, progress), ""
    except DataError as error:
        return None, error.message


def _name(found: Found, others: Counter[str], taken: set[str]) -> str:
    """A name out of the template's own words, those first that no other task uses."""
    template = found.template
    text = re.sub(
        r"\{text\d*\}", " ", f"{template.user} {template.system}" if _said(found) else template.system
    )
    words = [word for word in _NAME.findall(text.casefold()) if word not in _DULL and not word.isdigit()]
    own = [word for word in dict.fromkeys(words) if others[word] < 2] or words
    stem = ""
    for word in own[:40]:
        if stem and len(stem) + len(word) > _NAME_LENGTH:
            break
        stem = f"{stem}_{word[:_NAME_LENGTH]}".strip("_")
    name, number = stem or "task", 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    return name


def _said(found: Found) -> bool:
    return len(re.sub(r"\{text\d*\}|\W", "", found.template.user)) > 6


def _block(proposal: Proposal) -> Iterator[str]:
    found, template = proposal.found, proposal.found.template
    prompt = (
        template.system if not _said(found) else "\n\n".join(filter(None, (template.system, template.user)))
    )
    yield f"# {found.calls:,} calls; answers: {found.kind.kind}. Send what stood in {{text}} as the user's message."
    yield f"[tasks.{_key(proposal.name)}]"
    yield f"top = {_string(found.model or 'your-model')}"
    yield f"prompt = {_string(prompt)}"
    if found.kind.kind is Kind.LABEL:
        yield f"labels = [{', '.join(_string(label) for label in found.kind.labels)}]"
    if found.kind.schema is not None:
        yield f"schema = {_value(found.kind.schema)}"
    if not found.kind.closed:
        yield 'mode = "top"  # prose has no agreement promise'


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _string(name)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: object) -> str:
    """An inline TOML value; JSON's null does not occur in a schema of ours."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(str(key))} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    return json.dumps(value) if not isinstance(value, str) else _string(value)
