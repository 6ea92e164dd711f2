"""Chat platforms at the door: /chats/{name} takes what a platform sends, and the answer goes back by its API.

A question from there goes through the very endpoint that clients call, with the chat's own key: the same limits, guards,
ledger and conversations. The platform is told at once that its message has arrived, and the answer follows.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp
from starlette.types import Message as Event

from stepladder.core import Callback, Message, StepladderError, UnknownModel
from stepladder.interaction.chat import body_of
from stepladder.interaction.compose import House
from stepladder.interaction.platforms import Opened
from stepladder.safety import language_of, refusal

_log = logging.getLogger(__name__)
_MOST_BYTES = 256 * 1024
_REMEMBERED_SECONDS = 86_400.0
_BLOCKED = "content_filter"
_TEXTS = {
    "en": {
        "busy": "There are too many questions at the moment. Please ask again later.",
        "failed": "Something went wrong and your question was not answered. Please ask again.",
    },
    "zh": {
        "busy": "目前提问太多，请稍后再试。",
        "failed": "出了点问题，没能回答您的问题，请再问一次。",
    },
}


class ChatPages:
    """`ask` is the endpoint of chat completions."""

    def __init__(self, house: House, ask: ASGIApp) -> None:
        self._house = house
        self._ask = ask

    def routes(self) -> list[BaseRoute]:
        """Where platforms call."""
        return [Route("/chats/{name}", self.called, methods=["GET", "POST"])]

    async def called(self, request: Request) -> Response:
        """GET or POST /chats/{name}: what the platform of that chat has to say."""
        name = request.path_params["name"]
        chat = self._house.chats.get(name)
        if chat is None:
            raise UnknownModel(f"There is no chat {name[:80]!r}.", remedy="They are in [chats.NAME].")
        length = request.headers.get("content-length", "")
        body = await body_of(
            request.receive, int(length) if length.isdigit() else 0, _MOST_BYTES, "Send less."
        )
        received = chat.platform.receive(
            Callback(
                request.method,
                dict(request.query_params),
                dict(request.headers),
                body,
                self._house.clock.time(),
            )
        )
        if received.message is not None:
            await self._take(name, chat, received.message)
        return Response(received.body, headers={"content-type": received.content_type})

    async def _take(self, name: str, chat: Opened, message: Message) -> None:
        """Begin to answer, unless it has come before: to us, or to another worker."""
        self._house.chats.make_room()
        first = await asyncio.to_thread(
            self._house.store.leases.take,
            f"chat {name} {message.id}",
            secrets.token_hex(8),
            _REMEMBERED_SECONDS,
        )
        if first:
            self._house.chats.begin(self._answer(name, chat, message))

    async def _answer(self, name: str, chat: Opened, message: Message) -> None:
        try:
            said = await asked(self._ask, chat.secret, _question(name, chat, message))
            for piece in pieces(told(said, message.text), chat.platform.most_bytes):
                await chat.platform.send(message, piece)
        except StepladderError as error:
            _log.error("An answer did not reach the chat %s: %s", name, error)
        except Exception as error:  # noqa: BLE001 the edge: nobody waits for this task; its texts are not for the log
            _log.error("The chat %s failed for a reason of ours: %s.", name, type(error).__name__)


def _question(name: str, chat: Opened, message: Message) -> dict[str, Any]:
    return {
        "model": chat.given.model,
        "messages": [{"role": "user", "content": message.text}],
        "stepladder": {"conversation": message.conversation, "subject": f"{name}:{message.user}"},
    }


@dataclass(frozen=True, slots=True)
class Said:
    """The endpoint's response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def asked(endpoint: ASGIApp, secret: str, question: Mapping[str, Any]) -> Said:
    """Put a question to the endpoint as a client would."""
    status, headers, body = 500, {}, b""
    sent = msgspec.json.encode(question)
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/chat/completions",
        "headers": [(b"authorization", f"Bearer {secret}".encode())],
        "client": None,
    }

    coming: list[Event] = [{"type": "http.request", "body": sent, "more_body": False}]

    async def receive() -> Event:
        if not coming:
            await asyncio.Event().wait()  # nobody hangs up
        return coming.pop()

    async def send(event: Event) -> None:
        nonlocal status, headers, body
        if event["type"] == "http.response.start":
            status = event["status"]
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event["headers"]}
        else:
            body += event.get("body", b"")

    await endpoint(scope, receive, send)
    return Said(status, headers, body)


def told(said: Said, question: str) -> str:
    """What the person is told, with the label of AI's answers where one is wanted; errors in the question's language."""
    texts = _TEXTS[language_of(question)]
    content = msgspec.json.decode(said.body) if said.body else {}
    if said.status == 200:
        text = content["choices"][0]["message"].get("content") or ""
        label = unquote(said.headers.get("x-stepladder-label", ""))
        return "\n\n".join(part for part in (text, label) if part) if text.strip() else texts["failed"]
    if said.status == 202:
        return refusal(question, of="held")
    error = content.get("error", {})
    if error.get("code") == _BLOCKED:
        return str(error.get("message"))
    _log.warning("A question from a chat was answered with status %d (%s).", said.status, error.get("code"))
    return texts["busy" if said.status == 429 else "failed"]


def pieces(text: str, most: int) -> Iterator[str]:
    """The text in pieces of at most `most` bytes of UTF-8, parted at line ends or spaces where there are any."""
    data = text.encode("utf-8", "replace")
    while len(data) > most:
        head = data[:most].decode("utf-8", "ignore")
        at = max(head.rfind("\n"), 0) or max(head.rfind(" "), 0)
        cut = len((head[: at + 1] if at > len(head) // 2 else head).encode())
        yield data[:cut].decode().rstrip()
        data = data[cut:]
    yield data.decode()
