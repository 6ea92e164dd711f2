"""WeCom (企业微信): encrypted callbacks in, the API's messages out (developer.work.weixin.qq.com/document/path/90238, 90236).

WeCom waits five seconds for an answer to a callback and then calls again: it is told "" at once, and the answer is sent.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from stepladder.core import BadRequest, Callback, Message, Received, UpstreamFailed, config, forged
from stepladder.interaction.platforms.posting import Call, called, check_url
from stepladder.interaction.platforms.wecom_crypto import Envelope, Undecipherable

_WINDOW_SECONDS = 300.0
_SPARE_SECONDS = 120.0
_STALE_TOKEN = (40001, 40014, 42001)
_XML = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class WecomSettings:
    """`[chats.x]`, `kind = "wecom"`. `secret`, `token` and `aes_key` (EncodingAESKey) refer to the app's secrets."""

    corp_id: str
    agent_id: int
    secret: str
    token: str
    aes_key: str
    base_url: str = "https://qyapi.weixin.qq.com"


class WecomPlatform:
    """An app of one's own (自建应用). Every text that a member sends it is a question."""

    most_bytes = 2048

    def __init__(self, name: str, given: WecomSettings) -> None:
        where = f"chats.{name}"
        self.name = name
        self._given = given
        self._secret = config.secret(given.secret, f"{where}.secret")
        token = config.secret(given.token, f"{where}.token")
        aes_key = config.secret(given.aes_key, f"{where}.aes_key")
        self._envelope = Envelope(token, aes_key, given.corp_id, f"{where}.aes_key")
        self._root = f"{check_url(given.base_url, f'{where}.base_url')}/cgi-bin"
        self._access = ("", 0.0)
        self._renewing = asyncio.Lock()

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "WecomPlatform":
        """Raises ConfigError, MissingExtra."""
        return cls(name, config.settings(settings, WecomSettings, f"chats.{name}"))

    def receive(self, callback: Callback) -> Received:
        """Raises NotAllowed for a signature, a time or a company that is not ours, BadRequest for another body."""
        if callback.method == "GET":
            return Received(self._opened(callback, callback.query.get("echostr", "")).encode())
        outer = read_xml(callback.body)
        inner = read_xml(self._opened(callback, outer.get("Encrypt", "")).encode())
        if inner.get("ToUserName") != self._given.corp_id:
            raise forged(self.name, "it is for another company")
        return Received(content_type=_XML, message=self._message(inner))

    async def send(self, message: Message, text: str) -> None:
        """Raises UpstreamFailed with WeCom's number for it."""
        body = {
            "msgtype": "text",
            "agentid": self._given.agent_id,
            "text": {"content": text},
            **message.place,
        }
        token = await self._token("")
        said = await self._post(token, body)
        if said.get("errcode") in _STALE_TOKEN:
            said = await self._post(await self._token(token), body)
        if said.get("errcode") != 0:
            raise UpstreamFailed(self.name, f"WeCom does not take the answer: errcode {said.get('errcode')}.")

    def _opened(self, callback: Callback, sealed: str) -> str:
        query = callback.query
        at, nonce = query.get("timestamp", ""), query.get("nonce", "")
        if not self._envelope.signed(query.get("msg_signature", ""), at, nonce, sealed):
            raise forged(self.name, "its signature does not hold")
        if not (at.isascii() and at.isdigit()) or abs(callback.at - int(at[:12])) > _WINDOW_SECONDS:
            raise forged(self.name, "its time is too far from ours")
        try:
            return self._envelope.open(sealed)
        except Undecipherable as error:
            raise forged(self.name, str(error)) from None

    def _message(self, said: Mapping[str, str]) -> Message | None:
        """A member's question; None for pictures, and for what only happens."""
        user, text = said.get("FromUserName", ""), said.get("Content", "").strip()
        ours = said.get("AgentID") == str(self._given.agent_id)
        if said.get("MsgType") != "text" or not (user and text and said.get("MsgId") and ours):
            return None
        conversation = f"wecom:{self._given.corp_id}:{self._given.agent_id}:{user}"
        return Message(said["MsgId"], user, conversation, text, {"touser": user})

    async def _post(self, token: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await called(
            self.name, Call(f"{self._root}/message/send", query={"access_token": token}, body=body)
        )

    async def _token(self, stale: str) -> str:
        """The access token, kept for as long as WeCom says; a new one in the place of a stale one."""
        async with self._renewing:
            token, until = self._access
            if token and token != stale and time.monotonic() < until:
                return token
            query = {"corpid": self._given.corp_id, "corpsecret": self._secret}
            said = await called(self.name, Call(f"{self._root}/gettoken", query=query))
            given, seconds = said.get("access_token"), said.get("expires_in", 7200)
            if not isinstance(given, str) or not given or not isinstance(seconds, int):
                raise UpstreamFailed(
                    self.name, f"WeCom gives no access token: errcode {said.get('errcode')}."
                )
            self._access = given, time.monotonic() + max(seconds - _SPARE_SECONDS, seconds / 2)
            return given


def read_xml(data: bytes) -> dict[str, str]:
    """The elements right below the root, with their text. Raises BadRequest, also for any DTD: no entity is ever read."""
    found: dict[str, str] = {}
    path: list[str] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, _: Any) -> None:
        path.append(name)

    def end(_: str) -> None:
        path.pop()

    def text(said: str) -> None:
        if len(path) == 2:
            found[path[1]] = found.get(path[1], "") + said

    def doctype(*_: Any) -> None:
        raise _Refused

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, _Refused, ValueError, LookupError):
        raise BadRequest("This is no message of WeCom's.", remedy="Send its XML, without a DTD.") from None
    return found


class _Refused(Exception):
    """The text declares a document type."""
