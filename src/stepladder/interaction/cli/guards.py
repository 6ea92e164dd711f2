"""stepladder guard: judge texts, measure guards on labelled ones, make a raw list of words usable."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import Action, BadRequest, DataError, Side, Verdict
from stepladder.interaction.cli.labelled import labelled, row_of
from stepladder.interaction.cli.options import ConfigOption, PurposeOption, opened, reading

if TYPE_CHECKING:
    from stepladder.safety import Chain, Configured
    from stepladder.store import LedgerRow, Store

app = typer.Typer(help="Guards: what goes in and what comes out.", no_args_is_help=True)
_PAGE = 1000
SideOption = Annotated[Side, typer.Option(help="Which way the texts go.")]
ForOption = Annotated[
    str,
    typer.Option("--for", help="Ask the configured guards of this task or model, and not the default ones."),
]
TenantOption = Annotated[str, typer.Option(help="Whose tables hold too, with --for.")]


@app.command()
def check(
    side: SideOption = Side.IN,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON object a line; else a line to read.")
    ] = False,
    for_: ForOption = "",
    tenant: TenantOption = "",
    config: ConfigOption = None,
) -> None:
    """Judge JSONL {"id"?, "text"} from standard input, a line for each; a bad line is answered by its error."""
    from stepladder.safety import default_chain

    chain = _configured(config, for_, tenant) if for_ else default_chain(reports=True)
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            row = row_of(line, number)
        except BadRequest as error:
            typer.echo(json.dumps({"line": number, "error": str(error)}, ensure_ascii=False))
            continue
        verdict = chain.check(row["text"], side)
        typer.echo(_as_json(row.get("id"), verdict) if as_json else _as_text(row.get("id", number), verdict))


@app.command("eval")
def evaluate(
    file: Annotated[
        Path, typer.Argument(help='JSONL {"text", "label"}: label true or 1 is what a guard should flag.')
    ],
    side: SideOption = Side.IN,
    for_: ForOption = "",
    tenant: TenantOption = "",
    config: ConfigOption = None,
) -> None:
    """Say how many bad texts the guards flag, and how many harmless ones, with 95 % intervals."""
    from stepladder.evaluation.redteam import wilson
    from stepladder.safety import default_chain

    chain = _configured(config, for_, tenant) if for_ else default_chain()
    counts = {True: [0, 0], False: [0, 0]}
    for text, bad in labelled(file):
        counts[bad][0] += chain.check(text, side).action.value != "pass"
        counts[bad][1] += 1
    for bad, name in ((True, "bad texts flagged"), (False, "harmless texts flagged")):
        flagged, rows = counts[bad]
        if rows:
            low, high = wilson(flagged, rows)
            typer.echo(
                f"{name}: {flagged} of {rows} = {flagged / rows:.3f} (95 % interval {low:.3f} to {high:.3f})"
            )


def _configured(path: Path | None, name: str, tenant: str) -> "Configured | Chain":
    """Raises BadRequest for a name that the configuration does not have, and what opening its guards raises."""
    from stepladder.interaction.settings import Settings
    from stepladder.safety import Chain, Configured, Policies

    config = Settings(path).load()
    known = [*config.tasks, *config.models]
    if name not in known:
        raise BadRequest(
            f"--for is {name!r}, and there is no such task or model.",
            param="--for",
            remedy=f"There are: {', '.join(known) or 'none'}.",
        )
    policy = Policies(config).of(name, tenant)
    return Chain(()) if policy is None else Configured(policy)


@app.command()
def calibrate(
    tenant: Annotated[str, typer.Argument(help="Whose traffic it is.")],
    rate: Annotated[float, typer.Option(help="What share of it may be flagged, at most.")] = 0.01,
    days: Annotated[float, typer.Option(help="How far back the ledger is read.")] = 30.0,
    config: ConfigOption = None,
) -> None:
    """Set the classifiers' thresholds by a tenant's own harmless traffic; prints lines for the configuration."""
    from stepladder.safety import AttacksGuard, HarmGuard, calibrated

    with opened(config) as place:
        rows = _rows(place.store, time.time() - days * 86_400)
        asked = {row.text: row.turns for row in rows if row.tenant == tenant and _harmless(row)}
    for guard in (AttacksGuard("attacks"), HarmGuard("harm")):
        found = calibrated(guard, asked.items(), rate=rate)
        typer.echo(f"[tenants.{json.dumps(tenant)}.guards.{found.guard}]")
        typer.echo(f"threshold = {found.threshold}  # flags {found.flagged} of {found.texts} texts")


def _harmless(row: "LedgerRow") -> bool:
    """Answered, and objected to by no safety model."""
    objected = any(one.by and one.action != Action.PASS.value for one in row.remarks)
    return row.status == "ok" and bool(row.text) and not objected


def _rows(store: "Store", since: float = 0.0) -> "Iterator[LedgerRow]":
    after = 0
    while rows := store.ledger.page(after=after, since=since, until=None, limit=_PAGE):
        after = rows[-1].seq or after + _PAGE
        yield from rows


@app.command()
def examples(purpose: PurposeOption = "", config: ConfigOption = None) -> None:
    """Write what safety models decided as JSON lines {"text", "label"}, for `guard eval` and for fitting guards.

    The journal says who did, and why.
    """
    with opened(config) as place:
        reading(place, purpose, "guard examples")
        for row in _rows(place.store):
            if row.training and (line := _example(row)):
                typer.echo(json.dumps(line, ensure_ascii=False))


def _example(row: "LedgerRow") -> dict[str, Any] | None:
    """A question, or an answer, that a safety model judged. What came from elsewhere is not written down."""
    for one in row.remarks:
        text = {"in": row.text, "out": row.answer}.get(one.side, "")
        if one.by and text:
            label = int(one.action != Action.PASS.value)
            told = {"id": row.id, "text": text, "label": label, "side": one.side}
            return {**told, "categories": list(one.categories), "by": one.by}
    return None


@app.command("import-words")
def import_words(
    files: Annotated[list[Path], typer.Argument(help="Raw lists, a word a line.")],
    out: Annotated[Path, typer.Option(help="Where the usable list goes.")] = Path("words.txt"),
    harmless: Annotated[
        Path | None,
        typer.Option(help="Harmless texts of yours, one a line: words that they hold count less."),
    ] = None,
) -> None:
    """Make raw lists of sensitive words usable: sort the words by how often harmless texts say them."""
    from stepladder.safety import import_lists, write_lexicon

    try:
        texts = harmless.read_text(encoding="utf-8").splitlines() if harmless else []
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Cannot read {harmless}: {error}.", remedy="Give a UTF-8 file, a text a line."
        ) from error
    found = import_lists(files, harmless=texts)
    write_lexicon(found.lexicon, out)
    counts = ", ".join(f"{count} {tier.value}" for tier, count in found.tiers.items())
    typer.echo(f"{counts}; {found.skipped} lines skipped. {len(found.lexicon)} words written to {out}.")


def _as_json(id: Any, verdict: Verdict) -> str:
    spans = [{"start": s.start, "end": s.end, "kind": s.kind, "text": s.text} for s in verdict.spans]
    answer = {
        "id": id,
        "verdict": verdict.action.value,
        "categories": list(verdict.categories),
        "score": round(verdict.score, 4),
        "spans": spans,
        "redacted": verdict.redacted,
    }
    # ASCII, so that a lone surrogate in a text cannot stop the output.
    return json.dumps(answer)


def _as_text(id: Any, verdict: Verdict) -> str:
    return f"{id}: {verdict.action.value} {verdict.score:.2f} {verdict.reason}".rstrip()
