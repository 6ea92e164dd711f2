"""Chinese names: surname first, one or two characters after it, and what stands on either side.

A name that is announced ("联系人:", "我叫") or followed by a title needs only a surname. A bare one must be made of the
characters of given names and stand between marks or words that can border a name; everyday words are taken out.
"""

import re
from collections.abc import Iterator

from stepladder.privacy.finding import Kind, Span
from stepladder.privacy.gazetteer import characters, words

SURNAMES = characters("surnames_han")
COMMON = characters("surnames_common_han")
AMBIGUOUS = characters("surnames_ambiguous_han")
COMPOUND = words("surnames_compound_han")
GIVEN = characters("given_han")
_TELLING = characters("telling_han")
TELLING = frozenset(_TELLING)
TRANSLITERATED = characters("transliterated_han")
WORDS = frozenset(words("words_han"))

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
_GOES_ON = (
    "说的在是和与及或已将也于因住来到从被把向对给了吗吧呢就都还又没想要会去等曾先以同跟让请您你我他她这那今昨明不表告认问答参担负联"
    "发回接打电手身预购申出毕生提签领收写做主介报拿入离获当带成加男女称所处为共办需希正刚才可应必有无其前后上下时则并但却只按现居任"
    "啊哦哈呀旁过职查转谈讲讨听看觉建反指强透承否拒率饰演执创编作唱夺击战代登走站坐吃喝买卖送交付还借租开关进挂改推驾搬诉确配养偷值充换挪缴汇存取拨催结病死失犯受得需帮陪赔逃躲抢偷骗救撞追找派调升辞退更懂比两各均"
)
# What may stand right after a name: a mark, a title, or a word that goes on with the sentence.
_END = re.compile(
    rf"(?=[^{_HAN}]|$|{_TITLES}|[两二三四五六七八九十几]位|名(?:下|为|叫|字|义)|一(?:起|直|家|个|同|行|定|边|共|下|位)|"
    f"[{_GOES_ON}])"
)
# The second character of two is one of a name, unless it begins a word that goes on with the sentence.
_GOING_ON = f"(?!{'|'.join(words('following_han'))})"
_FOLLOWING = re.compile("|".join(words("following_han")))
_TWO = f"[{GIVEN}]{_GOING_ON}[{GIVEN}]"
_NAMES_AND_WORDS = frozenset(words("names_and_words_han"))  # 卫国 is a word, and a name for all that
_NOT_GIVEN = re.compile(
    r"(?:高中生|大学生|先生|女士|小姐|老师|医生|经理|同学|同志|教授|主任|师傅|"
    r"的|了|在|是|和|与|也|就|不|没|说|们|这|那|吗|吧|呢|啊|电|手|身|某|先|女)"
)
_TITLED_NEXT = re.compile(_TITLES)
_TITLED = re.compile(f"[{SURNAMES}{AMBIGUOUS}](?:[{_HAN}]{{0,2}}?)(?={_TITLES})")
_SOMETIMES = "方于白安常成万向文时古游华平"
# What may stand right before a bare name, beside a mark or nothing: a verb's, a preposition's or an office's last character.
_LEFT = (
    "的了着过但而却就都也又还再才只若果议姓当凭将到成下归属权劝催派召选郎娘告因靠比且则或有没无等受随按照曾已其此该这那即从往至自爸妈主在据叔伯婶姨姑舅嫂点天日月午后时今昨告说听称是叫请让给和与由对跟找问被向及见替陪约把帮为写系诉知谢"
    "托邀派据经称指像访述如人者员师生手友子妻夫母父哥姐妹弟星理任士导官客户"
)
_BARE3 = re.compile(f"[{SURNAMES}{_SOMETIMES}](?:(?<![{_HAN}].)|(?<=[{_LEFT}].)){_TWO}{_END.pattern}")
_BARE2 = re.compile(f"[{SURNAMES}{_SOMETIMES}](?:(?<![{_HAN}].)|(?<=[{_LEFT}].))[{GIVEN}]{_END.pattern}")
# The commonest surnames need less: any character before and a border after, or the other way round.
_COMMON = re.compile(
    f"[{COMMON}](?<=[{_HAN}].){_TWO}{_END.pattern}|[{SURNAMES}](?:(?<![{_HAN}].)|(?<=[{_LEFT}].)){_TWO}"
)
# A character of names makes up for what stands before.
_TOLD = re.compile(f"[{SURNAMES}](?<=[{_HAN}].)(?:{_TWO}|[{_TELLING}]){_END.pattern}")
_TOLD_AT_LEFT = re.compile(
    f"[{SURNAMES}](?:(?<![{_HAN}].)|(?<=[{_LEFT}].))"
    f"(?:[{GIVEN}]{_GOING_ON}[{_TELLING}]|[{_TELLING}]{_GOING_ON}[{GIVEN}]|[{_TELLING}])"
)
# 李姐, 王工; 小陈, 老周: familiar ways to call somebody, where a sentence may begin or go on.
_FAMILIAR = re.compile(
    f"[{SURNAMES}](?:(?<![{_HAN}].)|(?<=[{_LEFT}].))(?=[姐哥叔姨婶嫂爷伯工董导](?:[^{_HAN}]|$|[{_GOES_ON}]))"
    f"|[{COMMON}](?:(?<=[小老].)(?<![{_HAN}]..)|(?<=[{_LEFT}][小老].))(?=[^{_HAN}]|$|[{_GOES_ON}])"
)
_OWN_SURNAME = re.compile(f"(?<=姓)[{SURNAMES}{AMBIGUOUS}](?=[^{_HAN}]|叫|名|的|$)")
_SURE_TITLE = re.compile("先生|女士|小姐|太太|总")
_COMPOUND = re.compile(
    f"[{''.join(sorted({name[0] for name in COMPOUND}))}]"
    f"(?:{'|'.join(sorted(f'(?<={name[0]}){name[1]}' for name in COMPOUND))})[{GIVEN}]{{1,2}}"
)
_FOREIGN = re.compile(
    f"[·•・](?<=[{TRANSLITERATED}].)[{TRANSLITERATED}]{{1,7}}(?:[·•・][{TRANSLITERATED}]{{1,7}}){{0,3}}"
)
_FOREIGN_FIRST = re.compile(f"[{TRANSLITERATED}]{{1,6}}$")
_BORDER = re.compile(rf"[^{_HAN}]|[{_LEFT}]")


def people(text: str) -> Iterator[Span]:
    """Names of people in (simplified) Chinese text."""
    for match in _ANNOUNCED.finditer(text):
        end = _name_end(text, match.end())
        if end:
            yield Span(match.end(), end, Kind.PERSON, 0.9)
    for match in _TITLED.finditer(text):
        yield from _titled(text, match)
    for pattern, score in ((_OWN_SURNAME, 0.8), (_FAMILIAR, 0.65)):
        for match in pattern.finditer(text):
            yield Span(match.start(), match.end(), Kind.PERSON, score)
    yield from _compound(text)
    yield from _bare(text)
    yield from _foreign(text)


def _compound(text: str) -> Iterator[Span]:
    for match in _COMPOUND.finditer(text):
        end = match.end() if _END.match(text, match.end()) else match.start() + 3
        if end - match.start() >= 3 and _END.match(text, end):
            yield Span(match.start(), end, Kind.PERSON, 0.85)


def _foreign(text: str) -> Iterator[Span]:
    for match in _FOREIGN.finditer(text):
        first = _FOREIGN_FIRST.search(text, max(0, match.start() - 6), match.start())
        if first:
            yield Span(first.start(), match.end(), Kind.PERSON, 0.8)


def _bare(text: str) -> Iterator[Span]:
    for pattern, score in (
        (_BARE3, 0.7),
        (_COMMON, 0.6),
        (_TOLD, 0.56),
        (_TOLD_AT_LEFT, 0.58),
        (_BARE2, 0.55),
    ):
        for match in pattern.finditer(text):
            name = match[0]
            word = (
                _TITLED_NEXT.match(text, match.start() + 1)
                or name in WORDS
                or (name[1:] in WORDS and name[1:] not in _NAMES_AND_WORDS)
                or (name[0] == "谢" == text[match.start() - 1 : match.start()])
                or (name[:2] in WORDS and name[2:] not in TELLING)
            )
            if not word and not _NOT_GIVEN.search(name, 1):
                yield Span(match.start(), match.end(), Kind.PERSON, score)


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
