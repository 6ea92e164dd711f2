"""Chinese names: surname first, one or two characters after it, and what stands on either side.

What stands at a surname is judged by a model (`names_han`), which is told where a name is announced ("联系人:", "我叫"). A
surname alone is found beside a title, and in what people are called by those who know them.
"""

import re
from collections.abc import Collection, Iterator

from stepladder.privacy.finding import Kind, Span
from stepladder.privacy.gazetteer import characters, words
from stepladder.privacy.names_han import hopeless, likely

SURNAMES = characters("surnames_han")
COMMON = characters("surnames_common_han")
AMBIGUOUS = characters("surnames_ambiguous_han")
COMPOUND = words("surnames_compound_han")
GIVEN = characters("given_han")
_TELLING = characters("telling_han")
TELLING = frozenset(_TELLING)
TRANSLITERATED = characters("transliterated_han")
WORDS = frozenset(words("words_han"))
_SURNAMES = frozenset(SURNAMES + AMBIGUOUS)
_COMPOUND = frozenset(COMPOUND)

_HAN = "\u4e00-\u9fff"
_ANY = f"(?:{'|'.join(COMPOUND)}|[{SURNAMES}{AMBIGUOUS}])"
_TITLES = (
    "先生|女士|小姐|太太|夫人|老师|教授|博士|医生|大夫|护士|律师|警官|法官|经理|总监|总裁|"
    "主任|主席|书记|局长|处长|科长|部长|院长|校长|所长|"
    "队长|班长|店长|师傅|阿姨|叔叔|大爷|大妈|奶奶|爷爷|同学|同志|同事|工程师|会计|秘书|助理|导师|教练|董事长|老板|"
    "总(?![部经裁监会是体的额局署共结计算量理统数之督参长要在得])"
)
# Each word in full, so that `re` knows the characters with which a match can begin and skips to them.
_NAMING = [*(f"{role}人" for role in words("roles_han")), *words("announcing_han")]
_ANNOUNCED = re.compile(
    f"(?:{'|'.join(_NAMING)})"
    r"(?:[是为叫写填:,](?:一位)?|名叫|名为|叫做|分别是|包括|有)?[ ]{0,4}"
    f"(?={_ANY}[{_HAN}])"
)
_GOES_ON = characters("after_han")
# What may stand right after a name: a mark, a title, or a word that goes on with the sentence.
_END = re.compile(
    rf"(?=[^{_HAN}]|$|{_TITLES}|[两二三四五六七八九十几]位|名(?:下|为|叫|字|义)|一(?:起|直|家|个|同|行|定|边|共|下|位)|"
    f"[{_GOES_ON}])"
)
_FOLLOWING = re.compile("|".join(words("following_han")))
_NOT_GIVEN = re.compile(
    r"(?:高中生|大学生|先生|女士|小姐|老师|医生|经理|同学|同志|教授|主任|师傅|"
    r"的|了|在|是|和|与|也|就|不|没|说|们|这|那|吗|吧|呢|啊|电|手|身|某|先|女)"
)
_TITLED_NEXT = re.compile(_TITLES)
_TITLED = re.compile(
    f"[{SURNAMES}{AMBIGUOUS}](?=[{_HAN}]{{0,2}}[{''.join(sorted({one[0] for one in _TITLES.split('|')}))}])"
    f"(?:[{_HAN}]{{0,2}}?)(?={_TITLES})"
)
# What may stand right before a surname that is somebody's whole address: a verb's, a preposition's or an office's end.
_LEFT = characters("before_han")
# 李姐, 王工; 小陈, 老周: familiar ways to call somebody, where a sentence may begin or go on.
_ON = f"(?=[^{_HAN}]|$|[{_GOES_ON}])"
_FAMILIAR = re.compile(
    f"[{SURNAMES}](?:(?<=[小老].)"
    f"(?:(?<![{_HAN}]..)(?:(?<=[{COMMON}]){_ON}|(?=[^{_HAN}]|$|[今昨明]天|[说在来去]))|(?<=[{_LEFT}].[{COMMON}]){_ON})"
    f"|(?=[姐哥叔姨婶嫂爷伯工董导](?:[^{_HAN}]|$|[{_GOES_ON}]))(?:(?<![{_HAN}].)|(?<=[{_LEFT}].)))"
)
_PLACE = re.compile(
    f"[{SURNAMES}{AMBIGUOUS}{''.join(sorted({name[0] for name in COMPOUND}))}]"
    f"(?=[{GIVEN}{''.join(sorted({name[1] for name in COMPOUND}))}])"
)
_LEAST = -3.0
"""Log-odds that are enough: where it was learnt, names are rarer than in what people ask."""
_OWN_SURNAME = re.compile(f"姓(?=[{SURNAMES}{AMBIGUOUS}](?:[^{_HAN}]|叫|名|的|$))")
_SURE_TITLE = re.compile("先生|女士|小姐|太太|总")
_FOREIGN = re.compile(
    f"[·•・](?<=[{TRANSLITERATED}].)[{TRANSLITERATED}]{{1,7}}(?:[·•・][{TRANSLITERATED}]{{1,7}}){{0,3}}"
)
_FOREIGN_FIRST = re.compile(f"[{TRANSLITERATED}]{{1,6}}$")
_BORDER = re.compile(rf"[^{_HAN}]|[{_LEFT}]")


def people(text: str) -> Iterator[Span]:
    """Names of people in (simplified) Chinese text."""
    told = announced(text)
    judged = set()
    for match in _PLACE.finditer(text):
        start = match.start()
        given = begins(text, start)
        if given and not hopeless(text, given):
            judged.add(start)
            yield from _named(text, start, given, told)
    for start, end in told:
        if start not in judged:  # a title alone, or a given name like no other
            yield Span(start, end, Kind.PERSON, 0.7)
    for match in _TITLED.finditer(text):
        yield from _titled(text, match)
    for match in _OWN_SURNAME.finditer(text):
        yield Span(match.end(), match.end() + 1, Kind.PERSON, 0.8)
    for match in _FAMILIAR.finditer(text):
        yield Span(match.start(), match.end(), Kind.PERSON, 0.65)
    yield from _foreign(text)


def announced(text: str) -> set[tuple[int, int]]:
    """What stands where somebody is announced, as (start, end)."""
    found = ((match.end(), _name_end(text, match.end())) for match in _ANNOUNCED.finditer(text))
    return {(start, end) for start, end in found if end}


def begins(text: str, start: int) -> int:
    """Where a given name would begin if a surname began at `start`; 0 where none does."""
    if text[start : start + 2] in _COMPOUND and _all_han(text[start + 2 : start + 3]):
        return start + 2
    return start + 1 if text[start] in _SURNAMES else 0


def _named(text: str, start: int, given: int, told: Collection[tuple[int, int]]) -> Iterator[Span]:
    ends = [given + 1, given + 2] if _all_han(text[given + 1 : given + 2]) else [given + 1]
    score, end = likely(text, start, given, ends, told)
    name = text[start:end]
    word = name in WORDS or (name[:2] in WORDS and name[2:] not in TELLING)
    if score > _LEAST and not word and not _TITLED_NEXT.match(text, given):
        yield Span(start, end, Kind.PERSON, 0.6 + 0.02 * max(-4.0, min(12.0, score)))


def _foreign(text: str) -> Iterator[Span]:
    for match in _FOREIGN.finditer(text):
        first = _FOREIGN_FIRST.search(text, max(0, match.start() - 6), match.start())
        if first:
            yield Span(first.start(), match.end(), Kind.PERSON, 0.8)


def _name_end(text: str, start: int) -> int:
    """Return where an announced name ends, 0 where it is none: two characters after the surname, or one, or a title."""
    if text[start : start + 2] in WORDS and text[start + 2 : start + 3] not in TELLING:
        return 0
    surname = 2 if text[start : start + 2] in COMPOUND else 1
    given = start + surname
    if _TITLED_NEXT.match(text, given):
        return given
    if _two_given(text, given):
        return given + 2
    one = text[given : given + 1]
    if _all_han(one) and not _NOT_GIVEN.match(one) and (one in GIVEN or _END.match(text, given + 1)):
        return given + 1
    return 0


def _two_given(text: str, start: int) -> bool:
    """Whether two characters of a given name stand here: two that are used for it, or one and a border after both."""
    two = text[start : start + 2]
    if len(two) < 2 or not _all_han(two) or _NOT_GIVEN.search(two) or two[0] not in GIVEN:
        return False
    if two[1] in GIVEN:
        return _FOLLOWING.match(text, start + 1) is None
    return two[1] not in _GOES_ON and _END.match(text, start + 2) is not None


def _all_han(word: str) -> bool:
    return bool(word) and all("\u4e00" <= character <= "\u9fff" for character in word)


def _titled(text: str, match: re.Match[str]) -> Iterator[Span]:
    """王先生, 王小明先生: the name without the title."""
    name, start = match[0], match.start()
    if name.startswith("谢谢"):  # 谢谢丁医生
        name, start = name[2:], start + 2
        if not name or name[0] not in SURNAMES:
            return
    if _NOT_GIVEN.search(name, 1) or name in WORDS or name[:2] in WORDS:
        return
    before = text[start - 1 : start]
    after_thanks = text[max(0, start - 2) : start] == "谢谢"
    bordered = not before or before not in SURNAMES + GIVEN or _BORDER.match(before) or after_thanks
    sure = len(name) == 1 and _SURE_TITLE.match(text, match.end())
    if (bordered or sure) and all(character in GIVEN for character in name[1:]):
        yield Span(start, match.end(), Kind.PERSON, 0.8 if len(name) > 1 else 0.7)
