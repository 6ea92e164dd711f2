"""Sensitive words are found through disguises, and not where they are not."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stepladder.core import Action, DataError
from stepladder.safety import Lexicon, Word, WordsGuard, read_lexicon, write_lexicon
from stepladder.safety.words import Matcher, Tier, import_lists, shipped_words, tier
from stepladder.safety.words.squeeze import bare, squeeze

WORDS = Lexicon.of(
    [
        Word("法轮功", "sect", frozenset({"homophone"})),
        Word("出售冰毒", "drugs"),
        Word("强奸", "crime"),
        Word("卖枪", "weapons"),
        Word("fuck", "abuse"),
        Word("kill", "violence"),
        Word("good"),
        Word("shitty"),
        Word("casino"),
        Word("13800138000", "number"),
        Word("六四+天安门", "politics"),
        Word("奸", "crime"),
        Word("女干部", tags=frozenset({"allow"})),
        Word("套牌", "crime", frozenset({"context"})),
    ]
)
MATCHER = Matcher(WORDS)


SPACED = Matcher(Lexicon.of([Word("project zorblax"), Word("蓝鲸 计划"), Word("red bull fan club")]))


def found(text):
    return {match.word.text for match in MATCHER.find(text)}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("他练法轮功", "法轮功"),
        ("法輪功", "法轮功"),
        ("法 轮 功", "法轮功"),
        ("法*轮*功", "法轮功"),
        ("法，轮，功", "法轮功"),
        ("法法轮轮功功", "法轮功"),
        ("法轮轮轮功", "法轮功"),
        ("发轮功", "法轮功"),
        ("falungong", "法轮功"),
        ("Fa Lun Gong", "法轮功"),
        ("FLG", "法轮功"),
        ("氵去车仑工力", "法轮功"),
        ("法\u200b轮\u200d功", "法轮功"),
        ("法x轮x功", "法轮功"),
        ("强女干", "强奸"),
        ("卖🔫", "卖枪"),
        ("出-售-冰-毒", "出售冰毒"),
        ("ｆｕｃｋ", "fuck"),
        ("f u c k", "fuck"),
        ("f.u.c.k", "fuck"),
        ("fuuuuck", "fuck"),
        ("fuсk", "fuck"),  # the c is Cyrillic
        ("Ⓕⓤⓒⓚ", "fuck"),
        ("🅵🆄🅲🅺", "fuck"),
        ("f\u0337u\u0337c\u0337k\u0337", "fuck"),
        ("k1ll", "kill"),
        ("KILL!", "kill"),
        ("k i l l", "kill"),
        ("一三八零零一三八零零零", "13800138000"),
        ("①③⑧００①③⑧０００", "13800138000"),
        ("壹叁捌零零壹叁捌零零零", "13800138000"),
        ("138-0013-8000", "13800138000"),
        ("gooood", "good"),
        ("法轮轮功", "法轮功"),
        ("法法轮轮功", "法轮功"),
        ("f l g", "法轮功"),
        ("f.l.g", "法轮功"),
        ("fa-lun-gong", "法轮功"),
        ("法lun功", "法轮功"),
        ("fa轮gong", "法轮功"),
        ("f轮功", "法轮功"),
        ("١٣٨٠٠١٣٨٠٠٠", "13800138000"),
        ("fuck0 fu.c.k", "fuck"),
        ("sh!tty", "shitty"),
        ("it is sh1tty y", "shitty"),  # what stands beside it ends and begins with the same letters
        ("casin0", "casino"),
        ("ca$ino or", "casino"),
    ],
)
def test_disguises_are_seen_through(text, word):
    assert word in found(text)
    assert word in found(f"前面的话 {text} and more")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("方法。轮到功夫", "法轮功"),
        ("方法，轮到我下功夫", "法轮功"),
        ("flgs", "法轮功"),
        ("skill", "kill"),
        ("killer", "kill"),
        ("god", "good"),
        ("goods", "good"),
        ("六四", "六四+天安门"),
        ("天安门", "六四+天安门"),
        ("六四" + "很长的话" * 100 + "天安门", "六四+天安门"),
        ("女干部", "奸"),
        ("913800138000", "13800138000"),
        ("of uc k", "fuck"),
        ("法lung功", "法轮功"),
        ("方法法轮轮流功课", "法轮功"),
        ("afal功", "法轮功"),
        ("wow!great", "wowlgreat"),
    ],
)
def test_accidents_are_no_matches(text, word):
    assert word not in found(text)


@given(st.text(st.sampled_from("aab1@ -_.,\u0301法法轮🔫女干\n!xo零一"), max_size=24))
def test_the_first_look_at_a_squeezed_text_is_true(text):
    assume(not re.search(r"[\W_]{4}|[,!\n]", text))  # over these nothing is one character repeated
    assert bare(text) == squeeze(text).text


def test_and_rules_need_all_their_parts_near():
    assert "六四+天安门" in found("六四那天在天安门")


def test_spans_lie_in_the_original():
    text = "看：ＦＵＣＫ 和 氵去\u200b车仑工力 吧"
    spans = {text[match.start : match.end] for match in MATCHER.find(text)}
    assert {"ＦＵＣＫ", "氵去\u200b车仑工力"} <= spans


@given(
    st.text(st.sampled_from("abc 好的。,１"), max_size=12),
    st.text(st.sampled_from("abc 好的。,１"), max_size=12),
    st.sampled_from(["", "*", "\u200b", "~", "**"]),
)
def test_a_word_is_found_wherever_it_stands_and_its_span_is_right(before, after, between):
    text = f"{before}。{between.join('出售冰毒')}。{after}"
    spans = [text[m.start : m.end] for m in MATCHER.find(text) if m.word.text == "出售冰毒"]
    assert spans == [between.join("出售冰毒")]


def test_context_words_count_beside_others_only():
    guard = WordsGuard("words", WORDS)
    assert guard.check("一辆套牌车").action is Action.PASS
    assert {span.text for span in guard.check("套牌车上出售冰毒").spans} == {"套牌", "出售冰毒"}


def test_changes_take_effect_at_once_and_can_be_taken_back():
    guard = WordsGuard("words", Lexicon.of([Word("alpha"), Word("beta")]))
    guard.put(Word("gamma", "new"), Word("beta", "other"))
    assert guard.check("gamma").categories == ("new",)
    assert guard.check("beta").categories == ("other",)
    assert len(guard.check("alpha beta gamma").spans) == 3
    guard.remove("alpha", "gamma")
    assert guard.check("alpha gamma").action is Action.PASS
    guard.put(Word("alpha"))
    assert guard.check("alpha").action is Action.BLOCK
    assert set(guard.lexicon.words) == {"alpha", "beta"}


def test_a_words_own_action_wins_over_the_guards():
    guard = WordsGuard("words", Lexicon.of([Word("soft", tags=frozenset({"redact"})), Word("hard")]))
    assert guard.check("a soft word").redacted == "a [SENSITIVE] word"
    assert guard.check("soft and hard").action is Action.BLOCK


def test_lists_are_written_and_read_back(tmp_path):
    path = tmp_path / "words.txt"
    write_lexicon(WORDS, path)
    assert read_lexicon(path) == WORDS


@pytest.mark.parametrize(("line", "says"), [("x\ty\tloud", "unknown tag loud"), ("x" * 60, "60 characters")])
def test_a_bad_line_is_named(tmp_path, line, says):
    path = tmp_path / "words.txt"
    path.write_text(f"# head\nfine\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=f"words.txt line 3: .*{says}"):
        read_lexicon(path)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("中国", Tier.COMMON),
        ("网络", Tier.COMMON),
        ("的", Tier.COMMON),
        ("the", Tier.COMMON),
        ("毒贩", Tier.CONTEXT),
        ("王建国", Tier.CONTEXT),
        ("1989年", Tier.CONTEXT),
        ("出售各类军用枪支", Tier.STRONG),
        ("bad-shop.example", Tier.STRONG),
    ],
)
def test_words_are_tiered(word, expected):
    assert tier(word) is expected


def test_raw_lists_are_imported_and_harmless_texts_lower_their_words(tmp_path):
    raw = tmp_path / "raw.txt"
    raw.write_text(
        "中国\n出售军用枪支弹药\n紫色小象俱乐部吧\n坏词,1\n\n" + "长" * 70 + "\n甲乙丙丁戊+出售货物啊\n",
        encoding="utf-8",
    )
    plain = import_lists([raw])
    assert plain.skipped == 1
    assert "中国" not in plain.lexicon.words
    assert {"出售军用枪支弹药", "紫色小象俱乐部吧"} <= set(plain.lexicon.words)
    lowered = import_lists([raw], harmless=["我们去紫色小象俱乐部吧"] * 5)
    assert "紫色小象俱乐部吧" not in lowered.lexicon.words
    assert "出售军用枪支弹药" in lowered.lexicon.words


def test_lists_in_chinese_encodings_are_read(tmp_path):
    raw = tmp_path / "raw.txt"
    raw.write_bytes("出售军用枪支弹药\n".encode("gb18030"))
    assert "出售军用枪支弹药" in import_lists([raw]).lexicon.words


def test_our_own_list_is_small_strong_and_harmless_in_parts():
    words = shipped_words()
    assert 50 <= len(words) <= 500
    guard = WordsGuard("words", words)
    assert guard.check("买菜刀送货上门吗？").action is Action.PASS
    assert guard.check("You stupid cunt").action is Action.BLOCK


@pytest.mark.parametrize(
    "hidden", ["法 轮 功", "法法轮轮功功", "氵去车仑工力", "法x轮x功", "法轮轮轮功", "法*轮*功"]
)
@pytest.mark.parametrize(
    "filler", ["今天天气很好，我们去公园走走。", "It is a fine day, let us walk to the park. "]
)
def test_a_word_is_found_wherever_it_hides_in_a_long_text(hidden, filler):
    guard = WordsGuard("w", Lexicon.of([Word("法轮功")]))
    for before in (0, 1, 7, 30):
        text = filler * before + hidden + filler * 20
        spans = guard.check(text).spans
        assert [text[span.start : span.end] for span in spans] == [hidden]
    assert not guard.check(filler * 30).spans


def test_the_owner_s_words_come_and_go_and_the_lists_own_come_back():
    guard = WordsGuard("words", Lexicon.of([Word("zorblax", "listed", frozenset({"redact"}))]))
    guard.let_owner_say([Word("zorblax", "owner", frozenset({"block"})), Word("quibble", "owner")])
    assert guard.check("a zorblax").categories == ("owner",)
    assert guard.check("a quibble").categories == ("owner",)
    guard.let_owner_say([Word("quibble", "owner")])
    assert guard.check("a zorblax").categories == ("listed",)
    guard.let_owner_say([])
    assert not guard.check("a quibble").categories
    assert guard.check("a zorblax").categories == ("listed",)


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("about project  zorblax", "project  zorblax"),
        ("a\n\n  Project \n ZORBLAX.", "Project \n ZORBLAX"),
        ("pr0ject zorblax", "pr0ject zorblax"),
        ("p r o j e c t z o r b l a x", "p r o j e c t z o r b l a x"),
        ("我要蓝鲸计划", "蓝鲸计划"),
        ("蓝鲸　 计划", "蓝鲸　 计划"),
        ("  \nred  bull\tfan club", "red  bull\tfan club"),
        ("my project.  zorblax is", ""),
        ("projects  zorblax", ""),
        ("project      zorblax", ""),
        ("infrared  bull fan club", ""),
    ],
)
def test_a_blank_of_a_word_s_own_may_be_any_white_space(text, hit):
    (span,) = {(one.start, one.end) for one in SPACED.find(text)} or {(0, 0)}
    assert text[slice(*span)] == hit
