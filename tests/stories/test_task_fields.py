"""What a task makes of the fields of a chat request: each one means something, has none by what is written, or is refused."""

import json
import math
import urllib.error
import urllib.request

import pytest

from stepladder.core import LadderRelease, Rollout
from stepladder.interaction.compose import open_registry
from stepladder.interaction.settings import Settings
from stepladder.store import Store
from stepladder.training import LinearSettings, fit_linear
from tests.product import Product, eventually, recorded, write_config
from tests.stories.upstream import Upstream

LABELS = ("good", "bad", "其他")
TEXTS = [f"{word} {number}" for word in ("sunny day", "heavy rain", "三只猫") for number in range(20)]
TASKS = """
[tasks.mood]
top = "big"
labels = ["good", "bad", "其他"]
rungs = ["dictionary", "linear"]

[tasks.person]
top = "gpt"
max_output_tokens = 77
schema = {type = "object", properties = {name = {type = "string"}, age = {type = "integer"}}, required = ["name"]}

[tasks.prose]
top = "gpt"

[[plans.desk.steps]]
name = "sort"
use = "mood"
quiet = true

[[plans.desk.steps]]
name = "sunny"
use = "gpt"
when = {sort = ["good"]}

[[plans.desk.steps]]
name = "rainy"
use = "mood"
otherwise = true
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fields")
    with Upstream() as upstream:
        config = write_config(folder, recorded(folder, {"hello": "good"}), upstream.model("gpt"), TASKS)
        settings = Settings(config)
        loaded = settings.load()
        settings.folder(loaded).mkdir(mode=0o700)
        store = Store.open(settings.store_url(loaded))
        staged = folder / "linear"
        staged.mkdir()
        labels = [label for label in LABELS for _ in range(20)]
        fit_linear(TEXTS, labels, settings=LinearSettings(bits=14)).model.save(staged)
        rung = open_registry(store, settings, loaded).admit("mood", "linear", "linear", "data", staged, {})
        store.catalogue.add_ladder_release(
            LadderRelease("mood-1", "mood", 1, {"linear": rung.id}, {"linear": 0.5}, None, "big")
        )
        store.rollouts.put(Rollout("mood", live="mood-1"), "test")
        store.entries.put("mood", "known", "good", "test", "exact")
        store.close()
        with Product(config) as product:
            yield product, upstream


def post(product, model="mood", text="sunny day", messages=None, path="/v1/chat/completions", **fields):
    asked = {"model": model, "messages": messages or [{"role": "user", "content": text}], **fields}
    headers = {"Authorization": f"Bearer {product.key}", "Content-Type": "application/json"}
    request = urllib.request.Request(product.root + path, json.dumps(asked).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as said:
            return said.status, said.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())["error"]


def told(product, text, **fields):
    status, said = post(product, text=text, **fields)
    assert status == 200, said
    answer = json.loads(said)
    return answer["choices"][0]["logprobs"], answer


@pytest.mark.parametrize("count", [None, 0, 1, 2, 20])
def test_an_answer_of_a_fitted_rung_tells_how_probable_it_and_its_rivals_are(served, count):
    product, _ = served
    logprobs, answer = told(
        product, "三只猫", logprobs=True, **({} if count is None else {"top_logprobs": count})
    )
    assert answer["stepladder"]["rung"] == "linear" and logprobs["refusal"] is None
    (one,) = logprobs["content"]
    said = answer["choices"][0]["message"]["content"]
    assert one["token"] == said == "其他" and bytes(one["bytes"]).decode() == said
    assert one["logprob"] == pytest.approx(math.log(answer["stepladder"]["confidence"]))
    rivals = one["top_logprobs"]
    assert len(rivals) == min(count or 0, len(LABELS))
    assert [rival["logprob"] for rival in rivals] == sorted((r["logprob"] for r in rivals), reverse=True)
    if rivals:
        assert (rivals[0]["token"], rivals[0]["logprob"]) == (said, one["logprob"])
    if len(rivals) == len(LABELS):
        assert {rival["token"] for rival in rivals} == set(LABELS)
        assert sum(math.exp(rival["logprob"]) for rival in rivals) == pytest.approx(1)


def test_who_is_taken_at_its_word_gives_no_probability(served):
    product, _ = served
    for text, rung in (("known", "dictionary"), ("hello", "big")):
        force = {"stepladder": {"force": "top"}} if rung == "big" else {}
        logprobs, answer = told(product, text, logprobs=True, top_logprobs=3, **force)
        assert (answer["stepladder"]["rung"], logprobs) == (rung, None)
    assert told(product, "sunny day")[0] is None, "nobody asked"
    assert told(product, "sunny day", logprobs=False)[0] is None


def test_a_stream_tells_it_with_the_word(served):
    product, _ = served
    status, said = post(product, stream=True, logprobs=True, top_logprobs=2)
    assert status == 200 and said.endswith("data: [DONE]\n\n")
    chunks = [json.loads(line[6:]) for line in said.split("\n\n") if line.startswith("data: {")]
    words = [choice for chunk in chunks for choice in chunk["choices"] if choice["delta"].get("content")]
    (word,) = words
    (one,) = word["logprobs"]["content"]
    assert one["token"] == word["delta"]["content"] == "good" and len(one["top_logprobs"]) == 2
    others = [choice["logprobs"] for chunk in chunks for choice in chunk["choices"] if choice is not word]
    assert set(map(str, others)) == {"None"}


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
PICTURE = [{"type": "text", "text": "sunny day"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
JSON = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"properties": {"a": {}}}}}


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"n": 2}, "n", ("n is 2.", "one answer", "ask the model itself")),
        ({"n": 2, "stream": True}, "n", ("n is 2.", "one answer")),
        ({"n": 2, "model": "prose"}, "n", ("n is 2.", "one answer")),
        ({"top_logprobs": 2}, "top_logprobs", ("top_logprobs is 2.", "logprobs: true")),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", ("top_logprobs is 21.", "from 0 to 20")),
        ({"logprobs": 5}, "logprobs", ("logprobs is 5.", "true or false")),
        ({"seed": "x"}, "seed", ('seed is "x".', "whole number")),
        ({"stop": ["\n"]}, "stop", ('stop is ["\\n"].', "never cut")),
        ({"modalities": ["text", "audio"], "audio": None}, "modalities", ("modalities is", "answers in text")),
        ({"logit_bias": {"50256": -100}}, "logit_bias", ("logit_bias is", "contract")),
        ({"functions": [{"name": "f"}]}, "functions", ("functions is", "own table")),
        ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice", ('tool_choice is "required".', "auto")),
        ({"response_format": JSON}, "response_format", ("json_schema", "'mood' does not answer in JSON", "schema")),
        ({"response_format": JSON, "model": "person"}, "response_format", ("'person' differs in 'a'",)),
        ({"messages": [{"role": "user", "content": PICTURE}]}, "messages[0].content",
         ("messages[0].content[1] is of type 'image_url'", "A task reads text")),
    ],
)  # fmt: skip
def test_what_a_task_cannot_do_is_refused_by_name(served, fields, param, words):
    product, _ = served
    status, error = post(product, **fields)
    assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    for word in words:
        assert word in error["message"]


def test_what_clients_send_with_every_request_has_no_effect(served):
    product, upstream = served
    usual = {
        "n": 1, "temperature": 1.5, "top_p": 0.1, "seed": 7, "max_tokens": 1, "presence_penalty": 1, "stop": None,
        "user": "ann", "metadata": {"a": "b"}, "store": False, "logit_bias": {}, "response_format": {"type": "text"},
        "tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": True, "reasoning_effort": "low",
    }  # fmt: skip
    for model, text in (("mood", "heavy rain"), ("prose", "hi")):
        plain, full = (post(product, model, text, **fields) for fields in ({}, usual))
        answers = [json.loads(said)["choices"][0]["message"]["content"] for _, said in (plain, full)]
        assert answers[0] == answers[1] and len(answers[0]) > 2, "not even cut to one token"
    assert not upstream.seen[-1].keys() & (usual.keys() - {"response_format"})


def test_the_tasks_own_bound_goes_to_the_top(served):
    product, upstream = served
    shape = {
        "type": "json_schema",
        "json_schema": {"name": "p", "schema": {"properties": {"name": {}, "age": {}}}},
    }
    status, said = post(product, "person", "hi", max_tokens=5, response_format=shape)
    assert status == 200 and "name" in json.loads(json.loads(said)["choices"][0]["message"]["content"])
    assert upstream.seen[-1]["max_tokens"] == 77


def test_a_step_that_nobody_hears_is_asked_without_the_callers_wishes(served):
    product, upstream = served
    wishes = {
        "n": 2,
        "stop": ["\n"],
        "tools": [TOOL],
        "tool_choice": "required",
        "top_logprobs": 1,
        "logprobs": True,
    }
    asked = [{"role": "user", "content": PICTURE}]
    status, said = post(product, "desk", messages=asked, **wishes)
    assert status == 200, said
    assert {key: upstream.seen[-1][key] for key in wishes} == wishes
    assert upstream.seen[-1]["messages"] == asked, "who answers gets all of it"
    status, error = post(product, "desk", "heavy rain", n=2)
    assert (status, error["param"]) == (400, "n"), "a task that is heard gives one answer"


def test_anthropics_and_openais_newer_api_refuse_the_same(served):
    product, _ = served
    status, error = post(product, path="/v1/messages", max_tokens=9, stop_sequences=["x"])
    assert status == 400 and "stop is" in error["message"]
    eventually(lambda: post(product, path="/v1/messages", max_tokens=9)[0] == 200)


def test_openais_newer_api_tells_probabilities_too(served):
    product, _ = served
    asked = {"model": "mood", "input": "sunny day", "top_logprobs": 2}
    _, said = post(product, path="/v1/responses", **asked)
    (part,) = json.loads(said)["output"][0]["content"]
    (one,) = part["logprobs"]
    assert one["token"] == part["text"] == "good" and len(one["top_logprobs"]) == 2
    _, said = post(product, path="/v1/responses", stream=True, **asked)
    events = [json.loads(line[6:]) for line in said.split("\n") if line.startswith("data: {")]
    told = {event["type"]: event["logprobs"] for event in events if "logprobs" in event}
    assert told == {"response.output_text.delta": [one], "response.output_text.done": [one]}
    assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == [one]
