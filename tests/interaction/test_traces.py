"""Spans of answers, sent to a collector as it is spoken to: names and numbers are in them, and no text."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from stepladder.core import MissingExtra
from stepladder.interaction import traces
from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.interaction.conftest import ANSWERS, Home
from tests.product import mood, recorded, write_config

KEY = "sk-canary-4242424242424242"


@contextmanager
def listening():
    """A collector; what was sent to it."""
    came: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", came
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def traced(tmp_path):
    return write_config(
        tmp_path, recorded(tmp_path, ANSWERS), mood(), server="flywheel = false\ntraces = true"
    )


async def test_each_answer_is_a_span_with_numbers_and_without_words(traced, monkeypatch):
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    with listening() as (url, came):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        house = await House.open(Settings(traced))
        try:
            home = Home(house, Client(App(house), await house.first_admin_key() or ""), traced)
            task, plain = await home.client.chat(), await home.client.chat("hi", "big", stream=True)
            failed = await home.client.chat(f"nobody has recorded {KEY}")
        finally:
            await house.close()
    assert {path for path, _ in came} == {"/v1/traces"}
    sent = b"".join(data for _, data in came)
    for word in ("Fine day", "good", "Hello there", KEY, home.client.key):
        assert word.encode() not in sent, word
    spans = {}
    for _, data in came:
        for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    known = {one.key: one.value for one in span.attributes}
                    spans[known["stepladder.request_id"].string_value] = (span, known)
    assert len(spans) == 3
    for response, name, status in ((task, "mood", "ok"), (plain, "big", "ok"), (failed, "mood", "failed")):
        span, known = spans[response.headers["x-stepladder-request-id"]]
        assert span.name == f"chat {name}"
        assert known["gen_ai.request.model"].string_value == name
        assert known["stepladder.status"].string_value == status
        assert (span.status.code == 2) is (status == "failed")
        assert 0 <= span.end_time_unix_nano - span.start_time_unix_nano < 60e9
    span, known = spans[task.headers["x-stepladder-request-id"]]
    assert known["gen_ai.response.model"].string_value == "big"
    assert known["gen_ai.usage.input_tokens"].int_value == task.json["usage"]["prompt_tokens"]


async def test_without_the_library_the_command_is_named(traced, monkeypatch):
    def missing():
        raise MissingExtra("server.traces", "traces")

    monkeypatch.setattr(traces, "collector", missing)
    with pytest.raises(MissingExtra) as caught:
        await House.open(Settings(traced))
    assert "pip install 'stepladder[traces]'" in caught.value.remedy


async def test_without_being_told_nothing_is_loaded(home):
    assert home.house.traces is None
