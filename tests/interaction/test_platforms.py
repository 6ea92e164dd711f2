"""Slack's and WeCom's adapters: the contract, the vendors' published examples, and what must be refused."""

import json
from dataclasses import replace

import pytest

from stepladder.core import BadRequest, Callback, ConfigError, NotAllowed, UpstreamFailed
from stepladder.interaction.platforms.slack import SlackPlatform
from stepladder.interaction.platforms.wecom import WecomPlatform, read_xml
from stepladder.testing.talking import ChatPlatformContract
from tests.interaction import platforms
from tests.interaction.platforms import CORP, SECRETS, platform, slack_event, wecom_sealed, wecom_text

NOW = ChatPlatformContract.now


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def slack(url="https://slack.com/api"):
    return SlackPlatform.open("desk", platforms.slack_settings(url))


def wecom(url="https://qyapi.weixin.qq.com"):
    return WecomPlatform.open("desk", platforms.wecom_settings(url))


class TestSlack(ChatPlatformContract):
    def make(self):
        return slack()

    def callback(self, text, *, id="e1", user="U1", place="C1"):
        said = platforms.slack_text(text)
        event = {
            "type": "message",
            "channel_type": "im",
            "channel": place,
            "user": user,
            "text": said,
            "ts": "1.1",
        }
        return slack_event(event, self.now, id)

    async def delivered(self, platform_, message, text):
        async with platform() as api:
            await slack(api.url).send(message, text)
        (shown,) = api.shown
        assert shown["channel"] == message.place["channel"]
        assert "<" not in shown["text"], "an answer mentions nobody"
        return shown["text"].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


class TestWecom(ChatPlatformContract):
    def make(self):
        return wecom()

    def callback(self, text, *, id="e1", user="U1", place="C1"):
        return wecom_text(text, self.now, id, user)

    async def delivered(self, platform_, message, text):
        async with platform() as api:
            await wecom(api.url).send(message, text)
        (shown,) = api.shown
        assert shown["touser"] == message.user
        return shown["text"]["content"]


def test_slacks_published_example_of_a_signature_holds():
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url="
        "https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    headers = {"x-slack-request-timestamp": "1531420618", "x-slack-signature": signature}
    given = Callback("POST", {}, headers, body.encode(), 1531420618.0)
    with pytest.raises(BadRequest, match="no event"):  # it is Slack's, and a slash command
        slack().receive(given)
    with pytest.raises(NotAllowed):
        slack().receive(replace(given, body=given.body + b"&"))


def test_slack_verifies_the_address_and_is_believed_only_with_a_signature():
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode()
    good = platforms.slack_signed(body, NOW)
    assert slack().receive(good).body == b"3eZbrw1aB"
    with pytest.raises(NotAllowed):
        slack().receive(replace(good, headers={}))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            {"type": "app_mention", "text": "<@UBOT> where is <#C9|orders>, <@U7>?", "ts": "5.1"},
            ("where is #orders, @U7?", "slack:T1:C1:5.1", {"channel": "C1", "thread_ts": "5.1"}),
        ),
        (
            {"type": "app_mention", "text": "and <https://a.test/x?a=1&amp;b|this> <@UBOT>", "ts": "6.1", "thread_ts": "5.1"},
            ("and https://a.test/x?a=1&b", "slack:T1:C1:5.1", {"channel": "C1", "thread_ts": "5.1"}),
        ),
        ({"type": "message", "channel_type": "im", "text": "hi", "ts": "7"}, ("hi", "slack:T1:C1", {"channel": "C1"})),
        ({"type": "message", "channel_type": "channel", "text": "hi <@UBOT>", "ts": "7"}, None),
        ({"type": "message", "channel_type": "im", "text": "hi", "ts": "7", "bot_id": "B1"}, None),
        ({"type": "message", "channel_type": "im", "subtype": "message_changed", "ts": "7"}, None),
        ({"type": "app_mention", "text": "<@UBOT>", "ts": "7"}, None),
        ({"type": "reaction_added", "item": {}}, None),
    ],
)  # fmt: skip
def test_slack_is_answered_where_it_asks_us_and_nowhere_else(event, expected):
    message = slack().receive(slack_event({"channel": "C1", "user": "U1", **event}, NOW)).message
    assert (message and (message.text, message.conversation, message.place)) == expected


async def test_slack_is_asked_again_where_it_wants_that_and_its_word_for_a_refusal_is_passed_on():
    message = slack().receive(TestSlack().callback("x")).message
    async with platform() as api:
        api.troubles = [(429, {"ok": False}), (503, {})]
        await slack(api.url).send(message, "hello")
        assert [shown["text"] for shown in api.shown] == ["hello"]
        api.troubles = [(200, {"ok": False, "error": "channel_not_found"})]
        with pytest.raises(UpstreamFailed, match="channel_not_found"):
            await slack(api.url).send(message, "hello")
        api.troubles = [(403, {})]
        with pytest.raises(UpstreamFailed, match="status 403"):
            await slack(api.url).send(message, "hello")
    with pytest.raises(UpstreamFailed, match="cannot be reached"):
        await slack(api.url).send(message, "hello")


def test_wecoms_published_examples_open():
    query = {
        "msg_signature": "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
        "timestamp": "1409659589",
        "nonce": "263014780",
        "echostr": "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
    }
    assert wecom().receive(Callback("GET", query, {}, b"", 1409659600.0)).body == b"1616140317555161061"
    sealed = (
        "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3"
        "TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gs"
        "ijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUa"
        "x5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIG"
        "HBZZIs2pDBS8R07+qN+E7Q=="
    )
    query = {
        "msg_signature": "477715d11cdb4164915debcba66cb864d751f3e6",
        "timestamp": "1409659813",
        "nonce": "1372623149",
    }
    body = f"<xml><ToUserName>{CORP}</ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt><AgentID>218</AgentID></xml>"
    message = wecom().receive(Callback("POST", query, {}, body.encode(), 1409659813.0)).message
    assert message is not None
    assert (message.user, message.text, message.id) == ("mycreate", "hello", "4561255354251345929")


def test_another_company_is_refused_however_it_says_so():
    assert wecom().receive(wecom_text("x", NOW)).message
    with pytest.raises(NotAllowed, match="another receiver"):
        wecom().receive(wecom_text("x", NOW, corp="wwothercompany"))
    with pytest.raises(NotAllowed, match="another company"):
        wecom().receive(wecom_text("x", NOW, ToUserName="wwothercompany"))


@pytest.mark.parametrize(
    "more", [{"MsgType": "image"}, {"Content": " "}, {"AgentID": "1"}, {"MsgType": "event"}]
)
def test_what_is_no_question_to_us_is_only_taken_note_of(more):
    received = wecom().receive(wecom_text("x", NOW, **more))
    assert (received.message, received.body) == (None, b"")


@pytest.mark.parametrize("inner", [False, True])
def test_no_entity_of_a_message_is_ever_read(inner):
    bomb = '<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]>'
    text = "<xml><Content>&b;</Content></xml>"
    given = wecom_sealed(bomb + text, NOW) if inner else wecom_sealed(text, NOW, outer=bomb)
    with pytest.raises(BadRequest, match="DTD"):
        wecom().receive(given)
    with pytest.raises(BadRequest):
        read_xml(b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml><a>x</a></xml>')


async def test_wecoms_token_is_kept_and_renewed_once_it_is_stale():
    message = wecom().receive(wecom_text("x", NOW)).message
    async with platform() as api:
        adapter = wecom(api.url)
        for text in ("one", "two"):
            await adapter.send(message, text)
        assert api.tokens == 1
        api.stale = 1
        await adapter.send(message, "three")
        assert (api.tokens, [shown["text"]["content"] for shown in api.shown]) == (2, ["one", "two", "three"])
        api.troubles = [(200, {"errcode": 81013, "errmsg": "user not exist"})]
        with pytest.raises(UpstreamFailed, match="81013"):
            await adapter.send(message, "four")


async def test_no_error_shows_a_secret(monkeypatch):
    monkeypatch.setenv("WECOM_SECRET", "wrong-secret-0009")
    message = wecom().receive(wecom_text("x", NOW)).message
    async with platform() as api:
        with pytest.raises(UpstreamFailed) as refused:
            await wecom(api.url).send(message, "x")
        url = api.url
    with pytest.raises(UpstreamFailed) as gone:
        await wecom(url).send(message, "x")
    for error in (refused.value, gone.value):
        said = f"{error!r} {error.__cause__!r} {error.remedy}"
        assert "secret-0009" not in said and "access-" not in said
    assert not [value for value in SECRETS.values() if value in repr(vars(wecom())["_given"])]


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"signing_secret": "8f742231b10e"}, "chats.desk.signing_secret"),
        ({"bot_token": "env:NOT_THERE"}, "chats.desk.bot_token"),
        ({"base_url": "http://slack.test"}, "chats.desk.base_url"),
        ({"bot_tokens": "env:SLACK_TOKEN"}, "chats.desk.bot_tokens"),
    ],
)
def test_slacks_settings_are_checked(more, key):
    with pytest.raises(ConfigError) as caught:
        SlackPlatform.open("desk", platforms.slack_settings() | more)
    assert caught.value.param == key and "8f742231b10e" not in str(caught.value)


@pytest.mark.parametrize("key", ["short", "!" * 43])
def test_a_key_of_another_shape_is_refused_without_being_shown(monkeypatch, key):
    monkeypatch.setenv("WECOM_KEY", key)
    with pytest.raises(ConfigError) as caught:
        wecom()
    assert caught.value.param == "chats.desk.aes_key" and key not in str(caught.value)
