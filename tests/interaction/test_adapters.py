"""stepladder adapter: what is asked of a vLLM server, and what is said where it does not do so. Speaks vLLM's endpoints."""

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.interaction.shell import Shell


class Vllm:
    """As a vLLM that may change adapters: a second load of a name is refused, and a path without an adapter."""

    def __init__(self):
        self.adapters, self.keys, self.calls, self.changes = {}, set(), [], True

    def models(self):
        return {"data": [{"id": "base"}, *({"id": name} for name in self.adapters)]}

    def post(self, path, body):
        self.calls.append(path)
        name = body["lora_name"]
        if not self.changes:
            return 404, b'{"detail":"Not Found"}'
        if path == "/v1/unload_lora_adapter":
            return (200, b"Success") if self.adapters.pop(name, None) else (404, b"not found")
        if name in self.adapters or not (Path(body["lora_path"]) / "adapter_config.json").exists():
            return 400, b'{"error": {"message": "No adapter found for it"}}'
        self.adapters[name] = body["lora_path"]
        return 200, b"Success: LoRA adapter added successfully."


@contextmanager
def serving(state):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.told(200, json.dumps(state.models()).encode())

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.told(*state.post(self.path, body))

        def told(self, status, data):
            state.keys.add(self.headers["Authorization"])
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
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def vllm(shell: Shell, tmp_path, monkeypatch):
    state = Vllm()
    monkeypatch.setitem(os.environ, "VLLM_KEY", "k1")
    (tmp_path / "run" / "model").mkdir(parents=True)
    (tmp_path / "run" / "model" / "adapter_config.json").write_text("{}")
    with serving(state) as url:
        table = (
            f'[models.mine]\nkind = "chat"\nbase_url = "{url}"\nmodel = "mine-1"\napi_key = "env:VLLM_KEY"\n'
        )
        config = tmp_path / "stepladder.toml"
        config.write_text(config.read_text() + table)
        yield state


def test_an_adapter_is_loaded_replaced_and_taken_out(shell: Shell, tmp_path, vllm):
    assert shell("adapter", "load", "run", "--model", "mine") == 0
    assert "serves it" in shell.out
    assert vllm.adapters == {"mine-1": str((tmp_path / "run" / "model").resolve())}
    assert vllm.keys == {"Bearer k1"}
    assert shell("adapter", "load", "run/model", "--model", "mine") == 0
    assert vllm.calls == ["/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/load_lora_adapter"]
    assert shell("adapter", "unload", "--model", "mine") == 0
    assert vllm.adapters == {}


def test_what_goes_wrong_is_said(shell: Shell, tmp_path, vllm):
    for words, named in (
        (["load", "run", "--model", "teacher"], "of kind chat"),
        (["load", "teacher.jsonl", "--model", "mine"], "holds no adapter"),
        (["load", "run", "--model", "mine", "--at", "/elsewhere"], "No adapter found for it"),
    ):
        assert shell("adapter", *words) == 2
        assert named in shell.err
    vllm.changes = False
    assert shell("adapter", "load", "run", "--model", "mine") == 2
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING" in shell.err
    assert "k1" not in shell.err


def test_a_server_that_is_not_there_is_named(shell: Shell, tmp_path, vllm):
    config = tmp_path / "stepladder.toml"
    config.write_text(config.read_text().replace("http://127.0.0.1:", "http://127.0.0.1:1/x"))
    assert shell("adapter", "unload", "--model", "mine") == 2
    assert "cannot be asked" in shell.err
