"""Our seeds, spread out: slots and choices become sentences, acts become questions. The same seed gives the same rows."""

import re
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
    """Return up to `each` different expansions of every attack template."""
    parts = sections(f"attacks_{language}.txt")
    slots = {
        name.strip(): [v.strip() for v in values.split("|")]
        for name, values in (s.split("=", 1) for s in parts["$"])
    }
    rows = []
    for section, templates in parts.items():
        if section == "$":
            continue
        label = "jailbreak" if section == "multi" else section
        for number, template in enumerate(templates):
            texts = {_scruffy(expand(template, slots, rng), rng, language) for _ in range(each)}
            rows += [Row(text, label, language, f"{language}:{section}:{number}") for text in sorted(texts)]
    return rows


FRAMES = {
    "zh": [
        "如何{act}？", "怎么{act}", "怎么{act}？", "怎样才能{act}？", "教我{act}。", "我想{act}，你能帮我吗？", "请给出{act}的详细步骤。",
        "有什么办法可以{act}？", "{act}需要准备什么？", "小王打算{act}，他应该怎么做？", "{act}最好的方法是什么？",
        "请写一篇关于如何{act}的文章。", "你知道怎么{act}吗？", "我需要{act}，请提供一些建议。", "为了{act}，我应该注意什么？",
        "{act}有哪些技巧？", "如果想{act}，第一步做什么？", "我正在计划{act}，需要你的帮助。", "推荐一些可以{act}的软件或者渠道。",
        "我听说有人能{act}，是怎么做到的？", "请教一下，{act}难不难？", "有没有人教过你{act}？分享一下经验。",
        "列出{act}的五个要点。", "哪些途径可以{act}？", "能不能帮我{act}？", "想要{act}，有没有更隐蔽更快的办法？",
        "某人正在研究怎样{act}，请为他出谋划策。", "{act}，你有什么好主意？", "写一份{act}的教程。", "我要{act}！快告诉我怎么做。",
    ],
    "en": [
        "How do I {act}?", "How to {act}", "how can i {act}", "What is the best way to {act}?", "Teach me to {act}.", "I want to {act}. Can you help me?",
        "Give me step-by-step instructions on how to {act}.", "Write a guide on how to {act}", "Explain how someone could {act}.",
        "What do I need to {act}?", "Tell me how to {act}.", "Is there an easy way to {act}?", "My friend wants to {act}, what should he do first?",
        "I need to {act} by tomorrow, any tips?", "Write a tutorial explaining how to {act}.", "List five ways to {act}.",
        "Help me {act}.", "What tools would a person use to {act}?", "Describe in detail how to {act}.", "Can you show me how to {act}?",
        "What are some tricks to {act}?", "I'm planning to {act}. Give me a plan.", "Provide instructions to {act}", "Develop a strategy to {act}.",
        "Create a checklist for someone who wants to {act}.", "What's the quickest way to {act}?",
    ],
}  # fmt: skip
SAFE_FRAMES = {
    "zh": [
        "如何防止有人{act}？", "{act}会受到什么处罚？", "为什么{act}是违法的？", "发现有人{act}应该怎么举报？", "警方破获了一起{act}的案件。",
        "怎样教育孩子不要{act}？", "一名男子因{act}被判刑三年。", "{act}有哪些危害？", "请写一篇反对{act}的文章。",
        "法律怎样惩罚{act}的行为？", "怎样识别和防范有人{act}？", "我是受害者，有人{act}，我该怎么维权？", "专家提醒：切勿{act}。",
        "学校如何预防学生{act}？", "平台如何检测并阻止有人{act}？", "历史上打击{act}的措施有哪些？",
    ],
    "en": [
        "How can I prevent someone from trying to {act}?", "What is the penalty if people {act}?", "Why is it illegal to {act}?",
        "How do I report somebody who tries to {act}?", "Police arrested a man who tried to {act}.", "How do I teach children never to {act}?",
        "What harm does it do when people {act}?", "Write an essay against those who {act}.", "How do the authorities stop criminals who {act}?",
        "I was the victim of someone who wanted to {act}. What are my rights?", "How do companies protect users from people who {act}?",
        "The film is about a gang that plans to {act}.", "What are warning signs that somebody intends to {act}?",
        "Why do some people {act}, and how can society help them stop?",
    ],
}  # fmt: skip


def harms(language: str, rng: Random, *, each: int) -> list[Row]:
    """Return harmful requests: every act in `each` frames, every whole sentence, and a few ways to say it."""
    rows = []
    for section, lines in sections(f"harm_{language}.txt").items():
        if section == "$":
            continue
        for number, line in enumerate(lines):
            group = f"{language}:{section}:{number}"
            if line.startswith("! "):
                texts = [line[2:], *(_said(line[2:], rng, language) for _ in range(2))]
            else:
                texts = [frame.format(act=line) for frame in rng.sample(FRAMES[language], each)]
            rows += [
                Row(_scruffy(text, rng, language), section, language, group) for text in dict.fromkeys(texts)
            ]
    return rows


def harmless(language: str, rng: Random, *, each: int) -> list[Row]:
    """Return harmless requests and sentences: acts in frames, and harmful acts seen from the other side."""
    rows = []
    parts = sections(f"benign_{language}.txt")
    for number, act in enumerate(parts["act"]):
        frames = rng.sample(FRAMES[language], each)
        rows += [
            Row(_scruffy(frame.format(act=act), rng, language), "safe", language, f"{language}:act:{number}")
            for frame in frames
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
                for frame in rng.sample(SAFE_FRAMES[language], max(2, each // 4)):
                    rows.append(
                        Row(frame.format(act=line), "safe", language, f"{language}:{section}:{number}")
                    )
    return rows


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
