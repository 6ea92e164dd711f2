"""stepladder compress: models merged, packed and made smaller, each step weighed, and refused where it harms."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.interaction.cli.shown import drawn

if TYPE_CHECKING:
    from stepladder.evaluation import Table
    from stepladder.training.language import Gate, Measured, Shrunk

app = typer.Typer(help="Make a trained model smaller, each step measured.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="A Hugging Face folder: a model that writes, or an encoder.")]
Out = Annotated[Path, typer.Option(help="Folder for the smaller model.")]
Data = Annotated[
    Path, typer.Option(help="JSONL: one row in three judges the step, the others are for the step itself.")
]
MayBe = Annotated[
    Path | None,
    typer.Option(help="JSONL: answers before and after are compared on a third of it; else odd prompts are."),
]
Same = Annotated[
    float, typer.Option(help="Share of answers that must stay what they were, or the step is refused.")
]
Right = Annotated[float, typer.Option(help="Share of answers that must be what the rows say.")]
Risk = Annotated[float, typer.Option(help="Of letting a step pass that does not keep this.")]

Rounding = Annotated[
    int, typer.Option(help="Steps in which a layer learns from the rows which way to round.")
]


@app.command()
def merge(
    run: Annotated[
        Path, typer.Argument(help="The folder of a run that trained an adapter, or of the adapter.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the whole model.")],
    data: MayBe = None,
    same: Same = 0.95,
    right: Right = 0.0,
    risk: Risk = 0.1,
) -> None:
    """Merge an adapter into the model that it was trained on."""
    from stepladder.training.language import merged

    gate = _gate(same, right, risk)
    adapter = (run / "model" if (run / "model").is_dir() else run).resolve()
    if data is None:
        _show(merged(adapter, out), out, ("adapter", "merged"))
    else:
        _do({"do": "merge"}, (adapter, out, data), gate)


@app.command()
def gguf(  # noqa: PLR0913, PLR0917 a command's options
    folder: Annotated[Path, typer.Argument(help="A Hugging Face folder of Llama's shape, or an adapter's.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    kind: Annotated[
        str, typer.Option("--type", help="f32, f16, q8_0, q6_k, q5_k_m, q5_0, q4_k_m or q4_0.")
    ] = "q8_0",
    data: MayBe = None,
    same: Same = 0.95,
    right: Right = 0.0,
    risk: Risk = 0.1,
) -> None:
    """Write a model as a GGUF file for llama.cpp, packed, and compare the two."""
    from stepladder.training.language import packed

    gate = _gate(same, right, risk)
    if data is None:
        _show(packed(folder, out, kind), out, ("folder", kind))
    else:
        _do({"do": "gguf", "quantisation": kind}, (folder, out, data), gate)


@app.command()
def torchao(
    folder: Folder, out: Out, data: Data, same: Same = 0.95, right: Right = 0.0, risk: Risk = 0.1
) -> None:
    """Keep the matrices in 8 bit, one scale a row, by torchao: transformers and vLLM open the folder."""
    _do({"do": "torchao"}, (folder, out, data), _gate(same, right, risk))


def _four_bit(form: str, told: str) -> None:
    """The command of a layout; the two ask for the same."""

    @app.command(form, help=told)
    def command(  # noqa: PLR0913, PLR0917 a command's options
        folder: Folder,
        out: Out,
        data: Data,
        steps: Rounding = 200,
        same: Same = 0.95,
        right: Right = 0.0,
        risk: Risk = 0.1,
    ) -> None:
        step = {"do": "four_bit", "form": form, "steps": steps}
        _do(step, (folder, out, data), _gate(same, right, risk))


_four_bit(
    "gptq",
    "Keep the layers in 4 bit as GPTQ does, for vLLM, SGLang and transformers on a GPU; made on any machine.",
)
_four_bit(
    "awq",
    "Keep the layers in 4 bit as AWQ does, with zero points, for the same servers; made on any machine.",
)


@app.command()
def prune(  # noqa: PLR0913, PLR0917 a command's options
    folder: Folder,
    out: Out,
    data: Data,
    share: Annotated[float, typer.Option(help="Share of the weights, or of the neurons, that goes.")] = 0.3,
    structured: Annotated[
        bool,
        typer.Option("--structured", help="Take whole neurons out, so that the model is smaller and faster."),
    ] = False,
    same: Same = 0.95,
    right: Right = 0.0,
    risk: Risk = 0.1,
) -> None:
    """Take the smallest weights, or the least neurons of the feed-forward layers, away."""
    _do({"do": "prune", "share": share, "whole": structured}, (folder, out, data), _gate(same, right, risk))


@app.command()
def layers(  # noqa: PLR0913, PLR0917 a command's options
    folder: Folder,
    out: Out,
    data: Data,
    keep: Annotated[int, typer.Option(help="So many layers stay.")],
    steps: Annotated[int, typer.Option(help="Steps of training beside the whole model.")] = 200,
    same: Same = 0.95,
    right: Right = 0.0,
    risk: Risk = 0.1,
) -> None:
    """Distil a model to fewer layers: it learns what the whole one says to the rows."""
    _do({"do": "layers", "keep": keep, "steps": steps}, (folder, out, data), _gate(same, right, risk))


@app.command()
def vocabulary(
    folder: Folder, out: Out, data: Data, same: Same = 0.95, right: Right = 0.0, risk: Risk = 0.1
) -> None:
    """Keep the words of the rows, and letters for all others."""
    _do({"do": "vocabulary"}, (folder, out, data), _gate(same, right, risk))


@app.command()
def onnx(  # noqa: PLR0913, PLR0917 a command's options
    folder: Folder,
    out: Out,
    data: Data,
    bits: Annotated[int, typer.Option(help="8, or 32.")] = 8,
    same: Same = 0.95,
    right: Right = 0.0,
    risk: Risk = 0.1,
) -> None:
    """Write an encoder as ONNX, its matrices in 8 bit: an embedder of kind folder serves it without torch."""
    _do({"do": "onnx", "bits": bits}, (folder, out, data), _gate(same, right, risk))


def _gate(same: float, right: float, risk: float) -> "Gate":
    from stepladder.core import BadRequest
    from stepladder.training.language import Gate

    for name, value in (("same", same), ("right", right), ("risk", risk)):
        if not 0 <= value < 1:
            raise BadRequest(f"--{name} is {value}.", param=f"--{name}", remedy="Give 0 to 1, 1 excluded.")
    return Gate(same, right, risk)


def _do(step: Mapping[str, Any], places: tuple[Path, Path, Path], gate: "Gate") -> None:
    """Rows are read as the model needs them; exits with 1 where the step is refused."""
    from rich.console import Console

    from stepladder.data import read_log
    from stepladder.training.language import read_rows, shrink, writes

    folder, out, data = places
    rows: list[Any] = (
        [{key: row[key] for key in ("prompt", "completion")} for row in read_rows(data)]
        if writes(folder)
        else [{"text": row.text, "label": row.answer} for row in read_log(data).rows]
    )
    found = shrink(step, folder.absolute(), out.absolute(), rows, gate=gate)
    Console().print(drawn(_table(found, out)))
    _leave_if(found.refused, out)


def _show(found: "Measured", out: Path, names: tuple[str, str]) -> None:
    """What was compared without rows."""
    from rich.console import Console

    from stepladder.evaluation import Table

    lines = [
        ["size", *(f"{size / 1e6:,.1f} MB" for size in found.size)],
        ["time for a prompt", *(f"{seconds * 1000:.0f} ms" for seconds in found.seconds)],
        _memory(found.memory),
        ["same likeliest next token", "", f"{found.same:.1%} over {found.prompts} prompts"],
        ["its probabilities moved by", "", f"{found.moved:.4f} on average, {found.farthest:.4f} at most"],
    ]
    Console().print(drawn(Table(f"{'Refused' if found.refused else 'Written'}: {out}", ["", *names], lines)))
    _leave_if(found.refused, out)


def _leave_if(refused: str, out: Path) -> None:
    from rich.console import Console

    if refused:
        Console().print(f"[red]Refused: {refused}[/red] {out} was taken away.", highlight=False)
        raise typer.Exit(1)


def _memory(sizes: tuple[int, int]) -> list[str]:
    return ["memory of the process", *(f"{size / 1e6:,.0f} MB" if size else "not told" for size in sizes)]


def _table(found: "Shrunk", out: Path) -> "Table":
    from stepladder.evaluation import Table

    lines = [
        ["weights", *(f"{size / 1e6:,.2f} MB" for size in found.size)],
        ["packed by gzip", *(f"{size / 1e6:,.2f} MB" for size in found.packed)],
        [
            "time for an answer",
            *(f"{seconds * 1000:.1f} ms" if seconds else "not told" for seconds in found.seconds),
        ],
        _memory(found.memory),
        ["right answers", *(f"{share:.1%}" for share in found.right)],
        ["same answers", "", f"{found.same:.1%} of {found.rows}"],
    ]
    return Table(f"{'Refused' if found.refused else 'Written'}: {out}", ["", "before", "after"], lines)
