"""One width and one set of digits, dashes and blanks, character for character, so that offsets stay true.

Traditional characters that occur in names, addresses and the words around them become simplified ones here as well.
"""

import re
import unicodedata

import numpy as np

from stepladder.text import decode, encode

_TRADITIONAL = (
    "來個偉傳儀兒劉務勝區吳員喬嘯嚴國堅夢婭嬌孫學寧寶對師帳廣張強彥從恆慶憲懷戶東楊業榮樓歐湯溫潔澤灣煒煥熾爾獻琺瑋瑤瑩璽瓊瓏畢畫當發盡盤盧眞碩碼禎禮種穌穎競筆節範紀約紅純絡給絲經綠維綸"
    "綺緯練縈縣總績繫繼羅義聯聰聶職與興華萬葉蓮蔣蕭薈蘆蘇蘊蘭號衛裡許詠詩話語誠說誰請諾謝證譚護讓貴賀賈賢賴趙車軒輝這達遠邁邊鄉鄒鄧鄭醫銘銳鋒錢鍾鎮長門開閻陳陸陽雲電靈靜韋韻順頌顧飛馬馮"
    "騰魯鳳鴻鵬鶴麗黃齊齡龍龐龔"
)
_SIMPLIFIED = (
    "来个伟传仪儿刘务胜区吴员乔啸严国坚梦娅娇孙学宁宝对师帐广张强彦从恒庆宪怀户东杨业荣楼欧汤温洁泽湾炜焕炽尔献珐玮瑶莹玺琼珑毕画当发尽盘卢真硕码祯礼种稣颖竞笔节范纪约红纯络给丝经绿维纶"
    "绮纬练萦县总绩系继罗义联聪聂职与兴华万叶莲蒋萧荟芦苏蕴兰号卫里许咏诗话语诚说谁请诺谢证谭护让贵贺贾贤赖赵车轩辉这达远迈边乡邹邓郑医铭锐锋钱钟镇长门开阎陈陆阳云电灵静韦韵顺颂顾飞马冯"
    "腾鲁凤鸿鹏鹤丽黄齐龄龙庞龚"
)


def _table() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212, 0xFE63), "-")
    table |= dict.fromkeys((0xA0, 0x3000, 0x202F, *range(0x2000, 0x200B)), " ")
    table |= {0x2018: "'", 0x2019: "'"}
    table |= {ord(old): new for old, new in zip(_TRADITIONAL, _SIMPLIFIED, strict=True)}
    digits = (code for code in range(0x660, 0xFF00) if chr(code).isdecimal())
    table |= {code: str(unicodedata.digit(chr(code))) for code in digits}
    return table


_TABLE = _table()
_FOLDABLE = re.compile("[" + "".join(re.escape(chr(code)) for code in sorted(_TABLE)) + "]")


def _folded(match: re.Match[str]) -> str:
    return _TABLE[ord(match[0])]


_LONG = 200  # characters; above, an array is quicker than a pattern
_ARRAY = np.arange(0x10000, dtype=np.uint32)
_ARRAY[list(_TABLE)] = [ord(folded) for folded in _TABLE.values()]


def _looked_up(text: str) -> str:
    codes = encode(text)
    if "\ufffd" in text or codes.max() >= _ARRAY.size:
        return _FOLDABLE.sub(_folded, text)
    return decode(_ARRAY[codes])


def fold(text: str) -> str:
    """Return ``text`` with full-width forms, other scripts' digits, dashes and blanks as ASCII, length kept."""
    if text.isascii() or _FOLDABLE.search(text) is None:
        return text
    if len(text) > _LONG:
        return _looked_up(text)
    return _FOLDABLE.sub(_folded, text)  # str.translate is 15 times slower where most characters stay


def canonical(text: str) -> str:
    """Return letters and digits alone, folded: "6222-0212" and "６２２２ ０２１２" are the same number."""
    return "".join(filter(str.isalnum, fold(text).casefold()))
