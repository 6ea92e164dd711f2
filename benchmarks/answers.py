"""Answers from documents: when the reader may speak, what the check of sentences lets through, what a summary keeps.

    python -m benchmarks.answers --data ../shared/data --json benchmarks/results/answers.json

Nothing here asks a language model: what is measured is the reader, the check, and summaries of a text's own sentences.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import opencc

from benchmarks.knowledge import Collection, cmrc2018, cranfield, unpacked
from stepladder.core import Hit, Passage, Scope
from stepladder.knowledge import Document, Evidence, Knowledge, Query, SearchMode, best_quote, claims, extract
from stepladder.text import normalise, sentences

_QUESTIONS = 1600
_TEXTS = 250
_SURE = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9)
_LENGTHS = (1, 2, 3)
_CLAIMS = Path(__file__).with_name("claims.json")
_DIGIT = re.compile(r"\d+")


def asked(data: Path) -> dict[str, list[tuple[str, list[str]]]]:
    """CMRC's questions by paragraph: (question, writings of its answer)."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for article in json.loads(unpacked(data / "cmrc2018" / "cmrc2018_dev.json.gz"))["data"]:
        inside = article["paragraphs"]
        for paragraph in inside if isinstance(inside, list) else [inside]:
            found[paragraph["id"]] = [
                (one["question"], [answer["text"] for answer in one["answers"]]) for one in paragraph["qas"]
            ]
    return found


Questions = Sequence[tuple[str, list[str]]]


def found_by_words(
    collection: Collection, questions: Questions
) -> Iterator[tuple[tuple[str, list[str]], str, Sequence[Hit], Callable[[Iterable[str]], dict[str, float]]]]:
    """Each question (and its answers), its five best passages, and how rare words are."""
    with tempfile.TemporaryDirectory() as folder:
        knowledge = Knowledge.open(Path(folder) / "knowledge.db")
        knowledge.add("c", (Document(id, text, title) for id, (title, text) in collection.documents.items()))
        for one in questions:
            hits = knowledge.search(Query(one[0], "c", Scope(), 5, SearchMode.LEXICAL))
            yield one, one[0], hits, lambda terms: knowledge.rarity("c", Scope(), terms)
        knowledge.close()


def reading(collection: Collection, data: Path) -> Iterator[dict[str, Any]]:
    """The reader over found passages: how much it answers and how much of that is right, by how sure it must be.

    The last questions, since the reader's weights were fitted on others.
    """
    questions = [one for known in asked(data).values() for one in known][-_QUESTIONS:]
    said = []
    for (_, answers), question, hits, rarity in found_by_words(collection, questions):
        quote = best_quote(question, hits, rarity)
        text = normalise(quote.text) if quote is not None else ""
        right = any(normalise(answer) in text for answer in answers)
        said.append((quote.confidence if quote is not None else 0.0, right))
    for sure in _SURE:
        spoken = [right for confidence, right in said if confidence >= sure]
        yield {"sure": sure, "answered": len(spoken) / len(said), "right": sum(spoken) / max(1, len(spoken))}


def checking(name: str, texts: Sequence[str], chinese: bool) -> Iterator[dict[str, Any]]:
    """Of sentences that a passage says, or says otherwise, how many are taken for supported by it."""
    chance = random.Random(1)
    taken: dict[str, list[bool]] = {}
    for number, text in enumerate(texts):
        evidence = Evidence([Passage(0, "c", "d", text)])
        said = [text[start:end] for start, end in sentences(text)]
        long = [one for one in said if claims(one) and len(one) > 20]
        if not long:
            continue
        claim = chance.choice(long)
        other = texts[(number + 1 + chance.randrange(len(texts) - 1)) % len(texts)]
        for kind, changed in _changed(claim, other, chinese, chance):
            taken.setdefault(kind, []).append(evidence.support(changed) is not None)
    for kind, found in taken.items():
        yield {"texts": name, "claims": kind, "count": len(found), "supported": sum(found) / len(found)}


def by_hand() -> Iterator[dict[str, Any]]:
    """Claims that were written by hand (claims.json): other words for what a text says, and one thing exchanged.

    `seen`: the check was bettered while looking at them; the others were written afterwards.
    """
    taken: dict[tuple[str, bool, str], list[bool]] = {}
    for row in json.loads(_CLAIMS.read_text(encoding="utf-8")):
        evidence = Evidence([Passage(0, "c", "d", row["text"])])
        language = "English" if row["text"].isascii() else "Chinese"
        for kind in ("true", "false"):
            supported = [evidence.support(claim) is not None for claim in row[kind]]
            taken.setdefault((language, row["seen"], kind), []).extend(supported)
    for (language, seen, kind), found in taken.items():
        yield {
            "texts": f"by hand, {language}{', looked at' if seen else ', not looked at'}",
            "claims": "in other words" if kind == "true" else "one thing exchanged",
            "count": len(found),
            "supported": sum(found) / len(found),
        }


def _changed(claim: str, other: str, chinese: bool, chance: random.Random) -> Iterator[tuple[str, str]]:
    yield "as it stands", claim
    clauses = [part for part in re.split(r"(?<=[，,；;])", claim) if part.strip()]
    if len(clauses) > 1:
        kept = clauses[:-1] if chance.random() < 0.5 else clauses[1:]
        yield "a clause left out", "".join(kept)
        yield "clauses turned round", "".join(reversed(clauses))
    if chinese:
        yield "in the other writing", opencc.OpenCC("s2t").convert(claim)
    numbers = _DIGIT.findall(claim)
    if numbers:
        one = chance.choice(numbers)
        yield "another number", claim.replace(one, str(int(one) + chance.randrange(1, 9)), 1)
    denied = _denied(claim, chinese)
    if denied:
        yield "denied", denied
    foreign = [other[start:end] for start, end in sentences(other) if end - start > 20]
    if foreign:
        yield "another text's", chance.choice(foreign)
    words = re.findall(r"[\u4e00-\u9fff]{4}|[a-z]{5,}", other)
    mine = re.findall(r"[\u4e00-\u9fff]{4}|[a-z]{5,}", claim)
    if len(words) > 3 and len(mine) > 3:
        swapped = claim
        for old, new in zip(chance.sample(mine, 3), chance.sample(words, 3), strict=True):
            swapped = swapped.replace(old, new, 1)
        yield "three words swapped", swapped


def _denied(claim: str, chinese: bool) -> str:
    """The claim with its first "is" denied; "" where it has none, or is a denial already."""
    if re.search(r"不|没|未|无|非|\bno[tn]?\b|\bnever\b|\bwithout\b", claim):
        return ""
    if chinese:
        return re.sub("是|为", "不是", claim, count=1) if re.search("是|为", claim) else ""
    return re.sub(r"\b(is|are|was|were|has|can|may)\b", r"\1 not", claim, count=1) if re.search(
        r"\b(is|are|was|were|has|can|may)\b", claim
    ) else ""  # fmt: skip


def keeping(name: str, texts: dict[str, str], wanted: dict[str, list[list[str]]]) -> Iterator[dict[str, Any]]:
    """The share of answers (or of a title's words) that a summary of so many sentences still has."""
    chance = random.Random(1)
    for count in _LENGTHS:
        kept: dict[str, list[float]] = {"extract": [], "lead": [], "random": []}
        for number, (id, text) in enumerate(texts.items()):
            if number % 4 == 0:  # the weight of early sentences was chosen on these
                continue
            spans = sentences(text)
            if len(spans) <= count + 1:
                continue
            ways = {
                "extract": extract(text, count),
                "lead": spans[:count],
                "random": chance.sample(spans, count),
            }
            for way, chosen in ways.items():
                said = normalise(" ".join(text[start:end] for start, end in chosen))
                kept[way] += [float(any(normalise(one) in said for one in answers)) for answers in wanted[id]]
        for way, values in kept.items():
            yield {
                "texts": name,
                "sentences": count,
                "way": way,
                "count": len(values),
                "kept": sum(values) / len(values),
            }


def measured(data: Path) -> dict[str, Any]:
    """All of it."""
    chinese, english = cmrc2018(data), cranfield(data)
    questions = asked(data)
    paragraphs = {id: text for id, (_, text) in chinese.documents.items()}
    abstracts = {
        id: text.removeprefix(title).lstrip(" .\n") for id, (title, text) in english.documents.items() if text
    }
    titles = {
        id: [[word] for word in re.findall(r"[a-z]{5,}", english.documents[id][0].lower())]
        for id in abstracts
    }
    answers = {id: [texts for _, texts in known] for id, known in questions.items()}
    return {
        "reading": list(reading(chinese, data)),
        "checking": [
            *checking("CMRC 2018 dev", list(paragraphs.values())[:_TEXTS], True),
            *checking("Cranfield", list(abstracts.values())[:_TEXTS], False),
            *by_hand(),
        ],
        "keeping": [
            *keeping("CMRC 2018 dev: answers", paragraphs, answers),
            *keeping("Cranfield: words of the title", abstracts, titles),
        ],
    }


def page(found: dict[str, Any]) -> str:
    """The tables."""
    about = found["about"]
    lines = [
        "# Answers from documents",
        "",
        f"`{about['command']}`, {about['machine']}, commit {about['commit']}, {about['date']}, {about['seconds']:.0f} s.",
        "",
        "## When the reader may speak (CMRC 2018 dev, 1,600 questions, five passages found by words)",
        "",
        "`sure` is how likely the sentence must be to hold the answer, as the reader estimates it (fitted on other questions,",
        "benchmarks/reader.py). Right: the sentence holds the answer.",
        "",
        "| sure | answered | right of these |",
        "|--:|--:|--:|",
        *(f"| {row['sure']} | {row['answered']:.3f} | {row['right']:.3f} |" for row in found["reading"]),
        "",
        "## What the check of sentences takes for supported (words only, no embedder)",
        "",
        "A sentence of a text, changed in one way, against the text. What is changed, denied, swapped or",
        "exchanged should be 0, the others 1. The check was bettered while looking at some of the claims written by hand.",
        "",
        "| texts | claims | count | supported |",
        "|---|---|--:|--:|",
        *(
            f"| {row['texts']} | {row['claims']} | {row['count']} | {row['supported']:.3f} |"
            for row in found["checking"]
        ),
        "",
        "## What a summary of a text's own sentences keeps",
        "",
        "The share of the answers to the questions on a paragraph, and of the words of an abstract's title (five letters or",
        "more), that the summary still has. `lead` are the first sentences. Every fourth text is left out: the weight of early",
        "sentences was chosen on some of them.",
        "",
        "| texts | sentences | extract | lead | random |",
        "|---|--:|--:|--:|--:|",
    ]
    table: dict[tuple[str, int], dict[str, float]] = {}
    for row in found["keeping"]:
        table.setdefault((row["texts"], row["sentences"]), {})[row["way"]] = row["kept"]
    lines += [
        f"| {texts} | {count} | {ways['extract']:.3f} | {ways['lead']:.3f} | {ways['random']:.3f} |"
        for (texts, count), ways in table.items()
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the results."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    began = time.perf_counter()
    found = measured(given.data)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    found["about"] = {
        "command": "python -m benchmarks.answers --data ../shared/data --json benchmarks/results/answers.json",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": commit.stdout.strip(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": time.perf_counter() - began,
    }
    text = page(found)
    if given.json:
        given.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        given.json.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
