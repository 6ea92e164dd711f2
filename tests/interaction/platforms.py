"""Doubles of Slack's and WeCom's APIs: real HTTP servers that check what they are called with, and sign what they send."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from aiohttp import web

from stepladder.core import Callback
from stepladder.interaction.platforms.wecom_crypto import Envelope

SECRETS = {
    "SLACK_SIGNING": "8f742231b10e8888abcd99yyyzzz85a5",
    "SLACK_TOKEN": "xoxb-bot-token-0001",
    "WECOM_SECRET": "corp-secret-0002",
    "WECOM_TOKEN": "QDG6eK",
    "WECOM_KEY": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
}
CORP = "wx5823bf96d3bd56c7"
AGENT = 218


@dataclass
class Platform:
    """What people are shown, and what goes wrong next: (status, body) in the place of the answer."""

    url: str = ""
    shown: list[dict] = field(default_factory=list)
    troubles: list[tuple[int, dict]] = field(default_factory=list)
    tokens: int = 0
    stale: int = 0

    async def post_message(self, request: web.Request) -> web.Response:
        """Slack's chat.postMessage."""
        if self.troubles:
            status, body = self.troubles.pop(0)
            return web.json_response(body, status=status, headers={"Retry-After": "0"})
        if request.headers.get("Authorization") != f"Bearer {SECRETS['SLACK_TOKEN']}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        self.shown.append(await request.json())
        return web.json_response({"ok": True, "ts": "1.2"})

    async def get_token(self, request: web.Request) -> web.Response:
        """WeCom's gettoken."""
        if request.query.get("corpid") != CORP or request.query.get("corpsecret") != SECRETS["WECOM_SECRET"]:
            return web.json_response({"errcode": 40001, "errmsg": "invalid credential"})
        self.tokens += 1
        token = f"access-{self.tokens}"
        return web.json_response({"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": 7200})

    async def send(self, request: web.Request) -> web.Response:
        """WeCom's message/send."""
        if self.troubles:
            status, body = self.troubles.pop(0)
            return web.json_response(body, status=status)
        if request.query.get("access_token") != f"access-{self.tokens}" or self.tokens <= self.stale:
            return web.json_response({"errcode": 42001, "errmsg": "access_token expired"})
        said = await request.json()
        assert said["agentid"] == AGENT and len(said["text"]["content"].encode()) <= 2048
        self.shown.append(said)
        return web.json_response({"errcode": 0, "errmsg": "ok"})


@asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    """Both APIs on a free port."""
    double = Platform()
    app = web.Application()
    app.router.add_post("/chat.postMessage", double.post_message)
    app.router.add_get("/cgi-bin/gettoken", double.get_token)
    app.router.add_post("/cgi-bin/message/send", double.send)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield double
    finally:
        await runner.cleanup()


def slack_settings(url: str = "https://slack.com/api") -> dict:
    return {"signing_secret": "env:SLACK_SIGNING", "bot_token": "env:SLACK_TOKEN", "base_url": url}


def wecom_settings(url: str = "https://qyapi.weixin.qq.com") -> dict:
    keys = {"secret": "env:WECOM_SECRET", "token": "env:WECOM_TOKEN", "aes_key": "env:WECOM_KEY"}
    return {"corp_id": CORP, "agent_id": AGENT, "base_url": url, **keys}


def slack_signed(body: bytes, at: float, **headers: str) -> Callback:
    """A request as Slack signs it."""
    stamp = str(int(at))
    base = b"v0:" + stamp.encode() + b":" + body
    said = hmac.new(SECRETS["SLACK_SIGNING"].encode(), base, hashlib.sha256).hexdigest()
    signed = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={said}"}
    return Callback("POST", {}, {**signed, **headers}, body, at)


def slack_event(event: dict, at: float, id: str = "Ev1", **headers: str) -> Callback:
    """Something that happened in a workspace, on its way to the app."""
    bots = [{"user_id": "UBOT", "is_bot": True}]
    payload = {
        "type": "event_callback",
        "team_id": "T1",
        "event_id": id,
        "authorizations": bots,
        "event": event,
    }
    return slack_signed(json.dumps(payload, ensure_ascii=False).encode(), at, **headers)


def slack_text(text: str) -> str:
    """A text as Slack hands it on."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def envelope(corp: str = CORP) -> Envelope:
    return Envelope(SECRETS["WECOM_TOKEN"], SECRETS["WECOM_KEY"], corp, "test")


def wecom_sealed(inner: str, at: float, *, corp: str = CORP, outer: str = "") -> Callback:
    """A callback as WeCom seals and signs it."""
    made = envelope(corp)
    sealed = made.seal(inner)
    query = {"timestamp": str(int(at)), "nonce": "1372623149"}
    query["msg_signature"] = made.signature(query["timestamp"], query["nonce"], sealed)
    body = f"<xml><ToUserName><![CDATA[{corp}]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    return Callback("POST", query, {}, (outer + body).encode(), at)


def wecom_text(
    text: str, at: float, id: str = "1", user: str = "U1", corp: str = CORP, **more: str
) -> Callback:
    """A member's text."""
    said = {"ToUserName": corp, "FromUserName": user, "CreateTime": str(int(at)), "MsgType": "text"}
    said |= {"Content": text, "MsgId": id, "AgentID": str(AGENT), **more}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in said.items())
    return wecom_sealed(f"<xml>{inner}</xml>", at, corp=corp)
