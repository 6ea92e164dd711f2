"""What the shipped guards flag, what they let pass, and what they cost.

    python benchmarks/safety.py --data ../shared/data [--part PART ...]

Every part writes its figures, with 95 % intervals, to benchmarks/results/safety-PART.json. The data sets only measure:
nothing that ships was trained on them, and no threshold was set on them. The `offence` part fits a linear guard on the
training rows of a set of offensive Chinese comments and tries it on the others.
"""

import argparse
import csv
import gzip
import io
import json
import statistics
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from stepladder.core import Action, Side, Turn
from stepladder.safety import (
    AttacksGuard,
    AttacksSettings,
    Closer,
    HarmGuard,
    HarmSettings,
    WordsGuard,
    default_chain,
    import_lists,
)
from stepladder.training import fit_linear

RESULTS = Path(__file__).parent / "results"
Figures = dict[str, Any]


def interval(hits: int, rows: int) -> list[float]:
    """Wilson's score interval at 95 %."""
    z, share = 1.959964, hits / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * (share * (1 - share) / rows + z * z / (4 * rows * rows)) ** 0.5
    return [round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)]


def flagged(texts: Sequence[str], judge: Callable[[str], bool]) -> Figures:
    """How many of the texts a judge flags."""
    hits = sum(map(judge, texts))
    return {
        "flagged": hits,
        "of": len(texts),
        "share": round(hits / len(texts), 4),
        "interval": interval(hits, len(texts)),
    }


def stopped(text: str) -> bool:
    """Whether the default guards hold or block a text; redacting lets it go on."""
    return default_chain().check(text, Side.IN).action in (Action.BLOCK, Action.HOLD)


def stopped_by_grams(text: str) -> bool:
    """The same by first rungs alone: where guards only observe, or nothing can be embedded."""
    chain = default_chain()
    verdicts = (chain.ask(guard, text, closely=False) for guard in chain.guards if guard.side.covers(Side.IN))
    return any(verdict.action in (Action.BLOCK, Action.HOLD) for verdict in verdicts)


def both(texts: Sequence[str]) -> Figures:
    """How many of the texts the default guards stop: enforced, so that doubt is looked at closer, and by n-grams alone."""
    return {**flagged(texts, stopped), "n-grams alone": flagged(texts, stopped_by_grams)}


def attack(text: str, turns: Sequence[Turn] = ()) -> bool:
    """Whether the attacks guard blocks a text, by meaning where n-grams leave doubt (and the extra is there)."""
    guard = _attacks()
    verdict = guard.check(text, turns)
    return (guard.closely(text, turns) if verdict.unsure else verdict).action is Action.BLOCK


@cache
def _attacks() -> AttacksGuard:
    return AttacksGuard("attacks")


def encyclopaedia(data: Path) -> tuple[list[str], list[str]]:
    """Harmless paragraphs and questions about them."""
    with gzip.open(data / "cmrc2018" / "cmrc2018_dev.json.gz") as file:
        paragraphs = [p for article in json.load(file)["data"] for p in article["paragraphs"]]
    return [p["context"] for p in paragraphs], [q["question"] for p in paragraphs for q in p["qas"]]


def attacks(data: Path) -> Figures:
    """Injection prompts: the attacks guard by both rungs and by n-grams alone, all default guards, and by origin."""
    rows = json.loads((data / "injection" / "valid.json").read_text(encoding="utf-8"))
    grams = AttacksGuard("attacks", AttacksSettings(closer=Closer.NEVER))
    alone = {
        "attacks guard": attack,
        "attacks guard, n-grams alone": lambda text: grams.check(text).action is Action.BLOCK,
        "default guards": stopped,
    }
    found: Figures = {}
    for name, judge in alone.items():
        found[name] = {
            "attacks": flagged([r["prompt"] for r in rows if r["label"]], judge),
            "harmless": flagged([r["prompt"] for r in rows if not r["label"]], judge),
        }
    judge = alone["attacks guard"]
    origins = dict.fromkeys(row["source"] for row in rows)
    found["by origin"] = {o: flagged([r["prompt"] for r in rows if r["source"] == o], judge) for o in origins}
    return found


def harm(data: Path) -> Figures:
    """Harmful Chinese prompts against harmless paragraphs and questions."""
    with (data / "jade" / "jade_benchmark_easy_zh.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    paragraphs, questions = encyclopaedia(data)
    kinds = dict.fromkeys(row["违规类型"] for row in rows)
    strict = HarmGuard("harm", HarmSettings(threshold=0.5))

    def surely(text: str) -> bool:
        return strict.check(text).action is Action.BLOCK

    return {
        "harmful prompts": both([row["问题"] for row in rows]),
        "harmless paragraphs": both(paragraphs),
        "harmless questions": both(questions),
        "harm guard alone, threshold 0.5": {
            "harmful prompts": flagged([row["问题"] for row in rows], surely),
            "harmless questions": flagged(questions, surely),
        },
        "by kind": {
            kind: flagged([r["问题"] for r in rows if r["违规类型"] == kind], stopped) for kind in kinds
        },
    }


def refusal(_: Path) -> Figures:
    """Harmless texts of ours that training has not seen, many of them in the words of harmful ones, by kind."""
    from recipes.guards.templates import ordinary

    rows = [row for language in ("zh", "en") for row in ordinary(language, seen=False)]
    sections = dict.fromkeys(":".join(row.group.split(":")[::2]) for row in rows)
    found: Figures = {
        language: both([row.text for row in rows if row.language == language]) for language in ("zh", "en")
    }
    found["by kind"] = {
        section: flagged([r.text for r in rows if ":".join(r.group.split(":")[::2]) == section], stopped)
        for section in sections
    }
    return found


def blind(_: Path) -> Figures:
    """Harmful, attacking and harmless prompts of ours that were written apart from the seeds, by section."""
    lines = (Path(__file__).parent / "blind_prompts.txt").read_text(encoding="utf-8").splitlines()
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            section.append(line)
    return {name: both(texts) for name, texts in found.items()}


def words(data: Path) -> Figures:
    """A raw public list: as it is imported, on harmless paragraphs; and how long the import takes."""
    paragraphs, _ = encyclopaedia(data)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(data / "sensitive_lexicon" / "konsheng.tar.gz") as archive:
            archive.extractall(folder, filter="data")
        began = time.process_time()
        found = import_lists(sorted(Path(folder).rglob("*.txt")))
        seconds = time.process_time() - began
    guard = WordsGuard("words", found.lexicon)
    strong = [w.text for w in found.lexicon.words.values() if "context" not in w.tags and len(w.parts) == 1]
    caught = flagged(strong, lambda text: guard.check(f"你好，{text}。").action is Action.BLOCK)
    return {
        "harmless paragraphs": flagged(paragraphs, lambda text: guard.check(text).action is not Action.PASS),
        "strong words found in a sentence": caught,
        "tiers": {tier.value: count for tier, count in found.tiers.items()},
        "import_cpu_seconds": round(seconds, 2),
    }


def offence(data: Path) -> Figures:
    """A linear guard fitted on the training rows of offensive comments: macro-F1 on the others."""

    def rows(name: str) -> list[dict[str, str]]:
        with gzip.open(data / "coldataset" / f"{name}.csv.gz") as file:
            return list(csv.DictReader(io.TextIOWrapper(file, "utf-8")))

    train, dev = rows("train"), rows("dev")
    began = time.process_time()
    model = fit_linear([row["TEXT"] for row in train], [row["label"] for row in train]).model
    seconds = time.process_time() - began
    guessed = [model.predict(row["TEXT"]).text for row in dev]
    real = [row["label"] for row in dev]
    scores = [_f1(label, guessed, real) for label in sorted(set(real))]
    right = sum(a == b for a, b in zip(guessed, real, strict=True))
    return {
        "macro_f1": round(sum(scores) / len(scores), 4),
        "accuracy": round(right / len(dev), 4),
        "accuracy_interval": interval(right, len(dev)),
        "rows": [len(train), len(dev)],
        "fit_cpu_seconds": round(seconds, 1),
    }


def _f1(label: str, guessed: list[str], real: list[str]) -> float:
    both = sum(g == r == label for g, r in zip(guessed, real, strict=True))
    return 2 * both / max(guessed.count(label) + real.count(label), 1)


def grandmother(_: Path) -> Figures:
    """Grandmothers with product keys, and as many with bedtime stories: whole, and spread over turns."""
    stories = json.loads((Path(__file__).parent / "grandmothers.json").read_text(encoding="utf-8"))

    def judge(turns: list[str]) -> bool:
        return attack(turns[-1], tuple(Turn("user", text) for text in turns[:-1]))

    found: Figures = {}
    for name, chats in stories.items():
        hits = sum(map(judge, chats))
        found[name] = {
            "flagged": hits,
            "of": len(chats),
            "share": hits / len(chats),
            "interval": interval(hits, len(chats)),
        }
    return found


def cost(data: Path) -> Figures:
    """CPU time of guards' first rungs on harmless texts of several lengths, the best of nine rounds in turns.

    All default guards, and those that watch questions where nothing is configured: `harm` is not among them.
    """
    paragraphs, questions = encyclopaedia(data)
    with gzip.open(data / "imdb_gpt35.jsonl.gz", "rt", encoding="utf-8") as file:
        reviews = [json.loads(line)["text"] for _, line in zip(range(300), file, strict=False)]
    sets = {
        "questions, Chinese": questions[:300],
        "paragraphs, Chinese": paragraphs[:150],
        "reviews, English": reviews[:100],
    }
    found: Figures = {}
    for name, texts in sets.items():
        kilobytes = sum(len(text.encode()) for text in texts) / 1000
        rounds = [_round(texts, judge) for _ in range(9) for judge in (stopped_by_grams, _watched)]
        best, watched = min(rounds[::2]), min(rounds[1::2])
        bar = (0.05 * len(texts) + 0.1 * kilobytes) / len(texts)
        found[name] = {
            "texts": len(texts),
            "kB_a_text": round(kilobytes / len(texts), 3),
            "ms_a_text": round(best / len(texts) * 1000, 4),
            "ms_a_text, without harm": round(watched / len(texts) * 1000, 4),
            "bar_ms": round(bar, 4),
        }
    return found


def closer(data: Path) -> Figures:
    """What share of harmless texts the attacks and the harm guard look at closer, and what such a look costs."""
    paragraphs, questions = encyclopaedia(data)
    with gzip.open(data / "imdb_gpt35.jsonl.gz", "rt", encoding="utf-8") as file:
        reviews = [json.loads(line)["text"] for _, line in zip(range(300), file, strict=False)]
    sets = {"questions, Chinese": questions, "paragraphs, Chinese": paragraphs, "reviews, English": reviews}
    guards = (_attacks(), HarmGuard("harm"))
    return {guard.name: {name: _looks(guard, texts) for name, texts in sets.items()} for guard in guards}


def _looks(guard: AttacksGuard | HarmGuard, texts: Sequence[str]) -> Figures:
    doubtful = [text for text in texts if guard.check(text).unsure]
    times = []
    for text in doubtful[:20]:
        began = time.process_time()
        guard.closely(text)
        times.append((time.process_time() - began) * 1000)
    return {
        "looked at": len(doubtful),
        "of": len(texts),
        "share": round(len(doubtful) / len(texts), 4),
        "interval": interval(len(doubtful), len(texts)),
        "cpu_ms_a_look": round(statistics.median(times), 1) if times else None,
    }


def _watched(text: str) -> bool:
    chain = default_chain()
    return any(
        chain.ask(guard, text, closely=False).action in (Action.BLOCK, Action.HOLD)
        for guard in chain.guards
        if guard.name != "harm"
    )


def _round(texts: Sequence[str], judge: Callable[[str], bool]) -> float:
    from stepladder.safety.classifier import grams
    from stepladder.safety.decode import views
    from stepladder.safety.shape import shape

    for known in (grams, views, shape):
        known.cache_clear()
    began = time.process_time()
    for text in texts:
        judge(text)
    return time.process_time() - began


def overlap(data: Path) -> Figures:
    """How much of a benchmark row the seeds' nearest row holds: the share of its character n-grams, at most."""
    from recipes.guards.corpus import ours

    with (data / "jade" / "jade_benchmark_easy_zh.csv").open(encoding="utf-8-sig") as file:
        prompts = [row["问题"] for row in csv.DictReader(file)]
    rows = json.loads((data / "injection" / "valid.json").read_text(encoding="utf-8"))
    short = [row["prompt"] for row in rows if len(row["prompt"]) < 400]
    sets = {"harmful prompts": (prompts, "harm", 7), "injection prompts": (short, "attacks", 18)}
    found: Figures = {}
    for name, (texts, kind, length) in sets.items():
        holders: dict[str, set[int]] = {}
        for i, row in enumerate(ours(kind)):
            for gram in _grams(row.text, length):
                holders.setdefault(gram, set()).add(i)
        shares = [_nearest(_grams(text, length), holders) for text in texts]
        found[name] = {
            "rows": len(shares),
            "most": round(max(shares), 3),
            "over_half": sum(share > 0.5 for share in shares),
        }
    return found


def _grams(text: str, length: int) -> set[str]:
    packed = "".join(text.lower().split())
    return {packed[i : i + length] for i in range(len(packed) - length + 1)}


def _nearest(wanted: set[str], holders: dict[str, set[int]]) -> float:
    counts: Counter[int] = Counter()
    for gram in wanted:
        counts.update(holders.get(gram, ()))
    return max(counts.values(), default=0) / max(len(wanted), 1)


PARTS = {
    "attacks": attacks, "harm": harm, "blind": blind, "words": words, "offence": offence, "grandmother": grandmother,
    "refusal": refusal, "cost": cost, "overlap": overlap, "closer": closer,
}  # fmt: skip


def main() -> None:
    """Run the parts asked for and write their figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--part", choices=PARTS, action="append")
    arguments = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for part in arguments.part or PARTS:
        figures = PARTS[part](arguments.data)
        text = json.dumps(
            {"command": f"python benchmarks/safety.py --part {part}", **figures}, indent=1, ensure_ascii=False
        )
        (RESULTS / f"safety-{part}.json").write_text(text + "\n", encoding="utf-8")
        print(part, json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
