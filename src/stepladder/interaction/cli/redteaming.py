"""stepladder guard redteam: attacks on a running task, and a report of what came through."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from stepladder.core import BadRequest, config

_AT_ONCE = 4
_LANGUAGES = ("en", "zh")


def redteam(
    task: Annotated[str, typer.Argument(help="The task or model, as `model` names it.")],
    url: Annotated[str, typer.Option(help="The API that it is asked by.")] = "http://127.0.0.1:8460/v1",
    key: Annotated[str, typer.Option(help='A reference to the key: "env:NAME" or "file:PATH".')] = "",
    out: Annotated[Path, typer.Option(help="The folder that the report goes to.")] = Path("redteam"),
    languages: Annotated[str, typer.Option(help="Of our own suites.")] = "en,zh",
    garak: Annotated[
        str,
        typer.Option(
            help="A Python that has garak: it attacks too, which takes long. As python3=dan,encoding with these probes only."
        ),
    ] = "",
) -> None:
    """Attack a task over HTTP in English and Chinese, and write redteam.md, redteam.json and redteam.svg."""
    from stepladder.evaluation.redteam import PROBES, RedTeamReport, Target, run_garak, suite

    wanted = tuple(language.strip() for language in languages.split(","))
    if not set(wanted) <= set(_LANGUAGES):
        raise BadRequest(f"No suite is in {languages!r}.", param="languages", remedy="Write en, zh or en,zh.")
    secret = config.secret(key, "key") if key else ""
    target = Target(url, task, secret)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        outcomes = list(pool.map(target.attack, suite(wanted)))
    python, _, probes = garak.partition("=")
    chosen = probes.split(",") if probes else PROBES
    run = run_garak(target, out, key=secret, probes=chosen, python=python) if garak else None
    report = RedTeamReport(task, outcomes, run)
    for row in report.rows():
        typer.echo(f"{row['kind']} {row['language']}: {row['right']:.0%} of {row['tried']} as they should be")
    typer.echo(f"Written: {', '.join(map(str, report.write(out)))}.")
