"""stepladder feedback: who sends feedback, what it was worth so far, and who may teach."""

from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

app = typer.Typer(help="Whose feedback teaches a task, and whose waits for a person.", no_args_is_help=True)
TaskArgument = Annotated[str, typer.Argument(help="The task.")]
TenantArgument = Annotated[str, typer.Argument(help="The tenant that `feedback sources` shows.")]
KeyOption = Annotated[str, typer.Option(help="The key's name, where the tenant has several.")]
NameOption = Annotated[str, typer.Option("--source", help="The `source` that the feedback names.")]


@app.command("sources")
def listed(task: TaskArgument, config: ConfigOption = None) -> None:
    """List the sources of a task's feedback, the most contradicted first."""
    from rich.console import Console

    from stepladder.data import feedback_sources
    from stepladder.interaction.cli.shown import sheet

    with opened(config) as place:
        found = feedback_sources(place.store, place.task(task))
    table = sheet("tenant", "key", "source", "words", "differ", "contradicted", "held", "trust")
    for one in found:
        who = (one.source.tenant, one.source.key, one.source.name)
        counts = (one.words, one.differing, one.contradicted, one.held)
        table.add_row(*who, *(f"{count:,}" for count in counts), one.trust or "not known yet")
    Console().print(table)


@app.command()
def trust(
    task: TaskArgument,
    tenant: TenantArgument,
    key: KeyOption = "",
    name: NameOption = "",
    config: ConfigOption = None,
) -> None:
    """Let all that a source said, and will say, teach."""
    _decide(task, (tenant, key, name), "trusted", config)


@app.command()
def distrust(
    task: TaskArgument,
    tenant: TenantArgument,
    key: KeyOption = "",
    name: NameOption = "",
    config: ConfigOption = None,
) -> None:
    """Keep all that a source said, and will say, from teaching until a person has looked at each word."""
    _decide(task, (tenant, key, name), "untrusted", config)


@app.command()
def undecide(
    task: TaskArgument,
    tenant: TenantArgument,
    key: KeyOption = "",
    name: NameOption = "",
    config: ConfigOption = None,
) -> None:
    """Let a source's words speak for themselves again."""
    _decide(task, (tenant, key, name), "", config)


def _decide(task: str, who: tuple[str, str, str], trust: str, config: ConfigOption) -> None:
    from stepladder.core import BadRequest

    tenant, key, name = who
    with opened(config) as place:
        place.task(task)
        known = {word.source for word in place.store.sources.words(task)}
        meant = [one for one in known if one.tenant == tenant and one.name == name and key in ("", one.key)]
        if not meant:
            raise BadRequest(
                f"No feedback on {task!r} came from tenant {tenant!r}, source {name!r}.",
                param="source",
                remedy=f"stepladder feedback sources {task} lists them.",
            )
        for source in meant:
            place.store.sources.decide(task, source, trust, caller())
            said = f"{task}: {source.tenant}/{source.key}/{source.name}: {trust or 'undecided'}"
            place.store.journal.note(caller(), "feedback", said)
            typer.echo(said)
