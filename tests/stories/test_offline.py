"""A task without a top in service: the big model labels offline, and nobody asks it while people wait."""

import asyncio
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.product import Product, eventually, write_config
from tests.stories.test_step_down import admin, reviews
from tests.stories.upstream import Upstream

TASK = """
[tasks.mood]
top = "offline"
labeller = "big"
labels = ["good", "bad"]
prompt = "Good or bad?"
{unsure}
[tasks.mood.promise]
target = 0.9
[tasks.mood.flywheel]
labels = 200
calibration = 200
canary = 1.0
canary_answers = 20
audit = 0.2
"""


async def ask(product: Product, texts: list[str]) -> list[tuple[int, dict, str]]:
    """Status, body and header of certified coverage."""
    headers = {"authorization": f"Bearer {product.key}"}
    async with aiohttp.ClientSession(product.root, headers=headers) as session:

        async def one(text: str) -> tuple[int, dict, str]:
            body = {"model": "mood", "messages": [{"role": "user", "content": text}]}
            async with session.post("/v1/chat/completions", json=body) as response:
                return (
                    response.status,
                    await response.json(),
                    response.headers.get("x-stepladder-coverage", ""),
                )

        return [await one(text) for text in texts]


def label(config: Path) -> str:
    """Run the offline work, as a person or cron would."""
    command = [sys.executable, "-m", "stepladder", "label", "mood", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=config.parent)
    return done.stdout


class Teacher(Upstream):
    """Answers with the label of the review it is asked about."""

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__()
        self._answers = answers

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append(body)
        said = {"role": "assistant", "content": self._answers[body["messages"][-1]["content"]]}
        choices = [{"index": 0, "message": said, "finish_reason": "stop"}]
        usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
        frame = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "good-1"}
        return web.json_response({**frame, "choices": choices, "usage": usage})


@pytest.mark.timeout(240)
def test_nobody_calls_the_top_in_service_and_the_ladder_steps_down_by_offline_labels(tmp_path: Path) -> None:
    answers = reviews(6_000)
    texts = iter(answers)
    with Teacher(answers) as teacher:
        unsure = '[tasks.mood.unsure]\nanswer = "A person will look at this."'
        config = write_config(
            tmp_path, teacher.model("big"), TASK.format(unsure=unsure), server="flywheel = true"
        )
        with Product(config) as product:
            early = asyncio.run(ask(product, [next(texts) for _ in range(250)]))
            assert {said(body) for _, body, _ in early} == {"A person will look at this."}
            assert {body["stepladder"]["rung"] for _, body, _ in early} == {"unsure"}
            assert teacher.seen == []
            assert "250 questions labelled" in label(config)

            def promoted() -> bool:
                called = len(teacher.seen)
                asyncio.run(ask(product, [next(texts) for _ in range(100)]))
                assert len(teacher.seen) == called
                label(config)
                (task,) = asyncio.run(admin(product, "GET", "/admin/tasks"))["tasks"]
                return task["rollout"]["live"] is not None

            eventually(promoted, 150)
            called = len(teacher.seen)
            late = asyncio.run(ask(product, [next(texts) for _ in range(200)]))
            low = [body for _, body, _ in late if body["stepladder"]["rung"] == "linear"]
            assert len(low) > 100
            assert all(0.3 < float(coverage) <= 1 for _, _, coverage in late)
            assert len(teacher.seen) == called
            assert label(config).split()[1] != "0"  # the coin's share is audited now
            assert called < len(teacher.seen) < called + 150
    assert not [word for word in ("Traceback", "Fatal", "ERROR") if word in product.log()]


def said(body: dict) -> str:
    """The words of an answer."""
    return body["choices"][0]["message"]["content"]


def test_without_a_word_for_it_an_unsure_question_is_refused_and_kept(tmp_path: Path) -> None:
    answers = reviews(3)
    with Teacher(answers) as teacher:
        config = write_config(tmp_path, teacher.model("big"), TASK.format(unsure=""))
        with Product(config) as product:
            ((status, body, _),) = asyncio.run(ask(product, list(answers)[:1]))
            assert (status, body["error"]["code"]) == (503, "ladder_exhausted")
            assert "nobody is asked beyond them" in body["error"]["message"]
            assert teacher.seen == []
            assert "1 questions labelled" in label(config)
