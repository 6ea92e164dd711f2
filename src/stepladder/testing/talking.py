"""The contract suite of chat platforms.

from stepladder.testing.talking import ChatPlatformContract

class TestMine(ChatPlatformContract):
    def make(self):
        return MyPlatform.open("mine", {...})

    def callback(self, text, **more):
        return the Callback by which the platform brings this text, signed

    async def delivered(self, platform, message, text):
        send `text` to a double of the platform's API; return what people are shown
"""

import asyncio
from dataclasses import replace
from typing import Any

from stepladder.core import BadRequest, Callback, ChatPlatform, Message, NotAllowed

_TEXTS = (
    "Where is my order?",
    "我的订单在哪里？",
    "a < b && c > d",
    '"quoted"\n{json: 1}',
    "🙂" * 20,
    "<@U1> <!channel>",
)
_HOUR = 3600.0
_MOST_ID = 200


class ChatPlatformContract:
    """What every adapter keeps: it believes its platform alone, once, and loses nothing of a text."""

    now = 1_700_000_000.0

    def make(self) -> ChatPlatform:
        """Return the adapter under test."""
        raise NotImplementedError("Override make.")

    def callback(self, text: str, *, id: str = "e1", user: str = "U1", place: str = "C1") -> Callback:
        """Return what the platform sends, at `now`, when `user` writes a text to the bot in `place`."""
        raise NotImplementedError("Override callback.")

    async def delivered(self, platform: ChatPlatform, message: Message, text: str) -> str:
        """Answer a message, against a double of the platform's API, and return what is shown there."""
        raise NotImplementedError("Override delivered.")

    def test_it_is_an_adapter_with_a_name(self) -> None:
        platform = self.make()
        assert isinstance(platform, ChatPlatform)
        assert platform.name
        assert platform.most_bytes >= 100

    def test_a_question_arrives_as_it_was_written(self) -> None:
        platform = self.make()
        for text in _TEXTS[:-1]:
            message = self._heard(platform, self.callback(text))
            assert message.text == text
            assert message.user == "U1"

    def test_the_same_event_has_the_same_id_and_another_has_not(self) -> None:
        platform = self.make()
        ids = [self._heard(platform, self.callback("x", id=id)).id for id in ("e1", "e1", "e2")]
        assert ids[0] == ids[1] != ids[2]

    def test_conversations_have_names_of_their_own(self) -> None:
        platform = self.make()
        first = self._heard(platform, self.callback("x", user="U1", place="C1")).conversation
        again = self._heard(platform, self.callback("y", user="U1", place="C1", id="e2")).conversation
        other = self._heard(platform, self.callback("x", user="U2", place="C2", id="e3")).conversation
        assert first == again != other
        assert 0 < len(first) <= _MOST_ID and first.isprintable()

    def test_what_is_not_signed_is_refused(self) -> None:
        platform, good = self.make(), self.callback("x")
        self._refused(platform, replace(good, headers={}, query={}))
        self._refused(platform, replace(good, headers={}, query={}, body=b""))

    def test_a_changed_body_is_refused(self) -> None:
        platform, good = self.make(), self.callback("transfer 100")
        for at in range(0, len(good.body), max(1, len(good.body) // 40)):
            body = good.body[:at] + bytes([good.body[at] ^ 1]) + good.body[at + 1 :]
            try:
                received = platform.receive(replace(good, body=body))
            except (NotAllowed, BadRequest):
                continue
            message = received.message  # the byte was outside of what is signed
            assert message is not None and message.text == "transfer 100"

    def test_a_replay_is_refused(self) -> None:
        platform, good = self.make(), self.callback("x")
        self._refused(platform, replace(good, at=self.now + _HOUR))
        self._refused(platform, replace(good, at=self.now - _HOUR))

    def test_odd_bodies_are_refused_and_break_nothing(self) -> None:
        platform, good = self.make(), self.callback("x")
        for body in (b"", b"{", b"<xml>", b"\xff\xfe", b"[" * 10_000, b"null", b"<!DOCTYPE x><x/>"):
            self._refused(platform, replace(good, body=body))

    def test_answers_are_shown_as_they_were_given(self) -> None:
        platform = self.make()
        message = self._heard(platform, self.callback("x"))
        for text in _TEXTS:
            assert asyncio.run(self.delivered(platform, message, text)) == text

    def _heard(self, platform: ChatPlatform, callback: Callback) -> Message:
        message = platform.receive(callback).message
        assert message is not None
        return message

    def _refused(self, platform: ChatPlatform, callback: Callback) -> None:
        try:
            received: Any = platform.receive(callback)
        except (NotAllowed, BadRequest) as error:
            assert error.message
        else:
            raise AssertionError(f"it was taken: {received}")
