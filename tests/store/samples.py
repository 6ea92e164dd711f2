"""Rows to write."""

from dataclasses import replace

from stepladder.store import AuditRow, LedgerRow

PLAIN = LedgerRow(
    id="r",
    at=1.0,
    tenant="acme",
    task="mood",
    model="gpt",
    text="一个好天 fine",
    answer="good",
    rung="linear",
)


def row(number, **changes):
    """Row `r<number>` of the task "mood", answered low unless `top` says otherwise."""
    rung = "gpt" if changes.get("top") else "linear"
    return replace(PLAIN, **{"id": f"r{number}", "at": float(number), "rung": rung} | changes)


def audit(number, answer="good", **changes):
    """The audit of row `r<number>`."""
    sample = AuditRow(f"r{number}", 1.0, "mood", "", answer, agreed=answer == "good")
    return replace(sample, **changes)
