"""stepladder data pairs: preferences out of the ledger, for alignment."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, PurposeOption, opened, reading

if TYPE_CHECKING:
    from stepladder.store import JudgedRow, Store

app = typer.Typer()
_PAGE = 5_000


@app.command()
def pairs(
    task: Annotated[str, typer.Option(help="Whose answers.")],
    out: Annotated[Path, typer.Option(help="The rows, as JSONL.")] = Path("pairs.jsonl"),
    marked: Annotated[
        bool, typer.Option("--marked", help="Answers with a mark each (for kto), not pairs.")
    ] = False,
    liked: Annotated[float, typer.Option(help="The score from which on an answer was liked.")] = 0.5,
    purpose: PurposeOption = "",
    config: ConfigOption = None,
) -> None:
    """Preferences from feedback, the review queue and audits: what was said, and what should have been.

    The journal says who wrote them out, and why.
    """
    import json
    from collections import Counter

    from stepladder.data import preferences

    counts: Counter[str] = Counter()
    with opened(config) as place:
        found = place.task(task)
        reading(place, purpose, f"data pairs of {task} to {out.name}")
        rows = _judged(place.store, found.name)
        made = (
            preferences.marks(rows, found.prompt, liked=liked)
            if marked
            else preferences.pairs(rows, found.prompt)
        )
        with out.open("w", encoding="utf-8") as file:
            for record in made:
                counts[record["origin"]] += 1
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
    told = ", ".join(f"{number:,} from {origin}" for origin, number in sorted(counts.items()))
    print(f"{out}: {counts.total():,} rows" + (f" ({told})" if told else ""))


def _judged(store: "Store", task: str) -> "Iterator[JudgedRow]":
    after = 0
    while rows := store.judged.page(task, after=after, limit=_PAGE):
        after = rows[-1].seq
        yield from rows
