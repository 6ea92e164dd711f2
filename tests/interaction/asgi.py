"""A client that talks ASGI to the application, without a socket: every byte and every event in the test's hand."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Response:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    whole: bool = False
    cookies: list[str] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        lines = self.body.decode().split("\n\n")
        data = [line.removeprefix("data: ") for line in lines if line]
        return [item if item == "[DONE]" else json.loads(item) for item in data]

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]


class Client:
    def __init__(self, app: Any, key: str) -> None:
        self.app = app
        self.key = key

    async def chat(
        self,
        text: str = "Fine day",
        model: str = "mood",
        *,
        leave_after: int | None = None,
        leaves: asyncio.Event | None = None,
        **more: Any,
    ) -> Response:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return await self.send("POST", "/v1/chat/completions", body, leave_after=leave_after, leaves=leaves)

    async def get(self, path: str, **more: Any) -> Response:
        return await self.send("GET", path, None, **more)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        chunks: list[bytes] | None = None,
        length: int | None = None,
        leave_after: int | None = None,
        leaves: asyncio.Event | None = None,
        headers: Mapping[str, str] | None = None,
        heard: asyncio.Event | None = None,
        query: str = "",
    ) -> Response:
        """One request; `heard` is set when the first piece has come, `leave_after` hangs up after that many pieces, or when it
        `leaves`."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        chunks = [data] if chunks is None else chunks
        sent = [(b"content-length", str(sum(map(len, chunks)) if length is None else length).encode())]
        if key is not None:
            sent.append((b"authorization", f"Bearer {key or self.key}".encode()))
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "headers": sent + [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
            "server": ("test", 80),
            "client": ("test", 1),
        }
        response, gone, gone_on = Response(), leaves or asyncio.Event(), asyncio.Event()
        coming = [
            {"type": "http.request", "body": chunk, "more_body": at < len(chunks) - 1}
            for at, chunk in enumerate(chunks)
        ]

        async def receive() -> dict[str, Any]:
            if coming:
                return coming.pop(0)
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                response.status = message["status"]
                response.cookies = [
                    value.decode() for name, value in message["headers"] if name == b"set-cookie"
                ]
                response.headers = {name.decode(): value.decode() for name, value in message["headers"]}
                return
            if message.get("body"):
                response.pieces.append(message["body"])
                (heard or gone_on).set()
            response.whole = not message.get("more_body", False)
            if leave_after is not None and len(response.pieces) >= leave_after:
                gone.set()
                await asyncio.sleep(0)

        await self.app(scope, receive, send)
        return response
