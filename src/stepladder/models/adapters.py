"""LoRA adapters that running servers take up and give away, while they go on serving: vLLM's endpoints for that.

https://docs.vllm.ai/en/latest/features/lora/: POST /v1/load_lora_adapter and /v1/unload_lora_adapter, which a vLLM has that was
started with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stepladder.core import DataError
from stepladder.models.chat_settings import headers_of, read_settings

if TYPE_CHECKING:
    import aiohttp

_PATIENCE = 120.0  # seconds: an adapter is read from a disk
_REMEDY = "Start vLLM with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True."


async def serve_adapter(name: str, given: Mapping[str, Any], path: str) -> list[str]:
    """Have every server of `[models.name]`, whose settings are `given`, serve an adapter under the model's name there.

    `path` is the adapter's folder as the servers see it; "" takes the adapter away. One that is there already is taken away
    first, so for a moment nothing has that name. Returns the servers' addresses. Raises ConfigError, DataError.
    """
    import aiohttp  # costs every other command's start

    chosen = read_settings(name, given)
    patience = aiohttp.ClientTimeout(total=_PATIENCE)
    done = []
    for at, server in enumerate(chosen.servers):
        place = f"models.{name}.replicas[{at}]" if chosen.replicas else f"models.{name}"
        headers = headers_of(chosen, server, place)
        async with aiohttp.ClientSession(headers=headers, timeout=patience) as session:
            await _on(_Server(session, server.base_url.rstrip("/")), server.model or chosen.model, path)
        done.append(server.base_url)
    return done


class _Server:
    """One server's endpoints."""

    def __init__(self, session: "aiohttp.ClientSession", url: str) -> None:
        self.url = url
        self._session = session

    async def names(self) -> set[str]:
        """What it serves."""
        told = await self._said("GET", "models", None)
        listed = told.get("data") if isinstance(told, dict) else None
        return {str(one.get("id")) for one in listed or () if isinstance(one, dict)}

    async def post(self, what: str, body: Mapping[str, str]) -> None:
        """Ask for a change. Raises DataError."""
        await self._said("POST", what, dict(body))

    async def _said(self, method: str, what: str, body: dict[str, str] | None) -> Any:
        import aiohttp

        try:
            async with self._session.request(method, f"{self.url}/{what}", json=body) as answer:
                text = await answer.text(errors="replace")
                if answer.status >= 400:
                    raise DataError(
                        f"{self.url}/{what} answers {answer.status}: {' '.join(text.split())[:300]}",
                        remedy=_REMEDY if answer.status in (404, 405) else "Look at that server's log.",
                    )
                return await answer.json(content_type=None) if method == "GET" else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DataError(
                f"{self.url} cannot be asked: {str(error) or type(error).__name__}", remedy="Is it running?"
            ) from error


async def _on(server: _Server, adapter: str, path: str) -> None:
    there = adapter in await server.names()
    if there:
        await server.post("unload_lora_adapter", {"lora_name": adapter})
    if path:
        await server.post("load_lora_adapter", {"lora_name": adapter, "lora_path": path})
    if (adapter in await server.names()) is not bool(path):
        raise DataError(
            f"{server.url} says that it did so, and {adapter!r} is {'not ' if path else ''}among its models.",
            remedy="Look at that server's log.",
        )
