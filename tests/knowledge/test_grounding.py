"""What the check of sentences takes for supported: other words for the same, and not one word in another's place."""

import pytest

from stepladder.core import Passage
from stepladder.knowledge import Evidence, claims

SHOP = (
    "Acme was founded in Lyon. The company sells kettles and has 40 people. "
    "Orders placed before noon are shipped the same day from the warehouse. Returned goods are refunded within a week."
)
LADEN = "北线渡轮每天早上九点从榆树码头出发。船票四元，在船上购买。该公司由林秀兰创办，共有四十名员工。"


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (
            SHOP,
            "Acme sells kettles and has 40 people.",
        ),  # the sentence points at what the claim calls by its name
        (SHOP, "The same day, orders placed before noon are shipped from the warehouse."),
        (SHOP, "According to the document, returned goods are refunded within a week."),
        (
            SHOP,
            "Orders placed before noon are shipped the same day, and returned goods are refunded within a week.",
        ),
        (LADEN, "船票可以在船上购买，四元一张。"),
        (LADEN, "北線渡輪早上九點從榆樹碼頭出發。"),
        (LADEN, "公司是由林秀兰创办的。"),
    ],
)
def test_other_words_for_the_same_are_supported(text, claim):
    assert Evidence([Passage(0, "c", "d", text)]).support(claim) is not None


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (SHOP, "Orders placed after noon are shipped the same day from the warehouse."),
        (SHOP, "Orders placed before noon are shipped the next day from the warehouse."),
        (SHOP, "Orders placed before noon are shipped the same day from the airport."),
        (SHOP, "Acme was founded in Nice."),
        (SHOP, "Returned goods are refunded within a month."),
        (SHOP, "Returned kettles are refunded within a week."),  # kettles stand nearby, not there
        (LADEN, "南线渡轮每天早上九点从榆树码头出发。"),
        (LADEN, "北线渡轮每天早上九点从柳树码头出发。"),
        (LADEN, "船票四元，在码头购买。"),
        (LADEN, "该公司由王秀英创办。"),
    ],
)
def test_one_thing_in_another_s_place_is_not(text, claim):
    assert Evidence([Passage(0, "c", "d", text)]).support(claim) is None


TABLE = """Prices

| Item | Price | Stock |
| --- | --- | --- |
| Copper kettle | 59.5 | yes |
| Oak desk | 420 | 无货 |
| 铜壶 | 36 元 | 三号仓库 |
"""


@pytest.mark.parametrize(
    ("claim", "row"),
    [
        ("The price of the copper kettle is 59.5.", "| Copper kettle | 59.5 | yes |"),
        ("The oak desk costs 420.", "| Oak desk | 420 | 无货 |"),  # that there is none denies no price
        ("铜壶在三号仓库。", "| 铜壶 | 36 元 | 三号仓库 |"),
        ("The price of the oak desk is 59.5.", None),  # the row above says so of another thing
        ("The desk price is 59.5.", None),
        ("The copper kettle costs 420.", None),
    ],
)
def test_a_row_of_a_table_speaks_for_itself_and_its_head(claim, row):
    found = Evidence([Passage(0, "c", "d", TABLE)]).support(claim)
    assert (found and found.text) == row
    if found is not None:
        assert TABLE[found.start :].startswith(found.text)


def test_a_table_without_its_head_lends_no_row_to_another():
    cut = "\n".join(TABLE.splitlines()[4:])
    evidence = Evidence([Passage(0, "c", "d", cut)])
    assert evidence.support("The oak desk has a price of 59.5.") is None
    assert evidence.support("The oak desk: 420.") is not None


def test_a_long_sentence_with_three_words_exchanged_is_not_supported():
    text = (
        "An experimental study of a wing in a propeller slipstream was made in order to determine the spanwise "
        "distribution of the lift increase due to slipstream at different angles of attack of the wing."
    )
    evidence = Evidence([Passage(0, "c", "d", text)])
    assert evidence.support(text) is not None
    changed = (
        text.replace("propeller", "turbulent").replace("spanwise", "thermal").replace("lift", "pressure")
    )
    assert evidence.support(changed) is None


@pytest.mark.parametrize("said", ["It is free.", "Refundable!", "免费。", "It is 7.", "Acme sells kettles"])
def test_a_short_sentence_is_checked_too(said):
    assert claims(said)


@pytest.mark.parametrize(
    "said",
    [
        "Sure!",
        "Of course.",
        "No.",
        "Indeed.",
        "没有。",
        "Prices",
        "Here it is:",
        "好的。",
        "当然！",
        "价格",
        "---",
        "1.",
    ],
)
def test_what_tells_nothing_is_not(said):
    assert not claims(said)
