"""stepladder review: what guards hold and documents do not support: take, approve, correct, reject, and who agrees."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from stepladder.core import Side
from stepladder.interaction.cli.options import ConfigOption, Place, PurposeOption, caller, opened, reading
from stepladder.interaction.cli.shown import plain

app = typer.Typer(help="Decide what guards hold and documents do not support.", no_args_is_help=True)
_LET_PASS = ("approved", "asking", "answered", "again")
IdArgument = Annotated[str, typer.Argument(help="The id that `review list` shows: the request's.")]
ReviewerOption = Annotated[
    str, typer.Option(help="Who decides; by default whoever types. Where two are to agree it must be said.")
]
CommentOption = Annotated[str, typer.Option(help="Why, for those who come after.")]


@app.command("list")
def waiting(
    decided: Annotated[bool, typer.Option("--decided", help="What was decided, the newest first.")] = False,
    purpose: PurposeOption = "",
    config: ConfigOption = None,
) -> None:
    """List what waits, the most urgent first. The journal says who did; what was decided is shown for a purpose only."""
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    table = sheet("id", "due (UTC)", "state", "asked", "side", "guards", "text")
    table.columns[0].no_wrap = True  # it is what the other commands want to be told
    with opened(config) as place:
        if decided or purpose:
            reading(place, purpose, "review list")
        else:
            _reviewing(place, "review list")
        for row in place.store.reviews.queue(decided=decided):
            due = datetime.fromtimestamp(row.due, UTC).strftime("%m-%d %H:%M")
            guards = ", ".join(f"{one.guard}: {'/'.join(one.categories)}" for one in row.remarks)
            state = f"{row.state} {row.reviewer}".rstrip()
            table.add_row(row.id, due, state, row.task or row.model, row.side, guards, row.answer or row.text)
    Console().print(table)


@app.command()
def take(id: IdArgument, reviewer: ReviewerOption = "", config: ConfigOption = None) -> None:
    """Mark one as yours, and show all of it."""
    with opened(config) as place:
        row = place.store.reviews.take(id, reviewer or caller())
        _reviewing(place, f"review take {id}{_as(row.reviewer)}")
        grounds = place.store.approved.grounds(id)
    typer.echo(f"Question: {plain(row.text)}")
    for text in row.pictures:
        typer.echo(f"Picture: {plain(text)}")
    if row.answer:
        typer.echo(f"Answer: {plain(row.answer)}")
    for source in grounds.citations if grounds is not None else ():
        typer.echo(
            plain(f"[{source.number}] {source.document} ({source.title or source.collection}): {source.text}")
        )
    for one in row.remarks:
        typer.echo(f"{one.guard} ({one.side}): {one.action} {', '.join(one.categories)}, {one.score:.2f}")


@app.command()
def approve(
    id: IdArgument, reviewer: ReviewerOption = "", comment: CommentOption = "", config: ConfigOption = None
) -> None:
    """Let a question be asked, or an answer be given."""
    _decide(id, "approve", reviewer, "", comment, config)


@app.command()
def correct(
    id: IdArgument,
    answer: Annotated[str, typer.Argument(help="What the asker gets, and the task learns.")],
    reviewer: ReviewerOption = "",
    comment: CommentOption = "",
    config: ConfigOption = None,
) -> None:
    """Answer in place of the model."""
    _decide(id, "correct", reviewer, answer, comment, config)


@app.command()
def reject(
    id: IdArgument, reviewer: ReviewerOption = "", comment: CommentOption = "", config: ConfigOption = None
) -> None:
    """Refuse it."""
    _decide(id, "reject", reviewer, "", comment, config)


@app.command()
def agreement(config: ConfigOption = None) -> None:
    """Say how often two reviewers of the same thing agree, and Cohen's kappa."""
    with opened(config) as place:
        typer.echo(json.dumps(place.store.reviews.agreement()))


@app.command()
def examples(purpose: PurposeOption = "", config: ConfigOption = None) -> None:
    """Write what was decided as JSON lines {"text", "label"}, for `stepladder guard eval` and for fitting guards.

    What its asker does not want learnt from is left out.
    """
    with opened(config) as place:
        reading(place, purpose, "review examples")
        for row in reversed(place.store.reviews.learnable()):
            label = {"rejected": 1, **dict.fromkeys(_LET_PASS, 0)}.get(row.state)
            if label is not None and row.side in list(
                Side
            ):  # the rest is feedback, which guards do not judge
                line = {"id": row.id, "text": row.answer or row.text, "label": label, "side": row.side}
                typer.echo(json.dumps(line, ensure_ascii=False))


def _reviewing(place: Place, what: str) -> None:
    """To look at what waits is to review it: that is the purpose."""
    from stepladder.store import REVIEW

    place.store.journal.note(caller(), f"read for {REVIEW!r}", what)


def _as(reviewer: str) -> str:
    """In whose name, where it is not the name of who types: the journal's line is the latter's."""
    return "" if reviewer == caller() else f" as {reviewer}"


def _person(reviewer: str) -> str:
    """Who it is. The system's user is nobody: an administrator's is often several people's, who have accounts beside it."""
    for kind in ("account:", "oidc:"):
        reviewer = reviewer.removeprefix(kind)
    return reviewer


def _decide(
    id: str, decision: str, reviewer: str, correction: str, comment: str, config: ConfigOption
) -> None:
    import asyncio
    import time

    from stepladder.safety import decide
    from stepladder.store import DecisionRow

    with opened(config) as place:
        row = DecisionRow(
            id, time.time(), reviewer or caller(), decision, correction, comment, _person(reviewer)
        )
        held = asyncio.run(decide(place.store, row))
        place.store.journal.note(caller(), "review", f"{id}: {decision}{_as(row.reviewer)}")
    typer.echo(f"{id}: {held.state}")
