"""Attacks said half in a picture and half in the question: what is lost where each half is judged alone.

    python benchmarks/safety_halves.py

The attacks of `blind_prompts.txt` that the attacks guard finds whole are cut in two wherever neither half is flagged (between
words, or between any two Chinese characters), and judged as the one text that a question with its picture is read as. By
n-grams alone. Nothing is drawn: how well letters are read is another matter. Writes results/safety-halves.json.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.safety import RESULTS
from stepladder.core import Action
from stepladder.safety import AttacksGuard


def main() -> None:
    """Cut, judge, and write the figures."""
    guard = AttacksGuard("attacks")

    def flags(text: str) -> bool:
        return guard.check(text).action is Action.BLOCK

    whole = [text for text in attacks() if flags(text)]
    cut = [[pair for pair in cuts(text) if not any(map(flags, pair))] for text in whole]
    pairs = [pair for some in cut for pair in some]
    figures = {
        "command": "python benchmarks/safety_halves.py",
        "attacks found whole": len(whole),
        "that can be cut so that neither half is": sum(map(bool, cut)),
        "cuts": len(pairs),
        "cuts found as one text": sum(flags("\n".join(pair)) for pair in pairs),
        "with the second half first": sum(flags("\n".join(reversed(pair))) for pair in pairs),
    }
    text = json.dumps(figures, indent=1)
    (RESULTS / "safety-halves.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def attacks() -> Iterator[str]:
    """The lines of the sections of attacks."""
    section = ""
    for line in (Path(__file__).parent / "blind_prompts.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif line and not line.startswith("#") and "attack" in section:
            yield line


def cuts(text: str) -> list[tuple[str, str]]:
    """Every way to cut a text in two."""
    places = [at for at, sign in enumerate(text) if sign == " "] or range(1, len(text))
    return [(text[:at].strip(), text[at:].strip()) for at in places]


if __name__ == "__main__":
    main()
