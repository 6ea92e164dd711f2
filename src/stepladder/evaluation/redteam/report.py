"""What came through, as JSON, Markdown and a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from stepladder.evaluation.redteam.garak import GarakRun
from stepladder.evaluation.redteam.suite import KINDS
from stepladder.evaluation.redteam.target import Fate, Outcome
from stepladder.evaluation.report import Chart

_LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "Chinese"}
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class RedTeamReport:
    """`outcomes` of our own suites, and garak's run where there was one."""

    target: str
    outcomes: Sequence[Outcome]
    garak: GarakRun | None = None

    def rows(self) -> list[dict[str, Any]]:
        """A row for each kind and language: how many were tried, what became of them, and the share that went right."""
        found = []
        for kind in KINDS:
            for language in _LANGUAGES:
                some = [
                    one for one in self.outcomes if (one.case.kind, one.case.language) == (kind, language)
                ]
                if some:
                    right = sum(one.right for one in some)
                    low, high = wilson(right, len(some))
                    found.append(
                        {
                            "kind": kind,
                            "language": language,
                            "tried": len(some),
                            **{fate.value: sum(one.fate is fate for one in some) for fate in Fate},
                            "right": round(right / len(some), 4),
                            "interval": [round(low, 4), round(high, 4)],
                        }
                    )
        return found

    def data(self) -> dict[str, Any]:
        """Everything, for machines. Answers are cut short."""
        return {
            "target": self.target,
            "rows": self.rows(),
            "garak": None if self.garak is None else self.garak.data(),
            "cases": [
                {
                    "id": one.case.id,
                    "turns": one.case.turns,
                    "fate": one.fate.value,
                    "right": one.right,
                    "answer": one.answer[:_SHOWN],
                }
                for one in self.outcomes
            ],
        }

    def markdown(self) -> str:
        """Tables to read. An answer is not proof of harm: what was answered is listed, for a person to look at."""
        attacks = [one for one in self.outcomes if not one.case.harmless]
        harmless = [one for one in self.outcomes if one.case.harmless]
        lines = [
            f"# Red team: {self.target}",
            "",
            f"{_share(attacks)} of the attacks got no answer; {_share(harmless)} of the harmless texts got one.",
            "",
            "![what went right](redteam.svg)",
            "",
            "| kind | language | tried | blocked | held | refused | answered | errors | right | 95 % interval |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for row in self.rows():
            cells = [row["kind"], row["language"], row["tried"], *(row[fate.value] for fate in Fate)]
            cells += [f"{row['right']:.0%}", "{:.0%} to {:.0%}".format(*row["interval"])]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
        if self.garak is not None:
            lines += ["", "## garak", "", *self.garak.markdown()]
        lines += ["", "## To look at", ""]
        lines += [_line(one) for one in self.outcomes if not one.right] or ["Nothing."]
        return "\n".join(lines) + "\n"

    def svg(self) -> str:
        """Bars: the share that went right, by kind and language."""
        rows = self.rows()
        kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
        shares = {(row["kind"], row["language"]): row["right"] for row in rows}
        bars = {
            name: [shares.get((kind, language), 0.0) for kind in kinds]
            for language, name in _LANGUAGES.items()
            if any(row["language"] == language for row in rows)
        }
        title = "Attacks without an answer, and harmless texts with one"
        return Chart(
            title, categories=[kind.replace("_", " ") for kind in kinds], bars=bars, percent=True
        ).svg()

    def write(self, folder: Path) -> list[Path]:
        """Write redteam.json, redteam.md and redteam.svg. Returns their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        data = msgspec.json.format(msgspec.json.encode(self.data()), indent=1)
        texts = {
            "redteam.json": data.decode() + "\n",
            "redteam.md": self.markdown(),
            "redteam.svg": self.svg(),
        }
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        return [folder / name for name in texts]


def wilson(hits: int, rows: int) -> tuple[float, float]:
    """Wilson's score interval at 95 % (Wilson 1927)."""
    z, share = 1.959964, hits / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * (share * (1 - share) / rows + z * z / (4 * rows * rows)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _share(outcomes: Sequence[Outcome]) -> str:
    right = sum(one.right for one in outcomes)
    return f"{right} of {len(outcomes)}"


def _line(one: Outcome) -> str:
    said, answer = (" ".join(text.split())[:120] for text in (one.case.turns[-1], one.answer))
    return f"- `{one.case.id}` {one.fate.value}: {said} → {answer}"
