"""stepladder task explain: what the rungs below the top say to a question, how sure they are, and on what grounds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from math import isinf
from typing import Annotated, Any

import typer

from stepladder.core import BadRequest, Field, Guess, Question
from stepladder.interaction.cli.cloning import tasks
from stepladder.interaction.cli.options import ConfigOption, Place, opened
from stepladder.interaction.cli.rollouts import TaskArgument

__all__ = ["tasks"]


@tasks.command()
def explain(  # noqa: PLR0913, PLR0917 a command's options
    task: TaskArgument,
    text: Annotated[str, typer.Argument(help="The question's text.")],
    fields: Annotated[str, typer.Option(help='The question\'s fields: JSON such as {"amount": 3}.')] = "{}",
    tenant: Annotated[str, typer.Option(help="Who asks: floors of tenants count.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Reasons of a rung at most.")] = 5,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Say what the rungs of the release in service answer to a question, and why. The top is not asked."""
    with opened(config) as place:
        question = Question("explain", place.task(task).name, text, tenant=tenant, fields=_fields(fields))
        rows = _rungs(place, question, limit)
    if json_:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        typer.echo(f"{row['rung']}: {_said(row)}")
        for reason in row["reasons"]:
            typer.echo(f"  {_told(reason)}")
    if not any(row["believed"] for row in rows):
        typer.echo("The question climbs to the top.")


def _fields(text: str) -> Mapping[str, Field]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or any(isinstance(value, dict | list) for value in found.values()):
        raise BadRequest(
            f"--fields is {text!r}.",
            param="--fields",
            remedy='Give a JSON object of plain values: {"amount": 3}.',
        )
    return found


def _rungs(place: Place, question: Question, limit: int) -> list[dict[str, Any]]:
    """Each rung below the top, cheapest first: what it says, how sure it is, from when on it is believed, and why."""
    from stepladder.models import Belief, DictionaryRung, Entries
    from stepladder.registry import Registry
    from stepladder.training import load_rungs

    store, rows = place.store, []
    if DictionaryRung.name in place.task(question.task).rungs:
        entries = Entries.of(store.entries.snapshot(question.task))
        guess, needed = Guess(entries.find(question.text) or "", 1.0), 1.0
        reasons = DictionaryRung(entries).explain(question, limit)
        rows.append(_row(DictionaryRung.name, guess if reasons else Guess("", 0.0), needed, reasons))
    rollout = store.rollouts.get(question.task)
    release = store.catalogue.get_ladder_release(rollout.live or rollout.candidate or "")
    if release is None:
        return rows
    registry, belief = Registry(store.catalogue, place.folder / "releases"), Belief.of(release)
    for rung in load_rungs(registry, release.rungs):
        (guess,) = rung.predict([question])
        needed = belief.needed(rung.name, guess.text, question.tenant)
        rows.append(_row(rung.name, guess, needed, rung.explain(question, limit)))
    return rows


def _row(rung: str, guess: Guess, needed: float, reasons: Sequence[object]) -> dict[str, Any]:
    told = [asdict(one) if is_dataclass(one) and not isinstance(one, type) else one for one in reasons]
    return {
        "rung": rung,
        "answer": guess.text,
        "confidence": guess.confidence,
        "believed_from": None if isinf(needed) else needed,
        "believed": guess.confidence >= needed,
        "reasons": told,
    }


def _said(row: Mapping[str, Any]) -> str:
    if not row["answer"] and not row["confidence"]:
        return "knows nothing of it"
    least = "it is never believed"
    if row["believed_from"] is not None:
        least = f"{'believed' if row['believed'] else 'not believed'}, which takes {row['believed_from']:.4f}"
    return f"{row['answer']!r} at {row['confidence']:.4f} ({least})"


def _told(reason: Any) -> str:
    if not isinstance(reason, Mapping):
        return str(reason)
    return ", ".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value!r}"
        for name, value in reason.items()
    )
