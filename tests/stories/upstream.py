"""A chat upstream as one finds them: OpenAI's API on loopback, with tools, structured answers, streams and bad days."""

import asyncio
import base64
import hashlib
import json
import re
import struct
import threading
from collections.abc import AsyncIterator, Iterator

from aiohttp import web

SAID = "你好, hello there"
ENDLESS = {"slow": (1, 0.02), "flooding": (20_000, 0.001)}
"""Streams without an end: how long a piece is, and the seconds between two."""


class Upstream:
    """Runs in a thread of its own. `seen` holds the bodies that came, `left` counts clients that hung up on a stream.

    The name of the model says what kind of day it has: "good", "slow" (a piece every 20 ms, for ever), "flooding" (large
    pieces, for ever), "down" (500),
    "refusing" (429), "garbage" (no JSON), "breaking" (the stream breaks off), "varied" (its answers
    take any number of tokens up to max_tokens).
    """

    def __init__(self) -> None:
        self.seen: list[dict] = []
        self.left = 0
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Upstream":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def model(self, name: str, day: str = "good") -> str:
        """The lines of a [models.x] table for it."""
        prices = "price_in = 1.0\nprice_out = 2.0\nretries = 0"
        return f'[models.{name}]\nkind = "chat"\nbase_url = "{self.url}"\nmodel = "{day}"\n{prices}\n'

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/embeddings", self._embed)
        app.router.add_post("/v1/rerank", self._rerank)
        app.router.add_post("/v1/completions", self._complete)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._ready.set()
        await self._over.wait()
        await runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append(body)
        if body["model"] == "down":
            return web.json_response({"error": {"message": "Something broke"}}, status=500)
        if body["model"] == "refusing":
            return web.json_response({"error": {"message": "Too many requests"}}, status=429)
        if body["model"] == "garbage":
            return web.Response(text="<html>", content_type="text/html")
        if body["model"] == "varied":
            return web.json_response(_completion(body, 1 + len(self.seen) * 7 % body["max_tokens"]))
        if not body.get("stream"):
            if body["model"] == "slow":
                await self._until_left(request)
            return web.json_response(_completion(body))
        return await self._stream(request, body)

    async def _until_left(self, request: web.Request) -> None:
        for _ in range(600):
            if request.transport is None or request.transport.is_closing():
                self.left += 1
                return
            await asyncio.sleep(0.05)

    async def _embed(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.seen.append(body)
        given = body["input"]
        texts = given if isinstance(given, list) and not isinstance(given[0], int) else [given]
        data = [
            {"object": "embedding", "index": at, "embedding": _vector(text, body.get("encoding_format"))}
            for at, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 3 * len(texts), "total_tokens": 3 * len(texts)}
        return web.json_response({"object": "list", "data": data, "model": "good-1", "usage": usage})

    async def _rerank(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.seen.append(body)
        words = set(body["query"].split())
        scores = [len(words & set(text.split())) for text in body["documents"]]
        order = sorted(range(len(scores)), key=lambda at: -scores[at])
        results = [{"index": at, "relevance_score": float(scores[at])} for at in order]
        return web.json_response({"results": results, "usage": {"total_tokens": 9}})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append(body)
        usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
        frame = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "good-1"}

        def choice(text: str, reason: str | None) -> list[dict]:
            return [{"index": 0, "text": text, "finish_reason": reason, "logprobs": None}]

        if not body.get("stream"):
            return web.json_response({**frame, "choices": choice(SAID, "stop"), "usage": usage})
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for choices in (choice(SAID, None), choice("", "stop")):
            await response.write(f"data: {json.dumps({**frame, 'choices': choices})}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _stream(self, request: web.Request, body: dict) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        try:
            async for chunk in _chunks(body):
                await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
            if body["model"] == "breaking":
                assert request.transport is not None
                request.transport.abort()
                return response
            await response.write(b"data: [DONE]\n\n")
        except (ConnectionError, asyncio.CancelledError):
            self.left += 1
            raise
        return response


def _vector(text: object, form: str | None) -> object:
    """Sixteen numbers that are the same for the same text."""
    digest = hashlib.sha256(json.dumps(text).encode()).digest()
    values = [(byte - 127.5) / 128 for byte in digest[:16]]
    return base64.b64encode(struct.pack("<16f", *values)).decode() if form == "base64" else values


def _content(body: dict) -> str:
    shape = body.get("response_format") or {}
    if shape.get("type") == "json_schema":
        return json.dumps(_filled(shape["json_schema"]["schema"], _asked(body)))
    return "good" if "labels" in json.dumps(body["messages"]) else SAID


def _asked(body: dict) -> str:
    said = [message["content"] for message in body["messages"] if message["role"] == "user"]
    return json.dumps(said, ensure_ascii=False)


_VALUES: dict[str, object] = {"boolean": True, "null": None}


def _filled(schema: dict, asked: str, top: dict | None = None) -> object:
    """Something that keeps to a JSON Schema, numbers and quoted words taken from the question."""
    top = top or schema
    if "$ref" in schema:
        schema = top["$defs"][schema["$ref"].split("/")[-1]]
    if "anyOf" in schema:
        schema = schema["anyOf"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: _filled(inner, asked, top) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_filled(schema.get("items", {}), asked, top)]
    if kind in ("integer", "number"):
        return int((re.findall(r"\d+", asked) or ["3"])[0])
    word = (re.findall(r"'([^']+)'", asked) or ["Ann"])[0]
    return schema["enum"][0] if "enum" in schema else _VALUES.get(str(kind), word)


def _tools(body: dict) -> list[dict]:
    """What it calls: the tool that must be, else the first; nothing once it has a result."""
    tools, choice = body.get("tools") or [], body.get("tool_choice")
    if not tools or choice == "none" or body["messages"][-1]["role"] == "tool":
        return []
    wanted = choice["function"]["name"] if isinstance(choice, dict) else tools[0]["function"]["name"]
    return [
        {
            "name": tool["function"]["name"],
            "arguments": json.dumps(
                _filled(tool["function"].get("parameters", {"type": "object"}), _asked(body))
            ),
        }
        for tool in tools
        if tool["function"]["name"] == wanted
    ]


def _completion(body: dict, tokens: int = 7) -> dict:
    message: dict = {"role": "assistant", "content": _content(body), "refusal": None, "annotations": []}
    reason = "stop"
    for called in _tools(body):
        call = {"id": "c1", "type": "function", "function": called}
        message, reason = {**message, "content": None, "tool_calls": [call]}, "tool_calls"
    return {
        "id": "chatcmpl-upstream",
        "object": "chat.completion",
        "created": 1,
        "model": "good-1",
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens},
        "service_tier": "default",
    }


def _tool_deltas(called: dict, *, parallel: bool) -> Iterator[dict]:
    """The deltas of one call, or of two that come mixed."""
    half = len(called["arguments"]) // 2
    order = [(index, piece) for piece in range(3) for index in range(1 + parallel)]
    for index, piece in order:
        if piece == 0:
            function = {"name": called["name"], "arguments": ""}
            yield {"index": index, "id": f"c{index + 1}", "type": "function", "function": function}
        else:
            text = called["arguments"][:half] if piece == 1 else called["arguments"][half:]
            yield {"index": index, "function": {"arguments": text}}


async def _chunks(body: dict) -> AsyncIterator[dict]:
    frame = {"id": "chatcmpl-upstream", "object": "chat.completion.chunk", "created": 1, "model": "good-1"}

    def chunk(delta: dict, reason: str | None = None) -> dict:
        return {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": ""})
    if called := _tools(body):
        for delta in _tool_deltas(called[0], parallel=bool(body.get("parallel_tool_calls"))):
            yield chunk({"tool_calls": [delta]})
        yield chunk({}, "tool_calls")
    else:
        while body["model"] in ENDLESS:
            size, pause = ENDLESS[body["model"]]
            yield chunk({"content": "x" * size})
            await asyncio.sleep(pause)
        said = _content(body)
        for piece in (said[:5], said[5:]):
            yield chunk({"content": piece})
        if body["model"] == "breaking":
            return
        yield chunk({}, "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {
            **frame,
            "choices": [],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        }
