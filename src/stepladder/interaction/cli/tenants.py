"""stepladder tenants, budget and journal: what each may do, what was spent, and who changed what."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, PurposeOption, caller, opened, reading

app = typer.Typer(help="Erase a tenant.", no_args_is_help=True)


@app.command()
def erase(
    tenant: Annotated[str, typer.Argument(help="The tenant's name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    purpose: PurposeOption = "",
    config: ConfigOption = None,
) -> None:
    """Erase all that is kept of a tenant: the keys that seal its texts first, then every word; print the proof.

    Its keys are revoked. What it cost stays on the bill. Releases that were trained on it are named, and stay. The journal
    says who did, and why.
    """
    import msgspec

    from stepladder.interaction.settings import Settings
    from stepladder.interaction.subjects import People

    if not yes:
        typer.confirm(f"Erase every word of the tenant {tenant!r}? It cannot be undone.", abort=True)
    with opened(config) as place:
        reading(place, purpose, f"tenant erase {tenant}")
        people = People(place.store, Settings(config), place.config)
        done = people.erase_tenant(tenant, caller(), lambda done, total, what: None)
    typer.echo(msgspec.json.format(msgspec.json.encode(done), indent=1).decode())


def tenants(config: ConfigOption = None) -> None:
    """List the tenants: class of service, limits, and what they have spent today and this month (UTC)."""
    from rich.console import Console

    from stepladder.core import Tenant
    from stepladder.interaction.cli.shown import sheet

    today = datetime.now(UTC).year * 10000 + datetime.now(UTC).month * 100 + datetime.now(UTC).day
    table = sheet("tenant", "class", "keys", "a minute", "today", "of", "this month", "of")
    with opened(config) as place:
        keys = [key for key in place.store.keys.list() if key.revoked_at is None]
        for name in sorted({key.tenant for key in keys} | set(place.config.tenants)):
            tenant = place.config.tenant(Tenant(name))
            limits = tenant.limits
            day = place.store.spending.of(name, since=today)[0] / 1e9
            month = place.store.spending.of(name, since=today // 100 * 100)[0] / 1e9
            table.add_row(
                name,
                tenant.service.name,
                str(sum(key.tenant == name for key in keys)),
                f"{_number(limits.requests_per_minute)} / {_number(limits.tokens_per_minute)} tokens",
                *(f"{day:.6f}", _money(limits.budget_day)),
                *(f"{month:.6f}", _money(limits.budget_month)),
            )
    Console().print(table)


def budget(
    tenant: Annotated[str, typer.Argument(help="The tenant's name.")],
    days: Annotated[int, typer.Option(help="How many days back.")] = 31,
    config: ConfigOption = None,
) -> None:
    """Show what a tenant has spent, day by day and key by key; the sums are those its budgets are held to."""
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    table = sheet("day", "key", "answers", "tokens", "cost")
    since = int(datetime.fromtimestamp(datetime.now(UTC).timestamp() - days * 86400, UTC).strftime("%Y%m%d"))
    with opened(config) as place:
        sums: dict[tuple[int, str], list[int]] = {}
        for row in place.store.spending.since(since):
            if row.tenant == tenant:
                found = sums.setdefault((row.day, row.key), [0, 0, 0])
                for at, value in enumerate((row.answers, row.tokens, row.nanos)):
                    found[at] += value
    for (day, key), (answers, tokens, nanos) in sorted(sums.items()):
        shown = f"{day // 10000}-{day // 100 % 100:02}-{day % 100:02}"
        table.add_row(shown, key, f"{answers:,}", f"{tokens:,}", f"{nanos / 1e9:.9f}")
    Console().print(table)


def journal(
    lines: Annotated[int, typer.Option(help="How many, the newest first.")] = 50, config: ConfigOption = None
) -> None:
    """Show who changed what: the configuration, keys and switches."""
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    table = sheet("when", "who", "what", "detail")
    with opened(config) as place:
        for note in place.store.journal.latest(lines):
            when = datetime.fromtimestamp(note.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
            table.add_row(when, note.who, note.what, note.detail)
    Console().print(table)


def _number(value: int | None) -> str:
    return "any" if value is None else f"{value:,}"


def _money(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"
