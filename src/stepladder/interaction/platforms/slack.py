"""Slack, by its Events API over HTTP and chat.postMessage (docs.slack.dev: Events API, Verifying requests from Slack)."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from stepladder.core import BadRequest, Callback, Message, Received, UpstreamFailed, config, forged
from stepladder.interaction.platforms.posting import Call, called, check_url

_WINDOW_SECONDS = 300.0
_LINK = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_WORDS = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """`[chats.x]`, `kind = "slack"`. `signing_secret` and `bot_token` refer to the app's secrets."""

    signing_secret: str
    bot_token: str
    base_url: str = "https://slack.com/api"


class _Who(msgspec.Struct):
    user_id: str = ""
    is_bot: bool = False


class _Event(msgspec.Struct):
    type: str = ""
    channel_type: str = ""
    channel: str = ""
    user: str = ""
    text: str = ""
    ts: str = ""
    thread_ts: str = ""
    bot_id: str = ""
    subtype: str = ""


class _Payload(msgspec.Struct):
    type: str = ""
    challenge: str = ""
    team_id: str = ""
    event_id: str = ""
    event: _Event = msgspec.field(default_factory=_Event)
    authorizations: list[_Who] = []


_PAYLOAD = msgspec.json.Decoder(_Payload)


class SlackPlatform:
    """A Slack app. It answers where it is mentioned, in a thread, and what it is told in direct messages."""

    most_bytes = 12_000
    """Slack cuts a text off after 40,000 characters, of which escaping may take five for one."""

    def __init__(self, name: str, given: SlackSettings) -> None:
        where = f"chats.{name}"
        self.name = name
        self._signing = config.secret(given.signing_secret, f"{where}.signing_secret").encode()
        self._token = config.secret(given.bot_token, f"{where}.bot_token")
        self._post = f"{check_url(given.base_url, f'{where}.base_url')}/chat.postMessage"

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "SlackPlatform":
        """Raises ConfigError."""
        return cls(name, config.settings(settings, SlackSettings, f"chats.{name}"))

    def receive(self, callback: Callback) -> Received:
        """Raises NotAllowed for a signature or a time that does not hold, BadRequest for another body."""
        self._check(callback)
        try:
            payload = _PAYLOAD.decode(callback.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRequest("This is no event of Slack's.", remedy="Send JSON.") from error
        if payload.type == "url_verification":
            return Received(payload.challenge.encode())
        return Received(message=_message(payload) if payload.type == "event_callback" else None)

    async def send(self, message: Message, text: str) -> None:
        """Raises UpstreamFailed with Slack's word for it."""
        body = {"text": _escaped(text), "unfurl_links": False, "unfurl_media": False, **message.place}
        headers = {"Authorization": f"Bearer {self._token}"}
        said = await called(self.name, Call(self._post, headers=headers, body=body))
        if said.get("ok") is not True:
            raise UpstreamFailed(self.name, f"Slack does not take the answer: {str(said.get('error'))[:80]}.")

    def _check(self, callback: Callback) -> None:
        at = callback.headers.get("x-slack-request-timestamp", "")
        if not (at.isascii() and at.isdigit()) or abs(callback.at - int(at[:12])) > _WINDOW_SECONDS:
            raise forged(self.name, "its time is too far from ours")
        signed = hmac.new(self._signing, b"v0:" + at.encode() + b":" + callback.body, hashlib.sha256)
        given = callback.headers.get("x-slack-signature", "")
        if not hmac.compare_digest(f"v0={signed.hexdigest()}".encode(), given.encode("utf-8", "replace")):
            raise forged(self.name, "its signature does not hold")


def _message(payload: _Payload) -> Message | None:
    """A person's question to us; None for everything else that happens."""
    event = payload.event
    direct = event.type == "message" and event.channel_type == "im"
    if not (direct or event.type == "app_mention") or event.bot_id or event.subtype or not event.user:
        return None
    bots = {who.user_id for who in payload.authorizations if who.is_bot}
    text = _read(event.text, bots)
    if not text or not payload.event_id or not event.channel:
        return None
    thread = event.thread_ts or ("" if direct else event.ts)
    place = {"channel": event.channel, **({"thread_ts": thread} if thread else {})}
    spot = ":".join(part for part in (payload.team_id, event.channel, thread) if part)
    return Message(payload.event_id, event.user, f"slack:{spot}", text, place)


def _read(text: str, bots: set[str]) -> str:
    """What a person wrote, without mentioning us, out of Slack's markup."""

    def shown(found: re.Match[str]) -> str:
        sign, target, label = found[1], found[2], found[3]
        if sign == "@":
            return "" if target in bots or (not bots and found.start() == 0) else f"@{label or target}"
        return f"{sign.replace('!', '@')}{label or target}" if sign else target

    plain = _LINK.sub(shown, text)
    for escaped, sign in _WORDS:
        plain = plain.replace(escaped, sign)
    return plain.strip()


def _escaped(text: str) -> str:
    """So that an answer mentions nobody and links to nothing by Slack's own signs."""
    for escaped, sign in reversed(_WORDS):
        text = text.replace(sign, escaped)
    return text
