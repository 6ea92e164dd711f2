"""stepladder perplexity: how likely language models think held-out answers or texts to be."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import BadRequest
from stepladder.interaction.cli.shown import drawn

if TYPE_CHECKING:
    from stepladder.evaluation import Comparison, Table

app = typer.Typer()
_NGRAMS = "ngrams:"


@dataclass(frozen=True, slots=True)
class _Told:
    """Of each row the nats and the bytes; `perplexity` is a token's, or of n-grams a character's."""

    name: str
    nats: Sequence[float]
    sizes: Sequence[int]
    perplexity: float
    seconds: float | None

    @property
    def bits(self) -> float:
        return sum(self.nats) / math.log(2) / sum(self.sizes)


@app.command("perplexity")
def perplexity(
    file: Annotated[Path, typer.Argument(help="Held-out rows: JSONL as for train, plain or .gz.")],
    with_: Annotated[
        list[str],
        typer.Option(
            "--with",
            help="A Hugging Face folder, an adapter's or a run's; ngrams:FILE is a model of FILE's characters.",
        ),
    ],
    texts: Annotated[bool, typer.Option("--texts", help="Rows are texts; else answers to prompts.")] = False,
    draws: Annotated[int, typer.Option(help="Of the paired bootstrap.", min=100)] = 2_000,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Perplexity and bits a byte of language models on rows that they have not learned, compared with the first's."""
    from rich.console import Console

    from stepladder.evaluation import compare_ratios
    from stepladder.training.language import read_rows

    rows = read_rows(file, "texts" if texts else "answers")
    found = [_asked(name, rows, texts) for name in with_]
    first = found[0]
    compared = {one.name: compare_ratios(first.nats, one.nats, first.sizes, draws=draws) for one in found[1:]}
    if json_:
        print(
            json.dumps(
                {"rows": len(rows), "models": [_figures(one, compared.get(one.name)) for one in found]}
            )
        )
    else:
        Console().print(drawn(_table(found, compared, len(rows))))


def _asked(name: str, rows: Sequence[dict[str, Any]], texts: bool) -> _Told:
    if name.startswith(_NGRAMS):
        return _by_ngrams(name, rows, texts)
    from stepladder.training.language import surprise

    folder = Path(name)
    folder = folder / "model" if (folder / "model").is_dir() else folder
    if not folder.is_dir():
        raise BadRequest(
            f"{name} is no folder.", param="--with", remedy=f"Give a model's folder, or {_NGRAMS}FILE."
        )
    told = surprise(folder.resolve(), rows)
    return _Told(name, told.nats, told.sizes, told.perplexity, median(told.seconds))


def _by_ngrams(name: str, rows: Sequence[dict[str, Any]], texts: bool) -> _Told:
    """Characters under those of a file; of chats it reads the answers alone, not the prompts."""
    from stepladder.data.cleaning import Surprise
    from stepladder.training.language import read_rows

    learned = read_rows(Path(name.removeprefix(_NGRAMS)), "texts" if texts else "answers")
    asked = [_text(row) for row in rows]
    bits = Surprise.fit([_text(row) for row in learned]).bits(asked)
    nats = [float(each) * len(text) * math.log(2) for each, text in zip(bits, asked, strict=True)]
    letters = sum(len(text) for text in asked)
    return _Told(name, nats, [len(text.encode()) for text in asked], math.exp(sum(nats) / letters), None)


def _text(row: dict[str, Any]) -> str:
    return str(row["text"]) if "text" in row else "".join(one["content"] for one in row["completion"])


def _figures(one: _Told, compared: "Comparison | None") -> dict[str, Any]:
    told = {"name": one.name, "perplexity": one.perplexity, "bits_a_byte": one.bits, "seconds": one.seconds}
    if compared is None:
        return told
    interval = [_bits(compared.low), _bits(compared.high)]
    return told | {"difference": _bits(compared.difference), "interval": interval, "p": compared.p}


def _table(found: Sequence[_Told], compared: "dict[str, Comparison]", rows: int) -> "Table":
    from stepladder.evaluation import Table

    lines = []
    for one in found:
        told = compared.get(one.name)
        lines.append(
            [
                one.name,
                f"{one.perplexity:,.2f}" + (" a character" if one.seconds is None else ""),
                f"{one.bits:.3f}",
                "" if one.seconds is None else f"{one.seconds * 1000:.0f}",
                ""
                if told is None
                else f"{_bits(told.difference):+.3f} ({_bits(told.low):+.3f} to {_bits(told.high):+.3f})",
            ]
        )
    head = ["", "perplexity", "bits a byte", "ms a row", "against the first (95 %)"]
    return Table(f"Over {rows:,} rows", head, lines)


def _bits(nats: float) -> float:
    return nats / math.log(2)
