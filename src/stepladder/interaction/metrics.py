"""Prometheus: what the events and the store tell, as numbers."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from stepladder.core import Answered, Audited, Banned, Climbed, Events, Refused, Remarked, RolledOut
from stepladder.interaction import counts
from stepladder.interaction.counts import Counts, Key
from stepladder.rollout import how_inputs_stand
from stepladder.service import AuditCounts
from stepladder.store import Store

_COUNTERS = {
    "climbs": ("Rungs asked and not believed.", ("task", "rung", "failed")),
    "audits": ("Low answers put to the top.", ("task", "release", "agreed")),
    "top_calls_avoided": ("Questions the top was not asked.", ("task",)),
    "cache_hits": ("Answers that had been given before.", ("task", "model")),
    "refused": ("Questions turned away, by the error's code.", ("code",)),
    "guard_remarks": ("What guards said.", ("task", "model", "guard", "side", "action", "observed")),
    "arms": ("Questions to a split, by who was drawn for them.", ("model", "arm", "status")),
    "bans": ("Askers and addresses that get no hearing for a while.", ("why",)),
    "rollouts": ("Changes of a rollout.", ("task",)),
}
_ANSWER = ("task", "model", "rung")


class Metrics:
    """Listens to events, reads the store when scraped, and renders both in the Prometheus text format.

    Labels are names from the configuration and the registry, never a caller's words. With several workers, each leaves
    its numbers in a folder every second or so, and whichever is scraped adds them up.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, events: Events, store: Store, audits: AuditCounts) -> None:
        self.counts = Counts()
        self.config_hash = ""
        self._file: Path | None = None
        self._registry = CollectorRegistry()
        self._registry.register(_Told(self))
        self._registry.register(_FromStore(store, audits))
        self._told: dict[type, Callable[[Any], None]] = {
            Answered: self._answered,
            Climbed: lambda event: self.counts.add(("climbs", event.task, event.rung, _word(event.failed))),
            Audited: lambda event: self.counts.add(
                ("audits", event.task, event.ladder_release, _word(event.agreed))
            ),
            Refused: lambda event: self.counts.add(("refused", event.code)),
            Remarked: self._remarked,
            Banned: lambda event: self.counts.add(("bans", event.why)),
            RolledOut: lambda event: self.counts.add(("rollouts", event.task)),
        }
        events.subscribe(self._listen)

    def share(self, file: Path) -> None:
        """Go on from the numbers of whoever had this file before, and leave ours there from now on."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.counts = Counts.load([file])
        self._file = file

    def save(self) -> None:
        """Leave our numbers for the others."""
        if self._file is not None:
            self.counts.save(self._file)

    def render(self) -> bytes:
        """Everything, as text. Reads the store, so call it off the event loop."""
        return generate_latest(self._registry)

    def all_counts(self) -> Counts:
        """Ours, and those of the other workers."""
        others = self._file.parent.glob("*.json") if self._file is not None else ()
        found = Counts.load(other for other in others if other != self._file)
        for key, values in list(self.counts.series.items()):
            found.include(key, values)
        return found

    def _listen(self, event: Any) -> None:
        tell = self._told.get(type(event))
        if tell is not None:
            tell(event)

    def _remarked(self, event: Remarked) -> None:
        said = event.remark
        observed = _word(said.observed)
        self.counts.add(
            ("guard_remarks", event.task, event.model, said.guard, said.side, said.action, observed)
        )

    def _answered(self, event: Answered) -> None:
        said, task = event.answer, event.task
        key = ("answer", task, event.model, said.rung if said else "", event.status)
        series = self.counts.answer(key, event.latency_ms / 1000, event.overhead_ms / 1000)
        if event.arm:
            self.counts.add(("arms", event.model, event.arm, event.status))
        if said is not None:
            series[counts.COST] += said.cost
            if event.cached:
                self.counts.add(("cache_hits", task, event.model))
            else:
                series[counts.READ] += said.usage.prompt_tokens
                series[counts.WRITTEN] += said.usage.completion_tokens
        if task and event.status == "ok" and (event.cached or not event.top):
            self.counts.add(("top_calls_avoided", task))


def _word(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


class _Told(Collector):
    """What the events told, by every worker."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are made when scraped."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The figures now."""
        series = self._metrics.all_counts().series
        for name, (what, labels) in _COUNTERS.items():
            counter = CounterMetricFamily(f"stepladder_{name}", what, labels=labels)
            for key, values in series.items():
                if key[0] == name:
                    counter.add_metric(key[1:], values[0])
            yield counter
        yield from _answers({key[1:]: values for key, values in series.items() if key[0] == "answer"})
        config = GaugeMetricFamily("stepladder_config", "The configuration in force.", labels=("hash",))
        config.add_metric((self._metrics.config_hash,), 1)
        yield config


def _answers(series: dict[Key, list[float]]) -> Iterable[Metric]:
    answers = CounterMetricFamily("stepladder_answers", "Answers.", labels=(*_ANSWER, "status"))
    for key, values in series.items():
        answers.add_metric(key, values[counts.ANSWERS])
    yield answers
    cost = CounterMetricFamily("stepladder_cost", "Money spent on answers.", labels=_ANSWER)
    tokens = CounterMetricFamily("stepladder_tokens", "Tokens.", labels=(*_ANSWER, "kind"))
    latency = HistogramMetricFamily("stepladder_latency_seconds", "Question to last byte.", labels=_ANSWER)
    for key, values in _summed(series, 3).items():
        cost.add_metric(key, values[counts.COST])
        tokens.add_metric((*key, "prompt"), values[counts.READ])
        tokens.add_metric((*key, "completion"), values[counts.WRITTEN])
        latency.add_metric(key, counts.latencies(values), values[counts.LATENCY])
    overhead = HistogramMetricFamily("stepladder_overhead_seconds", "Of it, our own.", labels=("task",))
    for key, values in _summed(series, 1).items():
        overhead.add_metric(key, counts.overheads(values), values[counts.OVERHEAD_SUM])
    yield from (cost, tokens, latency, overhead)


def _summed(series: dict[Key, list[float]], labels: int) -> dict[Key, list[float]]:
    found = Counts()
    for key, values in series.items():
        found.include(key[:labels], values)
    return found.series


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
        yield from self._drift()

    def _drift(self) -> Iterable[Metric]:
        labels = ("task", "kind")
        share = GaugeMetricFamily("stepladder_new_questions", "Share of late that is new.", labels=labels)
        told = GaugeMetricFamily("stepladder_drifted", "1 where other questions are asked.", labels=labels)
        for task in self._store.rollouts.all():
            for one in how_inputs_stand(self._store, task):
                share.add_metric((task, one.kind), one.of_late)
                told.add_metric((task, one.kind), float(one.alarmed))
        yield from (share, told)
