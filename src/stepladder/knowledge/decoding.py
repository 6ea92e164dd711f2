"""Bytes to text where nobody says in which code they are: UTF-8 and UTF-16, else the likeliest of GB18030 and Big5."""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The commonest characters of modern Chinese in both writings: the wrong code gives rare ones instead.
_COMMON = frozenset(
    "的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着著下自之年过過发發后後作里裡用道行所然家种種"
    "事成方多经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只从從想实實日军軍者意无無力它与與长長把机機十"
    "民第公此已工使情明性知全三又关關点點正业業外将將两兩高间間由问問很最重并並物手应應战戰向头頭文体體政美相见見被利什二等产產或新己制身果加西斯月话話"
    "，。、；：？！“”「」《》（）"
)
# Codec -> the standard behind it, and the lead bytes of that standard's first level.
_TABLES = {"gb18030": ("gb2312", 0xB0, 0xD7), "big5hkscs": ("big5", 0xA4, 0xC6)}
_SAMPLE = 1 << 16


def code_of(data: bytes) -> str | None:
    """The codec of a file that begins with `data`, or None where it is no text."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return codec
    sample = data[:_SAMPLE]
    if b"\0" in sample:
        return None
    if _decoded(sample, "utf-8") is not None:
        return "utf-8"
    likely = {
        codec: _likely(text, *table)
        for codec, table in _TABLES.items()
        if (text := _decoded(sample, codec)) is not None
    }
    best = max(likely, key=lambda codec: likely[codec], default="cp1252")
    return best if likely.get(best, 0.0) >= 0.5 else "cp1252"


def _likely(text: str, codec: str, first: int, last: int) -> float:
    """How much of a text is in its code's first level, where the everyday characters are, and is very common."""
    strange = [character for character in text if not character.isascii()]
    everyday = sum(first <= character.encode(codec, "replace")[0] <= last for character in strange)
    common = sum(character in _COMMON for character in strange)
    return (everyday + 2 * common) / max(1, len(strange))


def _decoded(sample: bytes, codec: str) -> str | None:
    """The text, if it is one; a character cut off at the sample's end is no mistake."""
    try:
        return codecs.getincrementaldecoder(codec)("strict").decode(sample, final=False)
    except UnicodeDecodeError:
        return None
