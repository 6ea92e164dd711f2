"""openai-python against the running server: plain, streamed, task, feedback, models, errors."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stepladder.store import LedgerRow, Store
from tests.product import Product, eventually, mood, recorded, write_config
from tests.stories.upstream import SAID, Upstream

openai = pytest.importorskip("openai")

ANSWERS = {"Fine day": "good", "Rain": "bad"}
HI = [{"role": "user", "content": "hi"}]
FINE = [{"role": "user", "content": "Fine day"}]
CONFORMANCE = (
    Path(os.environ.get("STEPLADDER_CONFORMANCE", "../shared/conformance")) / "check_openai_python.py"
)
DAYS = ("slow", "down", "refusing", "garbage", "breaking")


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("openai")
    nowhere = (
        '[models.nowhere]\nkind = "chat"\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "x"\nretries = 0\n'
    )
    live = '[tasks.live]\ntop = "gpt"\nlabels = ["good", "bad"]\n'
    tables = [upstream.model("gpt"), *(upstream.model(day, day) for day in DAYS), nowhere, live]
    with Product(write_config(folder, recorded(folder, ANSWERS), mood(), *tables)) as running:
        yield running


@pytest.fixture
def client(product: Product) -> Iterator[Any]:
    with openai.OpenAI(base_url=product.url, api_key=product.key, max_retries=0) as made:
        yield made


def row_of(product: Product, id: str) -> LedgerRow:
    store = Store.open(f"sqlite:///{product.config.parent / 'stepladder-data' / 'stepladder.db'}")
    try:
        row = store.ledger.get(id)
    finally:
        store.close()
    assert row is not None
    return row


def partial_rows(product: Product) -> list[LedgerRow]:
    path = product.config.parent / "stepladder-data" / "stepladder.db"
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT id FROM ledger WHERE status = 'partial' ORDER BY seq").fetchall()
    return [row_of(product, id) for (id,) in found]


def test_a_plain_model_with_the_fields_that_only_it_knows(client, product, upstream):
    raw = client.chat.completions.with_raw_response.create(
        model="gpt", messages=HI, seed=7, extra_body={"odd": {"a": [1, None]}}
    )
    answer = raw.parse()
    assert answer.choices[0].message.content == SAID
    assert (answer.usage.total_tokens, answer.service_tier) == (12, "default")
    assert (upstream.seen[-1]["seed"], upstream.seen[-1]["odd"], upstream.seen[-1]["model"]) == (
        7,
        {"a": [1, None]},
        "good",
    )
    row = row_of(product, raw.headers["x-stepladder-request-id"])
    assert (row.text, row.answer, row.model) == ("hi", SAID, "gpt")
    assert (row.prompt_tokens, row.completion_tokens) == (5, 7)
    assert row.cost == pytest.approx((5 * 1.0 + 7 * 2.0) / 1e6)


def test_a_plain_model_streamed(client, product):
    with client.chat.completions.with_streaming_response.create(model="gpt", messages=HI, stream=True) as raw:
        chunks = list(raw.parse())
        id = raw.headers["x-stepladder-request-id"]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SAID
    assert chunks[-1].choices[0].finish_reason == "stop"
    row = row_of(product, id)
    assert (row.answer, row.status, row.stream, row.completion_tokens) == (SAID, "ok", True, 7)


def test_a_task_plain_and_streamed(client):
    answer = client.chat.completions.create(
        model="mood", messages=FINE, extra_body={"stepladder": {"fields": {"shop": 4}}}
    )
    assert answer.choices[0].message.content == "good"
    assert answer.stepladder["rung"] == "big" and answer.stepladder["source"] == "recorded"
    chunks = list(
        client.chat.completions.create(
            model="mood", messages=FINE, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "good"
    assert chunks[-1].usage.total_tokens > 0


def test_a_task_whose_top_is_a_live_upstream(client, product):
    answer = client.chat.completions.create(model="live", messages=FINE)
    assert answer.choices[0].message.content == "good"
    row = row_of(product, answer.id)
    assert (row.rung, row.source, row.drawn) == ("gpt", "live", True)
    assert row.cost > 0


def test_feedback_through_the_sdk(client, product):
    answer = client.chat.completions.create(model="mood", messages=FINE)
    given = {"request_id": answer.id, "answer": "bad", "score": 0.0}
    assert client.post("/feedback", cast_to=object, body=given)["recorded"] is True
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/feedback", cast_to=object, body={"request_id": "none", "score": 1})
    assert caught.value.param == "request_id"


def test_models(client):
    assert {"mood", "big", "gpt"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("mood").owned_by == "stepladder"


def test_errors_are_the_sdks_own(client, product):
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="nobody", messages=HI)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as empty:
        client.chat.completions.create(model="mood", messages=[])
    assert (empty.value.type, empty.value.param) == ("invalid_request_error", "messages")
    with (
        openai.OpenAI(base_url=product.url, api_key="sl-wrong", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        stranger.models.list()
    assert refused.value.code == "invalid_api_key"
    with pytest.raises(openai.APIStatusError) as large:
        client.chat.completions.create(model="mood", messages=[{"role": "user", "content": "x" * 6_000_000}])
    assert (large.value.status_code, large.value.code) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("model", "status"), [("down", 502), ("refusing", 429), ("garbage", 502), ("nowhere", 502)]
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_with_a_bad_day_is_one_clear_error_and_a_failed_row(
    client, product, model, status, stream
):
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=model, messages=HI, stream=stream)
    assert caught.value.status_code == status
    assert caught.value.type == "upstream_error"
    assert model in caught.value.message
    assert caught.value.request_id == caught.value.response.headers["x-stepladder-request-id"]
    row = row_of(product, caught.value.request_id)
    assert (row.status, row.text) == ("failed", "hi")


def test_a_stream_that_breaks_off_upstream_ends_in_an_error_and_never_in_done(client):
    said = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(model="breaking", messages=HI, stream=True):
            said.append(chunk.choices[0].delta.content or "")
    assert "".join(said) == SAID
    assert "breaking" in caught.value.message


def test_who_leaves_a_stream_stops_the_upstream_and_leaves_a_partial_row(client, product, upstream):
    before = upstream.left
    with client.chat.completions.with_streaming_response.create(
        model="slow", messages=HI, stream=True
    ) as raw:
        id = raw.headers["x-stepladder-request-id"]
        stream = raw.parse()
        for _ in range(5):
            next(stream)
        stream.close()
    eventually(lambda: upstream.left > before)
    eventually(lambda: _status(product, id) == "partial")
    assert "xx" in row_of(product, id).answer


def test_who_leaves_before_a_plain_answer_is_there_stops_the_upstream_too(client, product, upstream):
    before, rows = upstream.left, len(partial_rows(product))
    with pytest.raises(pytest.importorskip("openai").APITimeoutError):
        client.with_options(timeout=1.0, max_retries=0).chat.completions.create(model="slow", messages=HI)
    eventually(lambda: upstream.left > before)
    eventually(lambda: len(partial_rows(product)) == rows + 1)
    assert partial_rows(product)[-1].prompt_tokens > 0


def test_structured_answers_streamed_tools_and_vectors(client):
    pydantic = pytest.importorskip("pydantic")
    shape = pydantic.create_model("Person", name=(str, ...), age=(int, ...))
    parsed = client.chat.completions.parse(model="gpt", messages=HI, response_format=shape)
    assert isinstance(parsed.choices[0].message.parsed, shape)
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    with client.chat.completions.stream(
        model="gpt", messages=HI, tools=[tool], parallel_tool_calls=True
    ) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert len(calls) == 2 and {call.function.name for call in calls} == {"f"}
    packed = client.embeddings.create(model="gpt", input=["a", "b"])  # as base64, by itself
    plain = client.embeddings.create(model="gpt", input=["a", "b"], encoding_format="float")
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding)


def _status(product: Product, id: str) -> str:
    try:
        return row_of(product, id).status
    except AssertionError:
        return ""


def test_the_sdks_conformance_check(product):
    if not CONFORMANCE.exists():
        pytest.skip("The shared conformance check is not beside this checkout.")
    command = [sys.executable, str(CONFORMANCE.resolve()), product.url, product.key, "gpt", "gpt"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
