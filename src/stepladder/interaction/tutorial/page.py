"""What a life cycle has come to, as tables and as one HTML page."""

import math

from stepladder.evaluation import Chart, Figure, Report, Table
from stepladder.interaction.tutorial.lifecycle import Lifecycle


def stands_table(found: Lifecycle) -> Table:
    """Each rung on the held-out rows."""
    rows = [
        [one.name, f"{one.accuracy:.1%}", f"{one.latency_ms:.2f} ms", f"{one.size / 1e6:,.1f} MB"]
        for one in sorted(found.stands, key=lambda stand: stand.latency_ms)
    ]
    return Table("Held-out rows", ["rung", "right", "median time", "its own files"], rows)


def steps_table(found: Lifecycle) -> Table:
    """Each step, what came of it, and how long it took."""
    certificate = found.certificate
    certified = (
        f"{certificate.errors} errors in {certificate.sample} fresh rows; believed from {found.threshold:.3f} on"
        if certificate
        else "none"
    )
    what = {
        "clean": f"{found.rows:,} rows, {found.copies} near-copies and {found.leaked} like held-out rows left out",
        "zero-shot": "the model as it came",
        "train, merge, pack": f"{found.trained} rows, {found.metrics.get('trainable', 0):,.0f} of "
        f"{found.metrics.get('parameters', 0):,.0f} weights; served as trained within {found.metrics.get('served_gap', 0):.3f}",
        "certify, canary, live": certified,
        "roll back": f"the top answered alone {max(0.0, found.back_seconds):.1f} s after the command",
        "frontier": "the other rungs on the same examples",
    }
    rows = [[step, what.get(step, ""), f"{minutes:.1f} min"] for step, minutes in found.minutes.items()]
    return Table("Steps", ["step", "what came of it", "time"], rows)


def report(found: Lifecycle) -> Report:
    """The page."""
    dots = {one.name: [(math.log10(one.latency_ms), one.accuracy)] for one in found.stands}
    source = "the user's own rows" if found.own_data else "a support inbox written for this tutorial"
    return Report(
        title="The life cycle of a rung",
        lead=[
            f"A log of {source} was cleaned; SmolLM2 (135 million weights) was tuned on {found.trained} of its answers, "
            "merged, packed and certified by the flywheel of a running server, tried out, promoted and rolled back.",
            "The top rung is the log itself, answered with the delay and at the price of a commercial model: no large "
            "model runs here. Held-out rows are in words that the log has not.",
        ],
        figures=[
            Figure("Gain over zero-shot", f"{found.gain:+.1%}".replace("%", " points"), "on held-out rows"),
            Figure(
                "Answered low",
                f"{found.low_share:.0%}",
                f"of {len(found.after)} questions after the promotion",
            ),
            Figure("Agreement", f"{found.agreement:.1%}", f"promised: {found.plan.target:.0%}"),
            Figure("Minutes", f"{sum(found.minutes.values()):.1f}", "all steps"),
        ],
        charts=[
            Chart(
                "Right answers against time for one",
                "milliseconds for an answer, as a power of ten",
                "right",
                series=dots,
                percent=True,
                lowest=min(0.5, max(0.0, math.floor(10 * min(s.accuracy for s in found.stands)) / 10)),
                dots=True,
            )
        ],
        tables=[stands_table(found), steps_table(found), _history(found), _frontier(found)],
    )


def _history(found: Lifecycle) -> Table:
    return Table("Rollout", ["change"], [[why] for why in found.history])


def _frontier(found: Lifecycle) -> Table:
    """Which rungs no other beats both in time and in right answers."""
    rows = []
    for one in found.stands:
        better = [o.name for o in found.stands if o.accuracy > one.accuracy and o.latency_ms < one.latency_ms]
        rows.append([one.name, "on the frontier" if not better else f"beaten by {', '.join(better)}"])
    return Table("Frontier", ["rung", "time and right answers together"], rows)
