"""An upstream that answers at once: one process, raw asyncio, as little work as possible.

python -m benchmarks.gateway.upstream PORT [--chunks 20] [--gap 0]

With a gap, so many seconds pass between the chunks of a stream.
"""

import argparse
import asyncio
import json
from typing import cast

import uvloop

TEXT = "The parcel is late, so this is about delivery."
USAGE = {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60}


def _head(kind: str, length: int | None) -> bytes:
    size = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{size}\r\n\r\n".encode()


def plain() -> bytes:
    """A whole response with a completion."""
    message = {"role": "assistant", "content": TEXT}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    body = json.dumps(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": USAGE,
        }
    ).encode()
    return _head("application/json", len(body)) + body


def stream(chunks: int) -> list[bytes]:
    """The writes of a streamed response."""
    frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def event(choices: list[object], **more: object) -> bytes:
        data = f"data: {json.dumps({**frame, 'choices': choices, **more})}\n\n".encode()
        return f"{len(data):x}\r\n".encode() + data + b"\r\n"

    def choice(delta: dict[str, str], reason: str | None = None) -> list[object]:
        return [{"index": 0, "delta": delta, "finish_reason": reason}]

    pieces = [event(choice({"role": "assistant", "content": ""}))]
    pieces += [event(choice({"content": "word "})) for _ in range(chunks)]
    done = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
    pieces += [event(choice({}, "stop")), event([], usage=USAGE) + done]
    pieces[0] = _head("text/event-stream", None) + pieces[0]
    return pieces


class Protocol(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self, whole: bytes, pieces: list[bytes], gap: float = 0.0) -> None:
        self._whole = whole
        self._pieces = pieces
        self._gap = gap
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer when a request is whole."""
        self._data += data
        head = self._data.find(b"\r\n\r\n")
        if head < 0:
            return
        lower = self._data[:head].lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._data) < head + 4 + length:
            return
        body, self._data = self._data[head + 4 : head + 4 + length], self._data[head + 4 + length :]
        if b'"stream":true' not in body:
            self._transport.write(self._whole)
        elif self._gap:
            self._write(0)
        else:
            for piece in self._pieces:
                self._transport.write(piece)

    def _write(self, at: int) -> None:
        """One piece, and the next one after the gap."""
        self._transport.write(self._pieces[at])
        if at + 1 < len(self._pieces) and not self._transport.is_closing():
            asyncio.get_running_loop().call_later(self._gap, self._write, at + 1)


async def serve(port: int, chunks: int, gap: float) -> None:
    """Until it is killed."""
    whole, pieces = plain(), stream(chunks)
    server = await asyncio.get_running_loop().create_server(
        lambda: Protocol(whole, pieces, gap), "127.0.0.1", port, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--chunks", type=int, default=20)
    parser.add_argument("--gap", type=float, default=0.0)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(given.port, given.chunks, given.gap))
