"""When two texts ask the same: they have one gist. Made to be refused too often rather than once too seldom.

What may differ is listed, and nothing else may: greetings and manners, a few ways to put a question, contractions, the
spelling of some units. So numbers, negations, names, units, comparisons, opposites and times need no list of their own, and
neither does what nobody has thought of: whatever is not known to be harmless tells two texts apart, and so does the
order of what is left. Text that looks like code or a formula has only itself for a gist.
"""

import re
import unicodedata
from functools import lru_cache

from stepladder.text.normalise import tidy

_MOST = 2000
_CODE = re.compile(r"[`{}\[\]<>=&|\\^~_*/#@()+]")
_EXACT = {"No", "Sm", "Sk", "So", "Co", "Cn", "Cs"}
"""Categories of characters whose compatible forms differ in meaning: a superscript, a circled number, a sign."""
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
_TOKEN = re.compile(
    rf"(?<![\w.])-?\d(?:[^\s{_HAN},;:!?'\"、，。；：！？…]|[.,:'](?=\d))*|[{_HAN}]|[^\W\d_{_HAN}][^\W_{_HAN}]*(?:['’][^\W_{_HAN}]+)?|\S"
)
_INNER = re.compile(r"^[,.;:!?…。、，；：！？]+$")

_HOW, _WHERE, _WHEN, _WHAT, _CAN = "〈how〉", "〈where〉", "〈when〉", "〈what〉", "〈can〉"


def _rules(*pairs: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.IGNORECASE), new) for pattern, new in pairs)


_ASKED = "怎么|怎样|如何|什么|哪|谁|几|多少|多久|何时|啥|吗"
_CHINESE = _rules(
    (r"^(?:(?:你好|您好|嗨|打扰一下)[,。!?、~ ]+)+", ""),
    (r"^(?:请问|麻烦(?:您|你))[, ]*(?![的是用这和与二两一])", ""),
    (r"[,。!? ]+(?:谢谢|多谢|谢了)(?:你|您|了|啦)?[!。.~ ]*$", ""),
    (r"^请(?=[^假客求示教柬安辞调愿怎如什哪几谁用的是和与这问])", ""),
    (r"^(?:能不能|可以|能)?帮(?:我|忙)(?=[写讲说列解翻介总查改画算推])", ""),
    (r"(?<=[释绍译结荐解])一下", ""),
    (r"(?<=[吗么少])(?:呢|呀|啊)(?=[?。!]*$)", ""),
    (r"(?<=[么时里儿哪谁久点开办])(?:呢|呀|啊)(?=[?。!]*$)", ""),
    (r",(?=怎么办|该怎么办|如何是好)", ""),
    (r"该?怎么办", "怎么办"),
    (r"为什么|为啥", "〈why〉"),
    (r"怎么样|咋样", "〈how is〉"),
    (r"怎样|怎么|如何|咋", _HOW),
    (r"什么时候|啥时候|何时", _WHEN),
    (r"哪里|哪儿|哪(?=[了?。!]*$)", _WHERE),
    (r"什么|啥|哪些", _WHAT),
    (r"^(.*(?:〈|谁|几|多少|多久).*?)(?:呢|呀|啊)(?=[?。!]*$)", r"\1"),
    (r"(?<!可)能不能|可不可以", "能否"),
    (r"^([^,]*)(?<![功性智技可])能否(?![定认决])([^,]*?)[?。!]*$", rf"\1{_CAN}\2吗"),
    (r"(?<!不)(?:可以|能够)(?=[^,]*吗)", _CAN),
    (r"(?<![不可功智])能(?=[^,]*吗)", _CAN),
    (r"您", "你"),
    (r"等于多少", "是多少"),
    (r"办理", "办"),
    (r"包含|包括", "含"),
    (r"支付(?!宝)", "付款"),
    (r"更改|变更", "修改"),
)
_VERBS = (
    "explain|write|give|show|list|convert|translate|summari[sz]e|describe|help|recommend|suggest|create|tell"
)
_ASKS = "what|which|who|whom|whose|when|where|why|how"
_ENGLISH = _rules(
    (r"^ (?:(?:hi|hello|hey|good (?:morning|afternoon|evening))(?: there)? [,.!] *)+", " "),
    (r"^ (?:hi|hello|hey) (?=where|what|when|how|i |my )", " "),
    (r" [,.!?] (?:thanks|thank you)(?: (?:a lot|so much|very much|in advance))?(?= [,.!?]*\s*$| $)", ""),
    (r" , please(?= [,.!?]* ?$)", ""),
    (r"^ please(?: ,)? (?!please)", " "),
    (rf"^ (?:(?:can|could|would|will) you please|(?:could|would) you) (?={_VERBS})", " "),
    (rf"^ (?:can|will) you (?=(?:{_VERBS}) (?:me|this|these|that|the|a|an|my|to me|how|why) )", " "),
    (rf"^ (?:please )?(?:tell me|do you know|i want to know|i would like to know) (?={_ASKS}\b)", " "),
    (
        r"^ (?:please )?(?:tell me|do you know|i want to know|i would like to know) (?:whether|if) ",
        " 〈whether〉 ",
    ),
    (r"^ tell me (?=the |your )", " what is "),
    (r"^ (explain|write|give|show|recommend|list) (?:to )?me ", r" \1 "),
    (r"^ (explain .*?) to me(?= |$)", r" \1"),
    (r"^ i would like to ", " i want to "),
    (r"^ how (?:do|can|could|would) (?:i|we|one) ", f" {_HOW} "),
    (r"^ how to ", f" {_HOW} "),
    (r"^ which ", " what "),
    (r"^ could (?=i |we )", " can "),
    (r"^ what does (.*) cost(?= |$)", r" how much does \1 cost"),
    (
        r"^ how much is (the \w+ (?:plan|licence|license|ticket|version))(?= [?.!]* ?$| $)",
        r" how much does \1 cost",
    ),
    (r" (\d\S*) kilomet(?:re|er)s?(?= )", r" \1 km"),
    (r" (?:in)?to kilomet(?:re|er)s?(?= )", " to km"),
    (r" into km(?= )", " to km"),
)
_SHORT = {
    "'s": " is", "'re": " are", "'m": " am", "'d": " would", "'ll": " will", "'ve": " have",
}  # fmt: skip
_NOT = re.compile(r"^(ca|wo|sha|\w+)n't$")
_WHOLE = {"ca": "can", "wo": "will", "sha": "shall"}
_WH = frozenset((*_ASKS.split("|"), _HOW))
_BE = frozenset(("is", "are", "am"))
_FIRST = frozenset(
    (*_WH, *_BE, "do", "does", "did", "can", "could", "will", "would", "should", "may", "must", "was", "were", "has",
     "have", "had", "〈whether〉")
)  # fmt: skip


_BEGINNINGS = _FIRST | {
    *("explain", "write", "give", "show", "list", "convert", "translate", "summarise", "summarize", "describe", "help"),
    *("recommend", "suggest", "create", "tell", "please", "hi", "hello", "hey", "good", "thanks", "thank", "the", "my"),
    *("our", "your", "it", "he", "she", "they", "we", "you", "this", "that", "there", "if", "what's", "where's", "who's"),
    *("when's", "how's", "it's", "that's", "there's", "can't", "don't", "doesn't", "didn't", "isn't", "aren't", "won't"),
}  # fmt: skip


@lru_cache(maxsize=4096)
def gist(text: str) -> str | None:
    """What a text asks, in a form of its own; None where it is too long to tell.

    Equal gists ask the same, as far as words can tell; different ones may still do. Pure; about 50 us a short question.
    """
    if len(text) > _MOST:
        return None
    if _CODE.search(text) or any(unicodedata.category(char) in _EXACT for char in text if char > "\x7f"):
        return "=" + text.strip()
    said = tidy(text)
    for pattern, new in _CHINESE:
        said = pattern.sub(new, said)
    asks = said.rstrip(" \"'”」").endswith("?") or re.search(_ASKED, said) is not None or "〈" in said
    words, dropped = _plain(_english(_words(said)))
    while words and _INNER.match(words[-1]):
        words.pop()
    if not words:
        return "=" + text.strip()
    asks = words[0] in _FIRST or dropped.startswith("!") or (asks and words[0] not in _VERBS.split("|"))
    kept = " ".join(word for word in words if word != "〈whether〉")
    return f"{'?' if asks else '.'}{dropped.lstrip('!')} {kept}"


def _words(said: str) -> list[str]:
    """Tokens, contractions and hyphens taken apart; a capital letter means nothing where a common word begins."""
    found: list[str] = []
    for at, piece in enumerate(re.split(r"(〈[\w ]+〉)", said)):
        if at % 2:
            found.append(piece)
            continue
        for token in _TOKEN.findall(piece):
            begins = not found or _INNER.match(found[-1]) is not None
            found += _opened(
                token.lower()
                if begins and token.lower() in _BEGINNINGS and not token[1:].isupper()
                else token
            )
    return found


def _opened(token: str) -> list[str]:
    token = token.replace("’", "'")
    if token in ("I", "A", "cannot", "Cannot"):
        return ["can", "not"] if len(token) > 1 else [token.lower()]
    if token.startswith("I'"):
        token = "i" + token[1:]
    if negated := _NOT.match(token):
        return [_WHOLE.get(negated[1], negated[1]), "not"]
    head, mark, tail = token.rpartition("'")
    if mark and head and mark + tail in _SHORT:
        return [head, *_SHORT[mark + tail].split()] if _may_shorten(head, tail) else [token]
    return (
        [token]
        if any(char.isdigit() for char in token)
        else [part for part in re.split("(-)", token) if part]
    )


def _may_shorten(head: str, tail: str) -> bool:
    """`Anna's` may be hers; what's and where's are not."""
    return tail != "s" or head.lower() in (*_ASKS.split("|"), "it", "that", "there", "here", "he", "she")


def _english(words: list[str]) -> list[str]:
    line = f" {' '.join(words)} "
    for pattern, new in _ENGLISH:
        line = pattern.sub(new, line)
    return line.split()


def _plain(words: list[str]) -> tuple[list[str], str]:
    """The words without is, are and the do of a question, whose place is free; and what was taken out.

    Marks inside a text are one kind, for "arrived damaged. What" is "arrived damaged, what"; but they are not nothing.
    """
    kept: list[str] = []
    taken: list[str] = []
    for word in words:
        if _INNER.match(word):
            if kept and kept[-1] not in ",?":
                kept.append("?" if "?" in word or "？" in word else ",")
        elif word in _BE or (word in ("do", "does") and (not kept or kept[-1] in _WH)):
            taken.append("!" * (not kept) + word)
        else:
            kept.append(word)
    first = "!" if taken and taken[0].startswith("!") else ""
    return kept, first + " ".join(sorted(word.lstrip("!") for word in taken))
