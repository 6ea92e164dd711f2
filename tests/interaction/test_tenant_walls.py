"""Whatever tenants write, ask, approve and ask again: no response says a word of a passage that is not for the asker.

Every document has a mark in its text, title, id and source, and so has every correction; the model repeats all that it is
shown. What a response holds, in headers, citations and errors too, is compared with what its asker may see at that moment.
"""

import asyncio
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.interaction.helping import HELP
from tests.interaction.upstreams import live
from tests.models.upstream_double import chunk_event

TENANTS = ("", "ann", "bob", "cid")
ASKERS = [(tenant, group) for tenant in TENANTS[1:] for group in ("", "staff")]
COLLECTIONS = ("manual", "vault")
MODELS = ("help", "safe", "sort")
QUESTIONS = (
    "What is the code of the harbour?",
    "Please, what is the code of the harbour?",
    "码头的口令是什么？",
    "请问码头的口令是什么？",
    "code harbour 口令 码头",
)
MORE = """
[tasks.help.semantic_cache]
seconds = 600
likeness = 0.6
embedder = { kind = "ngrams" }

[tasks.safe]
kind = "answer"
top = "gpt"
cache_seconds = 600
[tasks.safe.knowledge]
collection = "vault"
sure = 2.0
"""
STREAMED = QUESTIONS[1:4:2]
MARK = re.compile(r"zq\d+x")

puts = st.tuples(
    st.just("put"), st.sampled_from(TENANTS), st.sampled_from(COLLECTIONS), st.sampled_from(["", "staff"])
)
removes = st.tuples(st.just("remove"), st.integers(0, 9))
rounds = st.tuples(
    st.just("go_round"),
    st.lists(st.sampled_from(TENANTS[1:]), min_size=1, max_size=3, unique=True),
    st.sampled_from(MODELS),
    st.lists(st.sampled_from(QUESTIONS), min_size=1, max_size=2, unique=True),
    st.sampled_from(["", "approve", "correct"]),
)
spies = st.tuples(st.just("spy"), st.sampled_from(ASKERS))
deeds = st.tuples(
    st.lists(puts, max_size=8),
    st.lists(st.one_of(puts, rounds, rounds, rounds, rounds, spies, removes), min_size=10, max_size=16),
).map(lambda both: [*both[0], *both[1]])


async def parrot(asked):
    """Says what it was shown."""
    text = "\n\n".join(one["content"] for one in asked.body["messages"])
    if not asked.body.get("stream"):
        message = {"role": "assistant", "content": text}
        return await asked.say({"choices": [{"message": message, "finish_reason": "stop"}]})
    events = [{"choices": [{"index": 0, "delta": {"content": text}}]}]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    await asked.head()
    await asked.chunk(b"".join(chunk_event(one) for one in [*events, end]) + b"data: [DONE]\n\n")
    await asked.end()
    return None


@dataclass
class Town:
    """The house, its askers' keys, and who may see which mark."""

    home: object
    keys: dict = field(default_factory=dict)
    documents: dict = field(default_factory=dict)
    corrections: dict = field(default_factory=dict)
    made: set = field(default_factory=set)
    last: dict = field(default_factory=dict)
    kept: dict = field(default_factory=dict)
    seen: Counter = field(default_factory=Counter)
    marks: int = 0

    async def move_in(self):
        for tenant, group in ASKERS:
            name, groups = f"{tenant}{group}", [group] if group else []
            self.keys[tenant, group] = self.home.house.store.keys.create(name, tenant=tenant, groups=groups)
        await self.home.house.refresh()

    def mark(self):
        self.marks += 1
        return f"zq{self.marks}x"

    def visible(self, asker):
        tenant, group = asker
        marks = {mark for mark, (whose, _) in self.corrections.items() if whose == tenant}
        for collection in COLLECTIONS:
            own = tenant if (tenant, collection) in self.made else ""
            for mark, (whose, where, who) in self.documents.items():
                if (whose, where) == (own, collection) and who in ("", group):
                    marks.add(mark)
        return marks

    async def do(self, deed):
        await getattr(self, deed[0])(*deed[1:])

    async def put(self, tenant, collection, group):
        mark = self.mark()
        text = f"The code of the harbour is {mark}. 码头的口令是{mark}。"
        row = {"id": mark, "title": f"{mark} harbour 码头", "text": text, "source": f"https://{mark}.test/"}
        row |= {"groups": [group]} if group else {}
        body = {"documents": [row], "tenant": tenant}
        assert (await self.home.client.send("PUT", f"/admin/knowledge/{collection}", body)).status == 200
        self.made.add((tenant, collection))
        self.documents[mark] = tenant, collection, group

    async def remove(self, number):
        if not self.documents:
            return
        mark = list(self.documents)[number % len(self.documents)]
        tenant, collection, _ = self.documents.pop(mark)
        body = {"ids": [mark], "tenant": tenant}
        assert (await self.home.client.send("DELETE", f"/admin/knowledge/{collection}", body)).status == 200

    async def ask(self, asker, model, text):
        body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": text in STREAMED}
        response = await self.sent(asker, "POST", "/v1/chat/completions", body)
        self.last[asker] = response.headers.get("x-stepladder-request-id", "")
        self.seen[response.headers.get("x-stepladder-cache", "")] += 1
        self.seen[response.headers.get("x-stepladder-rung", "")] += 1

    async def go_round(self, tenants, model, texts, reaction):
        """Each in turn asks the same, who reads more first; the very first says what it thinks of its answer at once."""
        askers = [(tenant, group) for tenant in tenants for group in ("staff", "")]
        for place, asker in enumerate(askers):
            for text in texts:
                await self.ask(asker, model, text)
            if reaction and not place:
                await getattr(self, reaction)(asker)

    async def approve(self, asker):
        await self.react(asker, {"score": 1})

    async def correct(self, asker):
        mark = self.mark()
        self.corrections[mark] = asker
        await self.react(asker, {"answer": f"The code of the harbour was {mark}."})

    async def react(self, asker, said):
        if self.last.get(asker):
            await self.sent(asker, "POST", "/v1/feedback", {"request_id": self.last[asker], **said})
            for verified in self.home.house._ladders._answering._verified.values():
                verified._looked = float("-inf")

    async def spy(self, asker):
        """Names what is another's: its request, its conversation, its collection, its documents."""
        body = {"model": "safe", "input": QUESTIONS[0]}
        response = await self.sent(asker, "POST", "/v1/responses", body)
        self.kept[asker] = response.json.get("id", "")
        for (tenant, _), id in [*self.last.items(), *self.kept.items()]:
            if id and tenant != asker[0]:
                await self.sent(asker, "POST", "/v1/feedback", {"request_id": id, "score": 1})
                await self.sent(asker, "GET", f"/v1/responses/{id}", None)
                await self.sent(asker, "POST", "/v1/responses", {**body, "previous_response_id": id})
        await self.sent(asker, "GET", "/admin/knowledge", None)
        await self.sent(asker, "POST", "/admin/knowledge/vault/search", {"text": "harbour", "tenant": "ann"})

    async def sent(self, asker, method, path, body):
        response = await self.home.client.send(method, path, body, key=self.keys[asker])
        found = set(MARK.findall(response.body.decode() + repr(response.headers)))
        assert found <= self.visible(asker), (asker, method, path, body, response.headers, response.body)
        return response


async def play(deeds):
    with tempfile.TemporaryDirectory() as folder:
        knows = HELP.replace("MORE", 'unsupported = "remove"\nsure = 0.5') + MORE
        async with live(Path(folder), parrot, knows) as home:
            town = Town(home)
            await town.move_in()
            for deed in deeds:
                await town.do(deed)
            return town


@settings(
    max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow]
)
@given(deeds)
def test_no_response_says_a_word_that_is_not_for_the_asker(deeds):
    asyncio.run(play(deeds))


def test_the_caches_and_the_approved_answers_are_in_play():
    """Else the property would hold of a house without them."""
    put = [("put", tenant, where, "") for tenant in ("", "ann") for where in COLLECTIONS]
    same = [("go_round", TENANTS[1:], model, QUESTIONS, "") for model in MODELS]
    every = [("go_round", TENANTS[1:], model, QUESTIONS, "correct") for model in MODELS]
    town = asyncio.run(play([*put, *same, *same, *every, *every, ("put", "ann", "manual", ""), *every]))
    assert all(town.seen[kind] for kind in ("hit", "similar", "reader", "gpt", "verified")), town.seen
