"""Prometheus: what the events and the store tell, as numbers."""

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stepladder.core import Answered, Audited, Climbed, Events, RolledOut
from stepladder.service import AuditCounts
from stepladder.store import Store

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_OVERHEAD = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1)


class Metrics:
    """Listens to events, reads the store when scraped, and renders both in the Prometheus text format.

    Labels are names from the configuration and the registry, never a caller's words.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, events: Events, store: Store, audits: AuditCounts) -> None:
        registry = self._registry = CollectorRegistry()
        answer = ("task", "model", "rung")
        self._answers = Counter("stepladder_answers", "Answers.", (*answer, "status"), registry=registry)
        self._cost = Counter("stepladder_cost", "Money spent on answers.", answer, registry=registry)
        self._tokens = Counter("stepladder_tokens", "Tokens.", (*answer, "kind"), registry=registry)
        self._latency = Histogram(
            "stepladder_latency_seconds",
            "Question to last byte.",
            answer,
            buckets=_SECONDS,
            registry=registry,
        )
        self._overhead = Histogram(
            "stepladder_overhead_seconds", "Of it, our own.", ("task",), buckets=_OVERHEAD, registry=registry
        )
        self._climbs = Counter(
            "stepladder_climbs",
            "Rungs asked and not believed.",
            ("task", "rung", "failed"),
            registry=registry,
        )
        self._audits = Counter(
            "stepladder_audits",
            "Low answers put to the top.",
            ("task", "release", "agreed"),
            registry=registry,
        )
        self._avoided = Counter(
            "stepladder_top_calls_avoided", "Questions the top was not asked.", ("task",), registry=registry
        )
        self._rollouts = Counter("stepladder_rollouts", "Changes of a rollout.", ("task",), registry=registry)
        registry.register(_FromStore(store, audits))
        self._series: dict[tuple[str, ...], Callable[[Answered], None]] = {}
        self._told: dict[type, Callable[[Any], None]] = {
            Answered: self._answered,
            Climbed: lambda event: self._climbs.labels(event.task, event.rung, event.failed).inc(),
            Audited: self._audited,
            RolledOut: lambda event: self._rollouts.labels(event.task).inc(),
        }
        events.subscribe(self._listen)

    def render(self) -> bytes:
        """Everything, as text. Reads the store, so call it off the event loop."""
        return generate_latest(self._registry)

    def _listen(self, event: Any) -> None:
        tell = self._told.get(type(event))
        if tell is not None:
            tell(event)

    def _answered(self, event: Answered) -> None:
        key = (event.task, event.model, event.answer.rung if event.answer else "", event.status)
        count = self._series.get(key)
        if count is None:
            count = self._series[key] = self._count(*key)
        count(event)

    def _count(self, task: str, model: str, rung: str, status: str) -> Callable[[Answered], None]:
        """The series of one kind of answer, looked up once: finding them by label is most of the cost."""
        answers = self._answers.labels(task, model, rung, status)
        latency, overhead = self._latency.labels(task, model, rung), self._overhead.labels(task)
        cost = self._cost.labels(task, model, rung)
        read, written = (self._tokens.labels(task, model, rung, kind) for kind in ("prompt", "completion"))

        def count(event: Answered) -> None:
            answers.inc()
            latency.observe(event.latency_ms / 1000)
            overhead.observe(event.overhead_ms / 1000)
            if event.answer is not None:
                cost.inc(event.answer.cost)
                read.inc(event.answer.usage.prompt_tokens)
                written.inc(event.answer.usage.completion_tokens)
            if task and not event.top and status == "ok":
                self._avoided.labels(task).inc()

        return count

    def _audited(self, event: Audited) -> None:
        self._audits.labels(event.task, event.ladder_release, str(event.agreed).lower()).inc()


class _FromStore(Collector):
    """Read when scraped: the ledger's queue, the flywheel's progress, audits that came to nothing."""

    def __init__(self, store: Store, audits: AuditCounts) -> None:
        self._store = store
        self._audits = audits

    def describe(self) -> Iterable[Metric]:
        """Nothing: so that registering does not read the store."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The figures now."""
        yield GaugeMetricFamily(
            "stepladder_ledger_queue", "Rows waiting to be committed.", value=self._store.ledger.waiting
        )
        lost = CounterMetricFamily("stepladder_audits_lost", "Audits without a result.", labels=("why",))
        lost.add_metric(("failed",), self._audits.failed)
        lost.add_metric(("dropped",), self._audits.dropped)
        yield lost
        progress = GaugeMetricFamily(
            "stepladder_flywheel_progress", "Share of a stage that is done.", labels=("task", "stage")
        )
        for step in self._store.progress.all():
            progress.add_metric((step.task, step.stage), step.done / step.total if step.total else 0.0)
        yield progress
