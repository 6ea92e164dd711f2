"""stepladder split: the arms of a split side by side."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.interaction.cli.options import ConfigOption, opened

if TYPE_CHECKING:
    from stepladder.core import Config
    from stepladder.rollout import ArmsReport

app = typer.Typer(help="Models that divide their callers between others.", no_args_is_help=True)
_COUNTS = ("people", "answers", "cached", "failed", "elsewhere", "left", "remarked")


@app.callback()
def splits() -> None:
    """Models that divide their callers between others."""


@app.command()
def compare(  # noqa: PLR0913, PLR0917 a command's options
    split: Annotated[str, typer.Argument(help="The model of kind split.")],
    against: Annotated[str, typer.Option(help="Compare with this arm; without it, the largest.")] = "",
    since: Annotated[datetime | None, typer.Option(help="From this moment on (UTC).")] = None,
    margin: Annotated[float, typer.Option(help="By how much an arm may be worse, 0 to 1.")] = 0.0,
    risk: Annotated[float, typer.Option(help="That anything is called worse or better wrongly.")] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show what each arm was like, and what is shown to be worse or better: by people, and however often one looks."""
    import msgspec

    from stepladder.rollout import compare_arms

    with opened(config) as place:
        arms = _arms(place.config, split, against)
        began = 0.0 if since is None else since.replace(tzinfo=since.tzinfo or UTC).timestamp()
        report = compare_arms(place.store, split, arms, since=began, margin=margin, risk=risk)
    if as_json:
        told = [{**msgspec.to_builtins(one), "shown": one.shown} for one in report.compared]
        typer.echo(msgspec.json.encode({"arms": report.arms, "compared": told}).decode())
        return
    _print(report, margin, risk)


def _arms(config: "Config", split: str, against: str) -> list[str]:
    from stepladder.core import SPLIT, BadRequest, arms_of

    table = config.models.get(split)
    if table is None or table.kind != SPLIT:
        known = ", ".join(name for name, one in config.models.items() if one.kind == SPLIT) or "none"
        raise BadRequest(f"There is no split {split!r}.", param="split", remedy=f"Splits: {known}.")
    arms = arms_of(table, f"models.{split}")
    if against and against not in arms:
        raise BadRequest(
            f"{split!r} has no arm {against!r}.", param="--against", remedy=f"Arms: {', '.join(arms)}."
        )
    return sorted(arms, key=lambda arm: (arm != against, -arms[arm]))


def _print(report: "ArmsReport", margin: float, risk: float) -> None:
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    table = sheet("", *(arm.arm for arm in report.arms))
    for name in _COUNTS:
        table.add_row(name, *(f"{getattr(arm, name):,}" for arm in report.arms))
    table.add_row("money an answer", *(f"{arm.cost:.6f}" for arm in report.arms))
    table.add_row("p50, p90 ms", *(f"{arm.p50_ms:.0f}, {arm.p90_ms:.0f}" for arm in report.arms))
    table.add_row("score (how many)", *(_score(arm.score, arm.scores) for arm in report.arms))
    shown = sheet("more is worse", "arm", "against", "pairs", "evidence", "")
    for one in report.compared:
        found = one.worse
        means = (f"{one.arm} {found.second:.3f}", f"{one.against} {found.first:.3f}")
        evidence = f"{max(found.evidence, one.better.evidence):.3g} of {1 / one.risk:.0f}"
        shown.add_row(one.figure, *means, f"{found.pairs:,}", evidence, one.shown)
    console = Console()
    console.print(table, shown)
    console.print(_statement([one.shown for one in report.compared], margin, risk), soft_wrap=True)


def _score(mean: float | None, count: int) -> str:
    return "" if mean is None else f"{mean:.3f} ({count:,})"


def _statement(shown: Sequence[Any], margin: float, risk: float) -> str:
    by = f" by more than {margin:g}" if margin else ""
    said = (
        "Something is shown" if any(shown) else "Nothing is shown, which is no proof that the arms are equal"
    )
    return (
        f"{said}. One answer a person counts, in pairs of people who came next to each other; that any arm is called worse "
        f"or better{by} where it is not has probability {risk:g} at most, however often one looks."
    )
