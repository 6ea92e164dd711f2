"""What a configuration's guards would do with a text: asked like a chain, outside of service."""

from collections.abc import Sequence
from dataclasses import dataclass

from stepladder.core import GuardFailed, Remark, Side, Span, Turn, Verdict
from stepladder.safety.chain import closed
from stepladder.safety.judging import Judgement, judgement
from stepladder.safety.policy import Policy
from stepladder.safety.spans import joined, mask


@dataclass(frozen=True, slots=True)
class Configured:
    """The guards of one task or model and tenant. What is only observed passes, and says so in the reason."""

    policy: Policy

    def check(self, text: str, side: Side, turns: Sequence[Turn] = ()) -> Verdict:
        """What would become of a text of that side; each guard looks as closely as it can. What fails blocks."""
        panel = self.policy.ins if side is Side.IN else self.policy.outs
        verdicts = [self.policy.chain.ask(ruling.guard, text, turns) for ruling in panel.all]
        try:
            found = judgement(panel.all, verdicts, side)
        except GuardFailed as error:
            return closed(error.guard, error.message)
        seen = joined(span for verdict in verdicts for span in verdict.spans)
        return Verdict(
            found.action,
            found.categories,
            max((verdict.score for verdict in verdicts), default=0.0),
            tuple(seen),
            "; ".join(map(_said, found.remarks)),
            _cut(text, found),
        )


def _said(remark: Remark) -> str:
    would = "would " if remark.observed else ""
    return f"{remark.guard}: {would}{remark.action} ({', '.join(remark.categories)})"


def _cut(text: str, found: Judgement) -> str | None:
    """Kinds stand in the place of what is cut, whatever stands there in service: no key is at hand, and no vault."""
    if found.action.value != "redact":
        return None
    return mask(text, [Span(cut.start, cut.end, cut.kind, text[cut.start : cut.end]) for cut in found.cuts])
