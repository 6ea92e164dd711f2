"""stepladder data score: what small models think of every row, and the rows that nobody should learn from put aside."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.core import BadRequest, DataError, Progress, Verdict
from stepladder.interaction.cli.shown import drawn, moving_bar

if TYPE_CHECKING:
    from stepladder.data import Bound, RowFile, Scored, Scorer

app = typer.Typer()
_SEEN = 20_000  # rows of each kind that the quality model learns from
_FEWEST = 20
_BIAS = "discrimination"


@app.command()
def score(  # noqa: PLR0913, PLR0917 a command's options
    file: Annotated[Path, typer.Argument(help="JSONL, plain or .gz.")],
    out: Annotated[Path, typer.Option(help="The rows that stay, with their scores.")],
    removed: Annotated[
        Path | None, typer.Option(help="Rows out of bounds, as they were, with why; OUT.removed without it.")
    ] = None,
    good: Annotated[
        Path | None, typer.Option(help="Rows as they should be: then each row has a quality.")
    ] = None,
    poor: Annotated[
        Path | None, typer.Option(help="Rows as they should not be, such as spam; without it, FILE's own.")
    ] = None,
    least: Annotated[list[str] | None, typer.Option(help="NAME=VALUE: rows below are put aside.")] = None,
    most: Annotated[list[str] | None, typer.Option(help="NAME=VALUE: rows above are put aside.")] = None,
    input_: Annotated[str, typer.Option("--input", help="Field of the text.")] = "input",
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Score every row by small models: strange, harm, bias, attack, and quality by examples of your own.

    Goes on after any end; `data restore` puts back what went.
    """
    from stepladder.data import RowFile, score_rows

    bounds = _bounds(least or [], most or [])
    if good is None and (poor is not None or "quality" in bounds):
        raise BadRequest(
            "Nothing says what quality is.", param="--good", remedy="Give rows as they should be."
        )
    aside = removed or out.with_name(f"{out.name}.removed")
    with RowFile(file, input_) as rows, moving_bar() as tell:
        scorers = _scorers(rows, input_)
        if good is not None:
            values = _qualities(rows, (good, poor), input_, tell)
            scorers["quality"] = lambda start, texts: values[start : start + len(texts)]
        told = {str(path): path.stat().st_mtime_ns for path in (good, poor) if path is not None}
        found = score_rows(rows, scorers, bounds, (out, aside), tell, told=told)
        broken = len(rows.skipped)
    _show(found, broken, json_)


def _bounds(least: Sequence[str], most: Sequence[str]) -> "dict[str, Bound]":
    from stepladder.data import Bound

    low, high = _numbers(least, "--least"), _numbers(most, "--most")
    return {name: Bound(low.get(name), high.get(name)) for name in (*low, *high)}


def _numbers(pairs: Sequence[str], option: str) -> dict[str, float]:
    found = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = nan
        if not isfinite(found[name]):
            raise BadRequest(
                f"{option} has {pair!r}.", param=option, remedy="Write NAME=VALUE, such as harm=0.9."
            )
    return found


def _scorers(rows: "RowFile", text: str) -> "dict[str, Scorer]":
    """Scores that need no examples: bits a character under the file's own n-grams, and what guards see (0 to 1)."""
    from stepladder.data import Surprise, sample_of
    from stepladder.safety import AttacksGuard, HarmGuard, HarmSettings

    ordinary = Surprise.fit(sample_of(rows.path, text))
    guard, attack = HarmGuard("harm", HarmSettings(threshold=0.0)), AttacksGuard("attacks")
    seen: dict[int, list[Verdict]] = {}

    def judged(start: int, texts: Sequence[str]) -> "list[Verdict]":
        if start not in seen:
            seen.clear()
            seen[start] = [guard.check(one) for one in texts]
        return seen[start]

    def bias(start: int, texts: Sequence[str]) -> list[float]:
        return [told.score if told.categories == (_BIAS,) else 0.0 for told in judged(start, texts)]

    return {
        "strange": lambda start, texts: ordinary.bits(texts).tolist(),
        "harm": lambda start, texts: [told.score for told in judged(start, texts)],
        "bias": bias,
        "attack": lambda start, texts: [attack.strain(one) for one in texts],
    }


def _qualities(rows: "RowFile", examples: tuple[Path, Path | None], text: str, tell: Progress) -> list[float]:
    """For each row the chance that it is a good one and not a poor one, were both as common (Brown et al. 2020, appendix A).

    Where the file itself stands for poor rows, each half is scored by a model that has learned the other half.
    """
    from stepladder.data import sample_of

    good, poor = examples
    best = sample_of(good, text)[:_SEEN]
    if poor is not None:
        model = _Likeness(best, sample_of(poor, text)[:_SEEN], tell)
        return [model(one) for one in rows]
    found = [0.0] * len(rows)
    for half in (0, 1):
        others = range(1 - half, len(rows), 2)
        step = max(1, len(others) // _SEEN)
        model = _Likeness(best, [rows[at] for at in others[::step]][:_SEEN], tell)
        for at in range(half, len(rows), 2):
            found[at] = model(rows[at])
    return found


class _Likeness:
    """How much like the good rows a text is."""

    def __init__(self, good: Sequence[str], poor: Sequence[str], tell: Progress) -> None:
        from stepladder.training import fit_linear

        count = min(len(good), len(poor))
        if count < _FEWEST:
            raise DataError(
                f"{count} rows are too few to know good ones by.", remedy=f"Give {_FEWEST} or more of each."
            )
        labels = ["good"] * count + ["poor"] * count
        self._model = fit_linear([*good[:count], *poor[:count]], labels, progress=tell).model

    def __call__(self, text: str) -> float:
        said = self._model.predict(text)
        return said.confidence if said.text == "good" else 1 - said.confidence


def _show(found: "Scored", broken: int, as_json: bool) -> None:
    from rich.console import Console

    from stepladder.evaluation import Table

    if as_json:
        print(json.dumps(asdict(found) | {"broken": broken}))
        return
    lines = [
        [name, *(f"{value:.3g}" for value in spread), f"{found.gone.get(name, 0):,}"]
        for name, spread in found.spread.items()
    ]
    head = ["score", "1 in 100 is below", "half are below", "1 in 100 is above", "put aside"]
    Console().print(drawn(Table("Scores", head, lines)))
    print(f"rows: {found.rows:,}, kept: {found.kept:,}, broken: {broken:,}")
