"""Models, feedback, health, readiness and metrics."""

import re

import pytest


async def test_models_lists_tasks_and_models(home):
    listed = (await home.client.get("/v1/models")).json
    assert [(card["id"], card["object"], card["stepladder"]["kind"]) for card in listed["data"]] == [
        ("mood", "model", "task"),
        ("big", "model", "model"),
    ]
    assert (await home.client.get("/v1/models/mood")).json["id"] == "mood"
    missing = await home.client.get("/v1/models/none")
    assert (missing.status, missing.error["code"]) == (404, "model_not_found")


async def test_feedback_is_written_down_and_corrects_the_label(home):
    asked = await home.client.chat()
    given = {
        "request_id": asked.json["id"],
        "answer": "bad",
        "score": 0.1,
        "source": "review",
        "comment": "不好",
    }
    response = await home.client.send("POST", "/v1/feedback", given)
    assert (response.status, response.json["recorded"]) == (200, True)
    assert home.house.store.ledger.labelled("mood")[0].correction == "bad"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"request_id": "no-such", "score": 1}, "request_id"),
        ({"request_id": 5, "score": 1}, "request_id"),
        ({"request_id": "x"}, "answer"),
        ({"score": 1}, None),
        ({"request_id": "x", "scores": 1}, None),
        (b"{", None),
    ],
)
async def test_bad_feedback_is_refused(home, given, param):
    response = await home.client.send("POST", "/v1/feedback", given)
    assert (response.status, response.error["param"]) == (400, param)


async def test_a_client_cannot_correct_another_clients_answer(home):
    asked = await home.client.chat()
    other = home.house.store.keys.create("other")
    await home.house.refresh()
    given = {"request_id": asked.json["id"], "answer": "bad"}
    response = await home.client.send("POST", "/v1/feedback", given, key=other)
    assert (response.status, response.error["param"]) == (400, "request_id")
    assert home.house.store.ledger.labelled("mood")[0].correction is None


async def test_health_needs_no_key_and_readiness_says_what_is_wrong(home):
    assert (await home.client.get("/healthz", key=None)).status == 200
    assert (await home.client.get("/readyz", key=None)).json == {"status": "ready", "troubles": []}
    home.house.store.ledger.close()
    response = await home.client.get("/readyz", key=None)
    assert response.status == 503
    assert "ledger" in response.json["troubles"][0]


async def test_metrics_count_answers_climbs_cost_and_what_the_store_knows(home):
    await home.client.chat()
    await home.client.chat("hi", "big")
    await home.client.chat("Nobody recorded this")
    home.house.store.progress.report("mood", "fit", 3, 4)
    text = (await home.client.get("/metrics", key=None)).body.decode()

    def value(pattern):
        found = re.search(rf"^{re.escape(pattern)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else None

    assert value('stepladder_answers_total{model="mood",rung="big",status="ok",task="mood"}') == 1
    assert value('stepladder_answers_total{model="big",rung="big",status="ok",task=""}') == 1
    assert value('stepladder_answers_total{model="mood",rung="",status="failed",task="mood"}') == 1
    assert value('stepladder_latency_seconds_count{model="mood",rung="big",task="mood"}') == 1
    assert value('stepladder_flywheel_progress{stage="fit",task="mood"}') == 0.75
    assert value("stepladder_ledger_queue") == 0
    assert 'stepladder_top_calls_avoided_total{task="mood"}' not in text
    home.house.store.entries.put("mood", "Yes", "good", "test")
    await home.house.refresh()
    await home.client.chat("Yes")
    text = (await home.client.get("/metrics", key=None)).body.decode()
    assert value('stepladder_top_calls_avoided_total{task="mood"}') == 1


async def test_a_page_that_is_not_there_is_an_openai_error(home):
    response = await home.client.get("/v1/nowhere")
    assert (response.status, response.error["type"]) == (404, "invalid_request_error")
    response = await home.client.send("GET", "/v1/chat/completions")
    assert response.status in (404, 405)
