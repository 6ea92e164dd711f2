"""Each rule on texts in Chinese and English: what it must mend or take out, and what it must leave alone."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.data import (
    Act,
    Boilerplate,
    Copies,
    Encoding,
    Guarded,
    Language,
    Languages,
    Length,
    Markup,
    Perplexity,
    Personal,
    Repetition,
    language_of,
    repair,
)
from stepladder.safety import SecretsGuard

PROSE = [
    "café — naïve “quote”, 5 €",
    "Zoë Ünal's façade, São Paulo",
    "你好世界，今天天气不错。",
    "繁體中文也要懂",
]


def one(rule, text):
    (outcome,) = rule.look([text])
    return outcome


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((text, "latin-1") for text in PROSE),
        ("café, 5 €, São Paulo", "cp1252"),
        ("你好世界", "gbk"),
        ("请问我的订单在哪", "gbk"),
    ],
)
def test_text_read_in_the_wrong_code_is_turned_back(text, code):
    assert repair(text.encode().decode(code)) == text


def test_what_was_lost_on_the_way_stays_lost():
    assert repair("今天天气不错。".encode().decode("gbk", "replace")) == "今天天气不错\ufffd"


@pytest.mark.parametrize(
    "text",
    [
        *PROSE,
        "Ã la carte",
        "ÄÖÜ äöü ß",
        "â la française",
        "我们家的联通公司",
        "👩‍👩‍👧 family",
        "a\tb\nc",
    ],
)
def test_good_text_stays(text):
    assert repair(text) == text


@given(st.text(max_size=40))
def test_mending_settles_and_never_fails(text):
    once = repair(text)
    once.encode("utf-8")
    assert repair(repair(once)) == repair(once)


def test_unseen_characters_go_and_lost_text_goes_with_its_row():
    assert repair("pass\u200bword\ufeff \u202eabc\x00") == "password abc"
    assert one(Encoding(), "\ufffd\ufffd\ufffdab").text is None
    assert one(Encoding(), "one \ufffd lost in a long enough text").text is not None


def test_html_becomes_text_and_comparisons_stay():
    page = "<html><head><style>p{}</style></head><body><nav>Menu</nav><p>Hello &amp; <b>welcome</b></p></body></html>"
    assert one(Markup(), page).text == "Hello & welcome"
    assert one(Markup(), "Tom &amp; Jerry\nnext line").text == "Tom & Jerry\nnext line"
    for text in ("if a < b and b > c then", "List<String> x = new List<>();", "AT&T; R&D"):
        assert one(Markup(), text).text == text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("how do i reset my card", "en"),
        ("refund please", "en"),
        ("我的 iPhone 坏了", "zh"),
        ("請問退款什麼時候到帳", "zh"),
        ("こんにちは世界、元気ですか", "other"),
        ("wo ist mein Paket und wann kommt es", "other"),
        ("hola buenos dias como esta usted", "other"),
        ("Когда придёт мой заказ", "other"),
        ("12345 !!", "unknown"),
    ],
)
def test_languages(text, language):
    assert language_of(text) == language


def test_language_keeps_what_is_asked_for_and_what_is_none():
    rule = Languages([Language.ZH])
    assert [
        outcome.text is not None for outcome in rule.look(["退款在哪里", "where is my refund", "42"])
    ] == [
        True,
        False,
        True,
    ]


def test_length_counts_without_white_space():
    rule = Length(2, 4)
    assert [outcome.text for outcome in rule.look([" a ", "ab", "abcd", "abcde", "好吃"])] == [
        None,
        "ab",
        "abcd",
        None,
        "好吃",
    ]


@pytest.mark.parametrize("text", ["ha" * 40, "哈" * 50, "buy now! " * 30, "很好很好" * 20])
def test_repetition_goes(text):
    assert one(Repetition(), text).text is None


def test_ordinary_long_text_is_no_repetition():
    draw = random.Random(5)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 8))) for _ in range(400)]
    assert one(Repetition(), " ".join(draw.choices(words, k=600))).text is not None


def test_strange_rows_go_by_their_own_scripts_measure():
    draw = random.Random(3)
    english = [
        f"please help me to {a} my {b}"
        for a in ("reset", "find", "close")
        for b in ("card", "account", "order")
    ]
    chinese = [
        f"请问我的{b}{a}" for a in ("在哪里", "怎么办", "什么时候到") for b in ("订单", "银行卡", "退款")
    ]
    sample = [draw.choice(english) + draw.choice(["", " now", " today"]) for _ in range(800)]
    sample += [draw.choice(chinese) + draw.choice(["", "呢", "啊"]) for _ in range(800)]
    draw.shuffle(sample)
    rule = Perplexity.of(sample)
    kept = rule.look([*english, *chinese])
    assert all(outcome.text is not None for outcome in kept)
    assert one(rule, "xq zvbk wpfj qqlz kkvw zzxp").text is None
    assert one(rule, "龘靐齉爩麤灪籱鱻驫羴").text is None


def test_a_script_with_few_rows_is_not_judged():
    rule = Perplexity.of(["请问我的订单在哪里"] * 300)
    assert one(rule, "an English row in a Chinese file").text is not None


def test_shared_lines_go_and_a_text_never_becomes_empty():
    sample = [f"question {n}\nThis message is confidential and private." for n in range(100)]
    rule = Boilerplate.of(sample)
    assert one(rule, "my card\nthis message is CONFIDENTIAL and private.").text == "my card"
    assert one(rule, "This message is confidential and private.\n").text is not None
    assert Boilerplate.of(sample[:5]).lines == frozenset()


@pytest.mark.parametrize("act", list(Act))
def test_personal_data_is_counted_and_dealt_with_as_asked(act):
    text = "call 13812345678 or mail ann@example.com"
    outcome = one(Personal(act), text)
    assert outcome.found == {"phone": 1, "email": 1}
    if act is Act.COUNT:
        assert outcome.text == text
    elif act is Act.REMOVE:
        assert outcome.text is None
    else:
        assert outcome.text is not None
        assert "13812345678" not in outcome.text
        assert "ann@" not in outcome.text


def test_secrets_come_from_a_guard_and_are_masked():
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    outcome = one(Guarded("secrets", SecretsGuard("secrets"), Act.MASK), f"my key {key} leaks")
    assert outcome.found == {"aws_key": 1}
    assert outcome.text == "my key [AWS_KEY] leaks"
    assert key not in outcome.reason


def test_the_first_of_equal_texts_stays():
    outcomes = Copies().look(["Where is it?", "退款", "where is  it?", "退款！"])
    assert [outcome.text is not None for outcome in outcomes] == [True, True, False, True]
