"""The re-ranking endpoint: its scores by their index, and errors that keep the key and the texts."""

import pytest

from stepladder.core import ConfigError, UpstreamFailed
from stepladder.models import EndpointReranker
from tests.models.test_embedding import endpoint


def opened(settings, **more):
    return EndpointReranker.open("r", {"base_url": settings["base_url"], "model": "m", **more})


def test_scores_are_the_texts_own_whatever_their_order(monkeypatch):
    seen = []

    def answer(headers, asked):
        seen.append((headers["Authorization"], asked))
        rows = [
            {"index": i, "relevance_score": float(len(text))} for i, text in enumerate(asked["documents"])
        ]
        return 200, {"results": sorted(rows, key=lambda row: -row["relevance_score"])}

    monkeypatch.setenv("RERANK_KEY", "s3cret")
    with endpoint(answer) as settings:
        reranker = opened(settings, api_key="env:RERANK_KEY")
        assert reranker.scores("q", ["aa", "", "\0四四"]) == [2.0, 1.0, 3.0]
        assert reranker.scores("q", []) == ()
    ((key, asked),) = seen
    assert (key, asked["path"], asked["model"], asked["top_n"]) == ("Bearer s3cret", "/v1/rerank", "m", 3)


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"error": "text and s3cret"}),
        (200, b"no json"),
        (200, {"results": []}),
        (200, {"results": [{"index": 7, "relevance_score": 1.0}]}),
        (200, {"results": [{"index": 0, "relevance_score": "high"}]}),
    ],
)
def test_garbage_is_an_error_that_tells_nothing(answer):
    with endpoint(lambda headers, asked: answer) as settings:
        with pytest.raises(UpstreamFailed) as caught:
            opened(settings).scores("question", ["text"])
        assert "s3cret" not in str(caught.value) and "question" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"base_url": "ftp://x", "model": "m"}, "r.base_url"),
        ({"base_url": "http://x/v1", "model": "m", "candidates": 1}, "r.candidates"),
        ({"base_url": "http://x/v1", "model": "m", "timeout": 0.0}, "r.timeout"),
        ({"base_url": "http://x/v1", "model": "m", "modle": 1}, "modle"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings, key):
    with pytest.raises(ConfigError) as caught:
        EndpointReranker.open("r", settings)
    assert key in f"{caught.value.param} {caught.value.message}"
