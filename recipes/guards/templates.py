"""Our seeds, spread out: slots and choices become sentences, acts become questions. The same seed gives the same rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

SEEDS = Path(__file__).parent / "seeds"
_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Row:
    """A text with its label. Rows of one `group` come from one seed: a split keeps them together."""

    text: str
    label: str
    language: str
    group: str


def sections(name: str) -> dict[str, list[str]]:
    """Read a seed file: section -> lines; slots are under "$"."""
    found: dict[str, list[str]] = {"$": []}
    section = ""
    for line in (SEEDS / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("$"):
            found["$"].append(line[1:])
        elif re.fullmatch(r"\[[\w!]+\]", line):
            section = line[1:-1]
            found[section] = []
        elif line and not line.startswith("# "):
            found[section].append(line)
    return found


def expand(template: str, slots: dict[str, list[str]], rng: Random) -> str:
    """Fill slots and choices at random, to the bottom."""
    text = template
    for _ in range(6):
        text = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), text)
        text = _SLOT.sub(lambda match: rng.choice(slots[match[1]]) if match[1] in slots else match[0], text)
    return re.sub(" +", " ", text.replace("\\n", "\n")).strip()


def attacks(language: str, rng: Random, *, each: int) -> list[Row]:
    """Return up to `each` different expansions of every attack template, and of harmless ones in the same words."""
    rows = []
    for name, start in (("attacks", language), ("attacks_more", f"{language}:near")):
        parts = sections(f"{name}_{language}.txt")
        slots = _slots(parts)
        for section, templates in parts.items():
            label = "jailbreak" if section == "multi" else section
            for number, template in enumerate(templates if section != "$" else []):
                times = each * 2 if section == "coaxing" else each  # it has harmless twins
                texts = {_scruffy(expand(template, slots, rng), rng, language) for _ in range(times)}
                rows += [Row(text, label, language, f"{start}:{section}:{number}") for text in sorted(texts)]
    return rows


def stories(language: str, rng: Random, *, each: int) -> list[Row]:
    """Return the coaxing templates with harmless things in the place of keys and poisons."""
    parts = sections(f"attacks_{language}.txt")
    slots = {**_slots(parts), **_slots(sections(f"stories_{language}.txt"))}
    rows = []
    for number, template in enumerate(parts["coaxing"]):
        texts = {_scruffy(expand(template, slots, rng), rng, language) for _ in range(each)}
        rows += [Row(text, "safe", language, f"{language}:coaxing:{number}") for text in sorted(texts)]
    return rows


def ordinary(language: str, *, seen: bool) -> list[Row]:
    """Return the harmless lines of `harmless_LANGUAGE.txt`: those to train with, or those to evaluate with."""
    parts = sections(f"harmless_{language}.txt")
    return [
        Row(line, "safe", language, f"{language}:ordinary:{section}:{number}")
        for section, lines in parts.items()
        for number, line in enumerate(lines if section != "$" else [])
        if (number % 2 == 0) == seen
    ]


def said(row: Row, rng: Random, *, each: int) -> list[Row]:
    """Return the row and up to `each` ways in which people might type it."""
    ways = [row.text, *(_scruffy(_said(row.text, rng, row.language), rng, row.language) for _ in range(each))]
    return [Row(text, row.label, row.language, row.group) for text in dict.fromkeys(ways)]


def grammar(
    language: str, rng: Random, *, each: int, words: Mapping[str, list[str]] | None = None
) -> list[Row]:
    """Return up to `each` sentences of every template of the grammar; harmless ones are labelled "safe".

    Templates with slots that only `words` fills are left out where it is not given; where it is, all others are.
    """
    rows = []
    for name, share in _GRAMMARS.items():
        rows += _sentences(f"{name}_{language}.txt", language, rng, each=each * share, words=words or {})
    return rows


def questions(words: Mapping[str, list[str]], rng: Random, *, each: int) -> list[Row]:
    """Return harmless questions about what a dictionary names."""
    found = _sentences("questions_zh.txt", "zh", rng, each=each, words=words)
    return [Row(row.text, row.label, row.language, f"wondered:{row.group}") for row in found]


_GRAMMARS = {"grammar": 1, "families": 1, "daily": 1, "scenes": 5, "breadth": 2, "broad": 1}
"""Files of templates, and how many times as many sentences are made of each template: scenes are long and vary most."""


def _sentences(
    name: str, language: str, rng: Random, *, each: int, words: Mapping[str, list[str]]
) -> list[Row]:
    parts = sections(name)
    slots = {**_slots(parts), **words}
    kind = name.split("_", maxsplit=1)[0]
    rows = []
    for section, templates in parts.items():
        for number, template in enumerate(templates if section != "$" else []):
            wanted = _SLOT.findall(template)
            if any(slot not in slots for slot in wanted) or not (words.keys() & set(wanted) or not words):
                continue
            texts = {_scruffy(expand(template, slots, rng), rng, language) for _ in range(each)}
            rows += [
                Row(text, section, language, f"{language}:{kind}:{section}:{number}")
                for text in sorted(texts)
            ]
    return rows


def _slots(parts: dict[str, list[str]]) -> dict[str, list[str]]:
    pairs = (line.split("=", 1) for line in parts["$"])
    return {name.strip(): [value.strip() for value in values.split("|")] for name, values in pairs}


def harms(language: str, rng: Random, *, each: int) -> list[Row]:
    """Return harmful requests: every act in `each` frames, every whole sentence, and a few ways to say it."""
    rows = []
    found = sections("frames.txt")
    frames = found[f"frames_{language}"] + found[f"sly_{language}"]
    for section, lines in sections(f"harm_{language}.txt").items():
        for number, line in enumerate(lines):
            group = f"{language}:{section}:{number}"
            if line.startswith("! "):
                texts = [line[2:], *(_said(line[2:], rng, language) for _ in range(2))]
            else:
                texts = [frame.format(act=line) for frame in rng.sample(frames, each)]
            rows += [
                Row(_scruffy(text, rng, language), section, language, group) for text in dict.fromkeys(texts)
            ]
    return rows


def risks(language: str, rng: Random, *, each: int) -> list[Row]:
    """Return the acts of `risks_LANGUAGE.txt`, harmful and harmless, each in `each` frames, and its insults.

    A section's line names the slot of its acts, is a template, or, after "!", a whole sentence. Frames are the same for all,
    so that only the act tells.
    """
    rows = []
    parts = sections(f"risks_{language}.txt")
    slots = _slots(parts)
    for section, lines in parts.items():
        for line in lines if section != "$" else []:
            for number, act in enumerate(slots.get(line, [line])):
                if line.startswith("! "):
                    texts = [line[2:], *(_said(line[2:], rng, language) for _ in range(4))]
                elif "{" in line:
                    texts = [expand(line, slots, rng) for _ in range(20 * each)]
                else:
                    texts = [expand(frame, {"x": [act]}, rng) for frame in rng.sample(slots["frame"], each)]
                group = f"{language}:risks:{section}:{line}:{number}"
                rows += [
                    Row(_scruffy(text, rng, language), section, language, group)
                    for text in dict.fromkeys(texts)
                ]
    return rows


def harmless(language: str, rng: Random, *, each: int) -> list[Row]:
    """Return harmless requests and sentences: acts in frames, and harmful acts seen from the other side."""
    rows = []
    parts = sections(f"benign_{language}.txt")
    frames, other_side = (sections("frames.txt")[f"{kind}_{language}"] for kind in ("frames", "safe"))
    for number, act in enumerate(parts["act"]):
        rows += [
            Row(_scruffy(frame.format(act=act), rng, language), "safe", language, f"{language}:act:{number}")
            for frame in rng.sample(frames, each)
        ]
    for kind in ("!", "hard"):
        for number, line in enumerate(parts[kind]):
            texts = [line, *(_said(line, rng, language) for _ in range(3))]
            rows += [
                Row(_scruffy(text, rng, language), "safe", language, f"{language}:{kind}:{number}")
                for text in dict.fromkeys(texts)
            ]
    for section, lines in sections(f"harm_{language}.txt").items():
        for number, line in enumerate(lines if section != "$" else []):
            if not line.startswith("! "):
                for frame in rng.sample(other_side, max(2, each // 4)):
                    rows.append(
                        Row(frame.format(act=line), "safe", language, f"{language}:{section}:{number}")
                    )
    return rows


def asked(acts: Sequence[str], language: str, rng: Random, *, each: int) -> list[Row]:
    """Return harmless questions about acts that others wrote of, without those that our harmful seeds know."""
    frames = sections("frames.txt")[f"frames_{language}"]
    known = "\n".join(line for lines in sections(f"harm_{language}.txt").values() for line in lines)
    known += "\n".join(sections(f"grammar_{language}.txt")["$"][: 40 if language == "zh" else 14])
    words = [act for act in acts if not any(piece in known for piece in _pieces(act, language))]
    return [
        Row(
            _scruffy(rng.choice(frames).format(act=act), rng, language),
            "safe",
            language,
            f"asked:{language}:{i}",
        )
        for i, act in enumerate(rng.sample(words, min(each, len(words))))
    ]


def _pieces(act: str, language: str) -> list[str]:
    return (
        [act[:2], act[-2:]]
        if language == "zh"
        else [act.split(maxsplit=1)[0] + " ", " " + act.rsplit(maxsplit=1)[-1]]
    )


_BEFORE = {
    "zh": ["你好，", "请问，", "帮个忙：", "我有个问题：", "认真回答：", "在吗？", "老师您好，", "快点，"],
    "en": [
        "Hi! ",
        "Hello, ",
        "Quick question: ",
        "Hey, ",
        "I have a question. ",
        "Please help: ",
        "ok so ",
        "Be honest: ",
    ],
}
_AFTER = {
    "zh": [
        "谢谢！",
        "请详细说明。",
        "急！",
        "用中文回答。",
        "说得具体一点。",
        "越详细越好。",
        "拜托了。",
        "简单说说就行。",
    ],
    "en": [
        " Thanks!",
        " Please be detailed.",
        " Asap.",
        " Answer in English.",
        " Be specific.",
        " I'm serious.",
        " In short.",
        " pls",
    ],
}


def _said(text: str, rng: Random, language: str) -> str:
    before = rng.choice(_BEFORE[language]) if rng.random() < 0.6 else ""
    return before + text + (rng.choice(_AFTER[language]) if rng.random() < 0.6 else "")


def _scruffy(text: str, rng: Random, language: str) -> str:
    """Now and then as people type: no capitals, no full stop, a letter swapped."""
    if language == "zh":
        return text.rstrip("。？！") if rng.random() < 0.25 else text
    if rng.random() < 0.25:
        text = text.lower()
    if rng.random() < 0.15:
        text = text.rstrip(".?!")
    if rng.random() < 0.08 and len(text) > 20:
        at = rng.randrange(5, len(text) - 5)
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text
