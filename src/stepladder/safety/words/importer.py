"""Make a raw public list usable: sort its words by how often harmless texts say them.

Raw lists hold "China", "network" and single characters: used as they are, they flag nearly everything. Each word goes
into one of three tiers: *strong* words, which harmless texts do not say; *context* words, which they say now and then
(a crime's name), and which count beside others only; *common* words, which are left out. What harmless texts say is
known from the shipped filters (`familiar`) and, better, from the owner's own harmless texts.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stepladder.core import DataError
from stepladder.safety.words.familiar import familiar
from stepladder.safety.words.lexicon import LONGEST, Lexicon, Word, parse_line
from stepladder.safety.words.matcher import Matcher
from stepladder.text import fold

_HAN = re.compile("[\u4e00-\u9fff]")
_LATIN_WORD = re.compile("[a-z]+")
_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方"
    "俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧"
    "计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫"
    "房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉龚程嵇邢裴陆荣翁荀羊甄曲家封芮储靳邴松井段富巫乌焦巴弓牧隗山谷车侯宓全"
    "班仰秋仲伊宫宁仇栾暴甘厉戎祖武符刘景詹束龙叶幸司韶黎薄白怀蒲赖卓蔺屠蒙池乔阴胥能苍双闻党翟谭贡劳申扶堵冉宰雍桑桂"
    "习温吾邰阎肖覃占岳帅缑亢况后有琴商牟佘佴伯赏墨哈谯年爱阳佟言福"
)
_ADDRESS = re.compile(r"[a-z0-9-]{2,}\.[a-z]{2,}")
_SHORT_HAN = 5
# Characters that hardly stand in a harmless short word: sex, abuse, drugs, crime.
_MORPHEMES = frozenset("淫奸嫖娼妓婊裸屄肏屌骚贱肛奶逼操鸡巴睾鸦吗啡嗑慾婬媾贿赃虐傻尻")
# Characters that foreign names are written with.
_FOREIGN = frozenset(
    "阿埃艾安奥巴白班鲍贝本比彼宾波伯博布查达代丹道德登迪蒂丁东多厄恩尔法菲费芬夫弗福盖冈戈哥格根古哈海汉豪赫亨胡华霍"
    "基吉加嘉坚杰金卡凯坎考科克肯孔库夸拉莱赖兰朗劳勒雷黎里理利莉丽连林琳卢鲁路露伦罗洛马玛迈麦曼梅门蒙米密莫墨默姆"
    "穆拿纳娜南内尼妮宁纽努诺欧帕潘庞培佩皮普奇乔切琼丘热荣瑞若撒萨塞赛桑沙莎山珊圣史舒思斯苏索塔泰坦汤唐特提汀廷图"
    "托瓦威韦维温文沃乌伍西希锡夏香肖谢辛休雪亚扬耶叶伊依以因尤于约泽扎詹珍朱兹佐买逊吐乎苇森川田村井野原岛崎藤松泽中"
)
_BODIES = (
    "中心", "学院", "大学", "公司", "集团", "组织", "委员会", "联合会", "协会", "部", "局", "盟", "州", "省", "市", "县",
    "区", "国", "院", "社", "会议", "运动", "战争", "事件", "条约", "协定", "主义", "革命", "起义", "大会", "广场", "节",
)  # fmt: skip
_STRONG_LATIN = 8
_SHORT_AFFIX = 3
_FREE_HITS = 2
"""In how many of the owner's harmless texts a strong word may stand before it becomes a context word, then a common one."""


class Tier(StrEnum):
    """How much a word alone says."""

    STRONG = "strong"
    CONTEXT = "context"
    COMMON = "common"


@dataclass(frozen=True, slots=True)
class Imported:
    """The usable list, and how many words each tier has. `skipped` lines were empty, too long or broken."""

    lexicon: Lexicon
    tiers: dict[Tier, int]
    skipped: int


def tier(text: str) -> Tier:
    """Return the tier of a word from the shipped filters alone; an AND-rule is as strong as its strongest part."""
    return min((_tier(part) for part in Word(text).parts), key=list(Tier).index)


def _tier(part: str) -> Tier:
    folded = fold(part).text
    if not _HAN.search(folded):
        return _tier_latin(folded)
    bare = re.sub(r"\W|_", "", folded)  # matching looks through separators, so they make no word stranger
    han = "".join(_HAN.findall(bare))
    if len(bare) <= 1 or bare in familiar().frequent:
        return Tier.COMMON
    if bare in familiar().known or len(bare) == 2:
        return Tier.CONTEXT
    if len(han) < len(bare):
        plain = len(han) <= 1 or han in familiar().known
        rest = len(bare) - len(han)
        is_count = sum(character.isdigit() for character in bare) == rest  # "1989年"
        return Tier.CONTEXT if plain and (rest <= _SHORT_AFFIX or is_count) else Tier.STRONG
    return _tier_han(bare)


def _tier_latin(folded: str) -> Tier:
    if _ADDRESS.search(folded):
        return Tier.STRONG
    bare = re.sub(r"[\W_]", "", folded)
    letters = "".join(_LATIN_WORD.findall(bare))
    if len(bare) < 4 or bare in familiar().frequent or (not letters and len(bare) < 8):
        return Tier.COMMON
    known = bare in familiar().known or all(word in familiar().known for word in folded.split())
    return Tier.CONTEXT if known or len(bare) < _STRONG_LATIN else Tier.STRONG


def _tier_han(bare: str) -> Tier:
    """A short word is strong if one of its characters is, or if it is strange and no name; a long one nearly always."""
    if _MORPHEMES & set(bare) and not _is_accident(bare) and len(bare) <= _SHORT_HAN:
        return Tier.STRONG
    strange = [bare[i : i + 2] not in familiar().known for i in range(len(bare) - 1)]
    if len(bare) <= _SHORT_HAN:
        strong = (
            len(bare) > 3 and all(strange) and not _is_name(bare)
        )  # three strange characters: mostly a name
        return Tier.STRONG if strong else Tier.CONTEXT
    return Tier.CONTEXT if bare.endswith(_BODIES) and not any(strange) else Tier.STRONG


def _is_name(bare: str) -> bool:
    """Whether it may be a person's or a place's name: a surname and two characters, or all sounds of foreign names."""
    return (len(bare) in (3, 4) and bare[0] in _SURNAMES) or len(set(bare) - _FOREIGN) <= len(bare) // 4


def _is_accident(bare: str) -> bool:
    """Whether a short word is made of common pieces, so that harmless texts will form it sooner or later."""
    if len(bare) > 4:
        return False
    pieces = (bare[:2], bare[1:]) if len(bare) == 3 else (bare[:2], bare[2:])
    return all(piece in familiar().known for piece in pieces) and any(
        piece in familiar().frequent for piece in pieces
    )


def read_raw(path: Path) -> tuple[list[Word], int]:
    """Read a raw list of any of the usual shapes (a word a line, with a comma, `=` or tab after it, `+` for AND).

    Returns the words, and how many lines were skipped. Raises DataError if the file is no text.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig") if b"\0" not in data else data.decode("utf-16")
    except OSError as error:
        raise DataError(
            f"Cannot read {path}: {error.strerror}.", remedy="Check the path and its rights."
        ) from error
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    words, skipped = [], 0
    for line in text.splitlines():
        word = re.split(r"[,，=\t|]", line.strip(), maxsplit=1)[0].strip()
        if not word or len(word) > LONGEST or word.startswith("#"):
            skipped += bool(line.strip())
            continue
        words.append(Word(word, path.stem))
    return words, skipped


def import_lists(paths: Sequence[Path], *, harmless: Iterable[str] = ()) -> Imported:
    """Read raw lists and tier their words, by the shipped filters and then by the owner's harmless texts."""
    words: dict[str, Word] = {}
    skipped = 0
    for path in paths:
        found, missed = read_raw(path)
        skipped += missed
        words.update((word.text, word) for word in found)
    tiers = {text: tier(text) for text in words}
    _lower(tiers, words, list(harmless))
    kept = [
        Word(word.text, word.category, frozenset({"context"}) if tiers[text] is Tier.CONTEXT else frozenset())
        for text, word in words.items()
        if tiers[text] is not Tier.COMMON
    ]
    counts = {one: sum(found is one for found in tiers.values()) for one in Tier}
    return Imported(Lexicon.of(kept), counts, skipped)


def _lower(tiers: dict[str, Tier], words: dict[str, Word], harmless: list[str]) -> None:
    """Move words down a tier that the owner's harmless texts say."""
    if not harmless:
        return
    matcher = Matcher(Lexicon.of(word for text, word in words.items() if tiers[text] is not Tier.COMMON))
    seen: dict[str, int] = {}
    for text in harmless:
        for name in {match.word.text for match in matcher.find(text)}:
            seen[name] = seen.get(name, 0) + 1
    for name, count in seen.items():
        often = count > max(_FREE_HITS, len(harmless) // 1000)
        tiers[name] = Tier.COMMON if often else Tier.CONTEXT


def parse_words(lines: Iterable[str]) -> Lexicon:
    """Read a list in our own form from lines (see `lexicon`)."""
    found = (parse_line(line, f"line {number}") for number, line in enumerate(lines, 1))
    return Lexicon.of(word for word in found if word)
