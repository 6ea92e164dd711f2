"""A model that calls tools as it is told, and an API with a document: real servers on loopback."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Reply = Callable[[dict[str, Any]], Any]
"""A request's body -> a text, a list of (tool, arguments), or both as a pair."""
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


class ToolModel:
    """OpenAI's chat completions. `reply` says what is answered; `seen` holds the bodies that came."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.url = ""
        self.reply: Reply = lambda body: "hello"

    def model(self, name: str, more: str = "") -> str:
        """The lines of a [models.x] table for it."""
        prices = "price_in = 1000.0\nprice_out = 2000.0\nretries = 0"
        return f'[models.{name}]\nkind = "chat"\nbase_url = "{self.url}/v1"\nmodel = "{name}"\n{prices}\n{more}\n'

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append(body)
        said = self.reply(body)
        if asyncio.iscoroutine(said):
            said = await said
        if isinstance(said, int):
            return web.json_response({"error": {"message": "broken"}}, status=said)
        text, calls = said if isinstance(said, tuple) else (said, []) if isinstance(said, str) else ("", said)
        made = [
            {
                "index": at,
                "id": f"call_{len(self.seen)}_{at}",
                "type": "function",
                "function": {
                    "name": name,
                    "arguments": given if isinstance(given, str) else json.dumps(given),
                },
            }
            for at, (name, given) in enumerate(calls)
        ]
        if body.get("stream"):
            return await self._stream(request, body, text, made)
        message = {"role": "assistant", "content": text or None}
        if made:
            message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in made]
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if made else "stop"}
        frame = {"id": f"chatcmpl-{len(self.seen)}", "object": "chat.completion", "created": 1}
        return web.json_response({**frame, "model": body["model"], "choices": [choice], "usage": USAGE})

    async def _stream(self, request, body, text, made):
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        frame = {
            "id": f"chatcmpl-{len(self.seen)}",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
        }

        async def chunk(delta, finish=None):
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            await response.write(f"data: {json.dumps({**frame, 'choices': [choice]})}\n\n".encode())
            await asyncio.sleep(0)

        await chunk({"role": "assistant", "content": ""})
        for piece in re.findall(r" ?[^ ]+", text):
            await chunk({"content": piece})
        for call in made:
            function = call["function"]
            await chunk({"tool_calls": [{**call, "function": {"name": function["name"], "arguments": ""}}]})
            for piece in (function["arguments"][:3], function["arguments"][3:]):
                await chunk({"tool_calls": [{"index": call["index"], "function": {"arguments": piece}}]})
        await chunk({}, "tool_calls" if made else "stop")
        if (body.get("stream_options") or {}).get("include_usage"):
            await response.write(f"data: {json.dumps({**frame, 'choices': [], 'usage': USAGE})}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def tool_model() -> AsyncIterator[ToolModel]:
    peer = ToolModel()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", peer.answer)
    async with served(app) as url:
        peer.url = url
        yield peer


class Shop:
    """A web API: orders by number, a search, a refund (POST), and everything that can go wrong."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        self.url = ""
        self.slowly = asyncio.Event()
        self.state = "on its way"
        self.says = "The order"  # of the order's operation, in its document

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.seen.append((request.method, request.rel_url.raw_path_qs, dict(request.headers), body))
        name = request.path.split("/")[1]
        if name == "openapi.json":
            return web.json_response(document(self.url, self.says))
        if name == "orders":
            return web.json_response({"order": request.path.split("/")[2], "state": self.state})
        if name == "slow":
            self.slowly.set()
            await asyncio.sleep(30)
        if name == "big":
            return web.Response(text="x" * 3_000_000)
        if name == "away":
            raise web.HTTPFound("http://169.254.169.254/latest")
        if name == "picture":
            return web.Response(body=b"\x89PNG", content_type="image/png")
        if name == "broken":
            return web.json_response({"error": "no such thing"}, status=500)
        return web.json_response({"path": name, "query": request.query_string, "body": body})


@asynccontextmanager
async def shop() -> AsyncIterator[Shop]:
    peer = Shop()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", peer.handle)
    async with served(app) as url:
        peer.url = url
        yield peer


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def document(url: str, says: str = "The order") -> dict[str, Any]:
    """An OpenAPI 3 document with references and every place of a parameter. It `says` so of its first operation."""

    def get(name: str, **more: Any) -> dict[str, Any]:
        return {"get": {"operationId": name, "summary": f"The {name}", "responses": {}} | more}

    number = {"$ref": "#/components/parameters/Number"}
    search = [
        {"name": "q", "in": "query", "required": True, "schema": {"$ref": "#/components/schemas/Words"}},
        {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
        {"name": "X-Lang", "in": "header", "schema": {"type": "string", "enum": ["en", "zh"]}},
        {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
        {"name": "sid", "in": "cookie", "schema": {"type": "string"}},
    ]
    body = {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refund"}}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": url}],
        "paths": {
            "/orders/{number}": {"parameters": [number], **get("order", summary=says)},
            "/search": get("search", parameters=search),
            "/refunds": {"post": {"operationId": "refund", "requestBody": body, "responses": {}}},
            **{f"/{name}": get(name) for name in ("slow", "big", "away", "picture", "broken")},
        },
        "components": {
            "parameters": {
                "Number": {"name": "number", "in": "path", "required": True, "schema": {"type": "string"}}
            },
            "schemas": {
                "Words": {"type": "string"},
                "Refund": {
                    "type": "object",
                    "properties": {
                        "order": {"type": "string"},
                        "next": {"$ref": "#/components/schemas/Refund"},
                    },
                    "required": ["order"],
                },
            },
        },
    }
