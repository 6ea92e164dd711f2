"""Cards and identity numbers of strangers leave no answer out of the box; the asker's own may be said back."""

import json

import pytest

from stepladder.core import Action, Piece, Remark, Side, Text, Usage, config
from stepladder.safety import NumbersGuard
from stepladder.safety.clean import Clean
from stepladder.safety.lazily import cleared_on, lazily, lazily_whole
from stepladder.safety.outgoing import Outgoing
from stepladder.safety.pieces import clear_body
from stepladder.safety.policy import Policies
from stepladder.safety.watch import Watch

CARD = "4539 1488 0343 6467"
ID = "11010519491231002X"
SAID = [
    CARD,
    CARD.replace(" ", ""),
    CARD.replace(" ", "-"),
    "４５３９１４８８０３４３６４６７",
    ID,
    ID.lower(),
]


MODEL = '[models.m]\nkind = "chat"\nbase_url = "http://x/v1"\nmodel = "m"'


def watch(asked="Whose card is it?", guards=""):
    wanted = config.parse(f"{MODEL}\n{guards}")
    found = Watch(Policies(wanted).of("m", ""), Clean())
    found._texts = [Text("user", asked, last=True)]
    return found


def chunk(text, index=0, key="content", **more):
    choice = {"index": index, "delta": {key: text}, "finish_reason": None}
    return f"data: {json.dumps({'choices': [choice]}, **more)}\n\n".encode()


def pieces(texts, index=0, key="content", **more):
    told = index == 0 and key == "content"
    for text in texts:
        yield Piece(chunk(text, index, key, **more), text if told else "", unsaid=0 if told else len(text))
    end = {"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]}
    yield Piece(f"data: {json.dumps(end)}\n\n".encode(), last=True, finish_reason="stop")


async def streamed(out, found):
    async def parts():
        for piece in found:
            yield piece

    said, raw = "", []

    def clear(rest, gone):
        return cleared_on(out, rest, lambda judgement, seen: "no", gone)

    async for part in lazily(out, parts(), clear, lambda: None):
        raw.append(part.data)
        for line in part.data.decode().split("\n\n"):
            for choice in json.loads(line[6:])["choices"] if line else []:
                said += "".join(text for text in choice["delta"].values() if text)
    return said, raw


@pytest.mark.parametrize("number", SAID)
def test_numbers_with_check_digits_are_found_in_every_writing(number):
    verdict = NumbersGuard("numbers").check(f"It is {number}, he says.")
    assert verdict.action is Action.REDACT and verdict.spans[0].text == number


@pytest.mark.parametrize(
    "text",
    [
        "Order 4539148803436468 has left.",
        "11010519491231002",
        "Call 13800138000.",
        "110105491231002",
        "3.14159265358979",
    ],
)
def test_what_no_check_digit_proves_is_left_alone(text):
    assert NumbersGuard("numbers").check(text).action is Action.PASS


def test_what_the_asker_gave_may_be_said_back_however_it_was_written():
    guard = NumbersGuard("numbers").knowing(lambda: ("mycardis4539148803436467ok",))
    assert guard.check(f"Your card {CARD} is valid.").action is Action.PASS
    assert guard.check(f"Your card {CARD} and {ID}.").spans[0].text == ID


async def test_it_is_enforced_out_of_the_box_and_only_on_answers():
    found = watch()
    assert [(each.name, each.covers(Side.IN)) for each in found.outs.all if each.enforced] == [
        ("numbers", False)
    ]
    out = Outgoing(found)
    assert out.rare
    assert await out.text(f"The card is {CARD}.") == "The card is [BANK_CARD]."
    assert Remark("numbers", "out", "redact", ("bank_card",), 1.0) in found.remarks


async def test_nobody_is_told_what_another_asker_may_hear():
    clean, text = Clean(), f"The card is {CARD}."
    first, second = watch(f"mine is {CARD}"), watch()
    first._clean = second._clean = clean
    assert await Outgoing(first).text(text) == text
    assert CARD not in await Outgoing(second).text(text)


def test_a_recalled_answer_is_looked_at_again_for_this_alone():
    assert [each.name for each in Outgoing(watch(), recalled=True).windows] == ["numbers"]
    assert not Outgoing(watch(), recalled=True).observers


@pytest.mark.parametrize("number", SAID)
async def test_a_number_split_anywhere_does_not_leak_and_the_rest_does_not_change(number):
    text = f"Well, in 2024 it was {number}, or so."
    for at in range(1, len(text)):
        for step in (1, 40):
            texts = [text[:at], *(text[i : i + step] for i in range(at, len(text), step))]
            said, _ = await streamed(Outgoing(watch()), pieces(texts))
            kind = "ID_NUMBER" if number.lower() == ID.lower() else "BANK_CARD"
            assert said == text.replace(number, f"[{kind}]")


async def test_an_answer_without_numbers_goes_by_byte_for_byte():
    texts = ["In ", "2024", " there were", " 12 apples, 13", " 800 pears", " and 4539 14"]
    given = list(pieces(texts))
    _, raw = await streamed(Outgoing(watch()), given)
    assert raw == [piece.data for piece in given]


@pytest.mark.parametrize(("index", "key"), [(1, "content"), (0, "reasoning_content"), (0, "refusal")])
@pytest.mark.parametrize("ascii_only", [True, False])
async def test_numbers_in_other_choices_and_fields_do_not_leak(index, key, ascii_only):
    for number in SAID:
        texts = ["Der Kunde “Ü” ", *(number[i : i + 3] for i in range(0, len(number), 3)), " ok"]
        said, _ = await streamed(Outgoing(watch()), pieces(texts, index, key, ensure_ascii=ascii_only))
        assert number not in said and "[" in said


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("number", SAID)
async def test_whole_bodies_are_cleared_in_every_choice(number, ascii_only):
    choices = [
        {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for i, text in enumerate(("Hello.", f"It is {number}."))
    ]
    body = json.dumps({"choices": choices, "created": 1795340000}, ensure_ascii=ascii_only).encode()

    async def parts():
        yield Piece(body, "Hello.", last=True)

    out = Outgoing(watch())

    def clear(rest, gone):
        return clear_body(out, rest, lambda judgement, seen: "no")

    (cleared,) = [part async for part in lazily_whole(out, parts(), clear, lambda: None)]
    assert number not in json.loads(cleared.data)["choices"][1]["message"]["content"]


def test_a_policy_can_let_them_go():
    assert not Outgoing(watch(guards='[guards.numbers]\nmode = "observe"')).windows
    assert not Outgoing(watch(guards='[guards]\nmode = "off"\n[guards.personal]\nmode = "observe"')).windows
    assert not Outgoing(watch(guards='[guards.numbers]\naction = "block"')).rare
    assert not Outgoing(watch(guards='[guards.numbers]\nmode = "observe"')).rare, "nothing need wait"


async def test_what_follows_the_end_does_not_wait_for_more_of_a_number():
    found = [*pieces(["It is ", "42"]), Piece(b"", usage=Usage(1, 2))]

    async def parts():
        for piece in found:
            yield piece

    out = Outgoing(watch())
    assert [part async for part in lazily(out, parts(), no_clearing, lambda: None)] == found


def no_clearing(rest, gone):
    raise AssertionError(gone)
