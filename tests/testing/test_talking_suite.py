"""The contract of chat platforms fails for whoever believes too much: each of these has one fault, and tests find it."""

import hashlib
import json
from dataclasses import dataclass, replace

import pytest

from stepladder.core import BadRequest, Callback, Message, Received, forged
from stepladder.testing.talking import ChatPlatformContract


@dataclass
class Pigeon:
    name: str = "roof"
    most_bytes: int = 1000
    checks: bool = True
    window: float = 300.0
    key: str = "id"
    where: str = "place"
    cut: int = 1_000_000

    def receive(self, callback):
        at = float(callback.headers.get("at", 0))
        if self.checks and callback.headers.get("sum") != total(callback.body, at):
            raise forged(self.name, "the sum")
        if abs(callback.at - at) > self.window:
            raise forged(self.name, "the time")
        try:
            said = json.loads(callback.body)
            return Received(message=Message(said[self.key], said["user"], said[self.where], said["text"]))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise BadRequest("no pigeon") from error

    async def send(self, message, text):
        self.shown = text[: self.cut]


def total(body, at):
    return hashlib.sha256(body + str(at).encode()).hexdigest()


def suite(pigeon):
    class Suite(ChatPlatformContract):
        def make(self):
            return replace(pigeon)

        def callback(self, text, *, id="e1", user="U1", place="C1"):
            body = json.dumps({"text": text, "id": id, "user": user, "place": place}).encode()
            return Callback("POST", {}, {"at": str(self.now), "sum": total(body, self.now)}, body, self.now)

        async def delivered(self, platform, message, text):
            await platform.send(message, text)
            return platform.shown

    return Suite()


def failing(pigeon):
    found, tests = set(), suite(pigeon)
    for name in sorted(name for name in dir(tests) if name.startswith("test_")):
        try:
            getattr(tests, name)()
        except AssertionError:
            found.add(name)
    return found


def test_a_good_one_passes():
    assert failing(Pigeon()) == set()


@pytest.mark.parametrize(
    ("pigeon", "test"),
    [
        (Pigeon(checks=False), "test_a_changed_body_is_refused"),
        (Pigeon(checks=False, window=1e12), "test_what_is_not_signed_is_refused"),
        (Pigeon(window=1e12), "test_a_replay_is_refused"),
        (Pigeon(key="user"), "test_the_same_event_has_the_same_id_and_another_has_not"),
        (Pigeon(where="text"), "test_conversations_have_names_of_their_own"),
        (Pigeon(cut=10), "test_answers_are_shown_as_they_were_given"),
        (Pigeon(name=""), "test_it_is_an_adapter_with_a_name"),
    ],
)
def test_each_fault_is_found(pigeon, test):
    assert test in failing(pigeon)
