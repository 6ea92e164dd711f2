"""Made-up traffic of five applications, and what else passes through a gateway."""

import json
import random
import re
from collections.abc import Callable

from stepladder.data import Exchange

EN = re.findall(
    r"\w+",
    """battery screen delivery late early broken lovely awful cheap service price phone camera food hotel room clean dirty
    refund staff rude slow fast quite never always street garden window coffee ticket train""",
)
ZH = re.findall(
    r"\w+",
    "这个 手机 电池 不错 很差 物流 快 客服 态度 好 屏幕 坏了 退款 价格 便宜 喜欢 讨厌 衣服 颜色 尺码 合适 包装",
)
PREAMBLE = "You are part of the ACME customer platform. Follow ACME's policies and keep data confidential. "
Make = Callable[[random.Random], Exchange]


def english(draw: random.Random, most: int = 14) -> str:
    return " ".join(draw.choices(EN, k=draw.randint(4, most)))


def chinese(draw: random.Random) -> str:
    return "".join(draw.choices(ZH, k=draw.randint(4, 10)))


def sentiment(draw: random.Random) -> Exchange:
    answer = draw.choice(["positive", "negative", "neutral", "Positive", "negative."])
    told = (
        f"{PREAMBLE}Classify the review's sentiment as positive, negative or neutral. Answer with one word."
    )
    return Exchange(english(draw), answer, told)


def extraction(draw: random.Random) -> Exchange:
    said = json.dumps({"product": draw.choice(EN), "price": draw.randint(1, 99)})
    answer = said if draw.random() < 0.7 else f"```json\n{said}\n```"
    return Exchange(english(draw), answer, f"{PREAMBLE}Extract product and price from the text as JSON.")


def category(draw: random.Random) -> Exchange:
    text = f"请判断下面这条评论属于哪个类别（物流、质量、价格、客服），只回答类别名称。\n\n评论：{chinese(draw)}\n类别："
    return Exchange(text, draw.choice(["物流", "质量", "价格", "客服"]))


def translation(draw: random.Random) -> Exchange:
    language = draw.choice(["French", "German", "Spanish"])
    return Exchange(
        f"Translate the following sentence into {language}:\n\n{english(draw)}", english(draw, 20)
    )


def verdict(draw: random.Random) -> Exchange:
    return Exchange(
        f"{english(draw, 60)}\n\nIs this message urgent? Answer yes or no.", draw.choice(["Yes", "No"])
    )


FIVE: tuple[Make, ...] = (sentiment, extraction, category, translation, verdict)


def chat(draw: random.Random) -> Exchange:
    opening = draw.choice(["how do I ", "can you help me with ", "what is ", "tell me about ", "请问怎么"])
    return Exchange(
        opening + english(draw),
        english(draw, 40),
        "You are a helpful assistant.",
        turns=draw.choice([0, 0, 2]),
    )


def one_off(draw: random.Random) -> Exchange:
    return Exchange(english(draw, 60), english(draw, 40))


def ping(_: random.Random) -> Exchange:
    return Exchange("ping: are you alive? Reply with the word pong please.", "pong")


def traffic(counts: dict[Make, int], seed: int = 1) -> list[Exchange]:
    draw = random.Random(seed)
    rows = [make(draw) for make, count in counts.items() for _ in range(count)]
    draw.shuffle(rows)
    return rows
