"""A chat upstream as one finds them: OpenAI's API on loopback, with tools, structured answers, streams and bad days."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator

from aiohttp import web

SAID = "你好, hello there"


class Upstream:
    """Runs in a thread of its own. `seen` holds the bodies that came, `left` counts clients that hung up on a stream.

    The name of the model says what kind of day it has: "good", "slow" (a piece every 20 ms, for ever), "down" (500),
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
        prices = "price_in = 1.0\nprice_out = 2.0"
        return f'[models.{name}]\nkind = "chat"\nbase_url = "{self.url}"\nmodel = "{day}"\n{prices}\n'

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
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
            return web.json_response(_completion("x", 1 + len(self.seen) * 7 % body["max_tokens"]))
        if not body.get("stream"):
            return web.json_response(_completion(_content(body)))
        return await self._stream(request, body)

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


def _content(body: dict) -> str:
    if "response_format" in body:
        return '{"name": "Ann", "age": 3}'
    return "good" if "labels" in json.dumps(body["messages"]) else SAID


def _completion(text: str, tokens: int = 7) -> dict:
    message: dict = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    return {
        "id": "chatcmpl-upstream",
        "object": "chat.completion",
        "created": 1,
        "model": "good-1",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens},
        "service_tier": "default",
    }


async def _chunks(body: dict) -> AsyncIterator[dict]:
    frame = {"id": "chatcmpl-upstream", "object": "chat.completion.chunk", "created": 1, "model": "good-1"}

    def chunk(delta: dict, reason: str | None = None) -> dict:
        return {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": ""})
    if body.get("tools"):
        call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
        yield chunk({"tool_calls": [call]})
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":"b"}'}}]})
        yield chunk({}, "tool_calls")
    else:
        while body["model"] == "slow":
            yield chunk({"content": "x"})
            await asyncio.sleep(0.02)
        for piece in (SAID[:5], SAID[5:]):
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
