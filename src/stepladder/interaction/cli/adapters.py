"""stepladder adapter: LoRA adapters into running vLLM servers and out of them."""

from pathlib import Path
from typing import Annotated

import typer

from stepladder.core import BadRequest
from stepladder.interaction.cli.options import ConfigOption

app = typer.Typer(help="LoRA adapters in running vLLM servers.", no_args_is_help=True)
ModelOption = Annotated[
    str, typer.Option(help="Of [models]: its servers, and the name that they serve the adapter under.")
]
_OVER_HTTP = "chat"
_ADAPTER = "adapter_config.json"


@app.command()
def load(
    run: Annotated[
        Path, typer.Argument(help="The folder of a run that trained an adapter, or of the adapter.")
    ],
    model: ModelOption,
    at: Annotated[str, typer.Option(help="Where the servers see that folder, if elsewhere.")] = "",
    config: ConfigOption = None,
) -> None:
    """Have a model's vLLM servers serve an adapter, or a new one in the place of the old, without a restart."""
    adapter = (run / "model" if (run / "model").is_dir() else run).resolve()
    if not (adapter / _ADAPTER).exists():
        raise BadRequest(
            f"{run} holds no adapter.", param="run", remedy="Give the folder of a lora, qlora or dpo run."
        )
    for server in _done(model, at or str(adapter), config):
        typer.echo(f"{server} serves it.")


@app.command()
def unload(model: ModelOption, config: ConfigOption = None) -> None:
    """Take an adapter out of a model's vLLM servers."""
    for server in _done(model, "", config):
        typer.echo(f"{server} serves it no more.")


def _done(model: str, path: str, config: Path | None) -> list[str]:
    import asyncio

    from stepladder.interaction.settings import Settings
    from stepladder.models import serve_adapter

    known = Settings(config).load().models
    wanted = known.get(model)
    if wanted is None or wanted.kind != _OVER_HTTP:
        names = [name for name, one in known.items() if one.kind == _OVER_HTTP]
        raise BadRequest(
            f"There is no model named {model!r} of kind {_OVER_HTTP}.",
            param="--model",
            remedy=f"Models of that kind: {', '.join(names) or 'none'}.",
        )
    return asyncio.run(serve_adapter(model, wanted.settings, path))
