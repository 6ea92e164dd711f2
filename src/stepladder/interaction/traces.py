"""Traces: a span for each answer, to an OpenTelemetry collector. Names and numbers only, never a text.

Attributes follow OpenTelemetry's semantic conventions for generative AI; ours begin with `stepladder.`.
"""

from typing import Any, Protocol

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from stepladder.core import Answered, Clock, Events, MissingExtra


class Provider(Protocol):
    """What gives tracers, and sends what waits when it is shut down."""

    def get_tracer(self, name: str) -> Tracer: ...

    def shutdown(self) -> None: ...


def collector() -> Provider:
    """Spans go where OTEL_EXPORTER_OTLP_ENDPOINT says, in batches, by a thread. Raises MissingExtra."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise MissingExtra("server.traces", "traces") from error
    provider = TracerProvider(resource=Resource.create({"service.name": "stepladder"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Traces:
    """Listens to events, and makes a span of each answer when it is over."""

    def __init__(self, events: Events, clock: Clock, provider: Provider) -> None:
        self._clock = clock
        self._provider = provider
        self._tracer = provider.get_tracer("stepladder")
        events.subscribe(self._listen)

    def close(self) -> None:
        """Send what waits. Blocks for it."""
        self._provider.shutdown()

    def _listen(self, event: Any) -> None:
        if not isinstance(event, Answered):
            return
        ended = int(self._clock.time() * 1e9)
        began = ended - int(event.latency_ms * 1e6)
        span = self._tracer.start_span(
            f"chat {event.model}", kind=SpanKind.SERVER, start_time=began, attributes=_attributes(event)
        )
        if event.status in ("failed", "withheld"):
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)


def _attributes(event: Answered) -> dict[str, str | int | float | bool]:
    found: dict[str, str | int | float | bool] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": event.model,
        "stepladder.request_id": event.id,
        "stepladder.task": event.task,
        "stepladder.status": event.status,
        "stepladder.top": event.top,
        "stepladder.cached": event.cached,
        "stepladder.overhead_ms": event.overhead_ms,
    }
    said = event.answer
    if event.arm:
        found["stepladder.arm"] = event.arm
    if said is not None:
        found |= {
            "gen_ai.response.model": said.rung,
            "gen_ai.usage.input_tokens": said.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": said.usage.completion_tokens,
            "stepladder.release": said.release,
            "stepladder.confidence": said.confidence,
            "stepladder.cost": said.cost,
        }
    return found
