"""stepladder guard fit: teach a guard of one's own from lines that say what it should flag."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.core import DataError, Turn
from stepladder.interaction.cli.labelled import labelled

if TYPE_CHECKING:
    from stepladder.safety import Calibrated


def fit(
    files: Annotated[list[Path], typer.Argument(help='JSONL {"text", "label"}: label true or 1 is flagged.')],
    out: Annotated[Path, typer.Option(help="The folder that the model goes to; its name is the guard's.")],
    rate: Annotated[float, typer.Option(help="What share of harmless texts may be flagged, at most.")] = 0.01,
) -> None:
    """Teach a guard what to flag (offence, what is off the topic); prints lines for the configuration."""
    from stepladder.safety import BAD, FINE, calibrated
    from stepladder.training import fit_linear

    rows = [row for file in files for row in labelled(file)]
    _check(rows)
    fitted = fit_linear([text for text, _ in rows], [BAD if bad else FINE for _, bad in rows])
    column = fitted.model.classes.index(BAD)
    scores = {True: list[float](), False: list[float]()}
    for (_, bad), chances in zip(rows, fitted.chances, strict=True):
        scores[bad].append(float(chances[column]))
    found = calibrated(_Hidden(out.name), _asked(scores[False]), rate=rate)
    fitted.model.save(out)
    _say(out, found, scores[True])


@dataclass(slots=True)
class _Hidden:
    """Texts' scores by a model that had not seen them, which stand in the texts' place."""

    name: str

    def strain(self, text: str, turns: Sequence[Turn] = ()) -> float:
        return float(text)


def _asked(scores: Iterable[float]) -> Iterator[tuple[str, Sequence[Turn]]]:
    for score in scores:
        yield repr(score), ()


def _say(out: Path, found: "Calibrated", bad: Sequence[float]) -> None:
    from stepladder.evaluation.redteam import wilson

    hits = sum(score >= found.threshold for score in bad)
    low, high = wilson(hits, len(bad))
    typer.echo(f"# Each text judged by a model that had not seen it: {hits} of {len(bad)} bad ones flagged")
    typer.echo(f"# (95 % interval {low:.3f} to {high:.3f}), {found.flagged} of {found.texts} harmless ones.")
    typer.echo(f"[guards.{json.dumps(out.name)}]")
    typer.echo('kind = "linear"\nmode = "enforce"')
    typer.echo(f"model = {json.dumps(str(out.resolve()), ensure_ascii=False)}")
    typer.echo(f"threshold = {found.threshold}")


def _check(rows: Sequence[tuple[str, bool]]) -> None:
    if len({bad for _, bad in rows}) < 2:
        raise DataError(
            "All lines have the same label.", remedy="Give lines to flag (1) and lines to let pass (0)."
        )
