"""What is said to somebody whose question is not answered: in their own language, and with help where help is due."""

from collections.abc import Mapping, Sequence

_TEXTS = {
    "en": {
        "": "I can't help with this request. If you think this is a mistake, please put it in other words.",
        "self_harm": "I'm sorry that you are having such a hard time. You don't have to go through it alone: please talk to "
        "someone you trust, or call your local emergency number or a crisis line now.",
        "answer": "The answer was withheld, because it did not pass this service's safety checks. "
        "Please put your question in other words.",
        "held": "This request waits for a person to look at it.",
    },
    "zh": {
        "": "抱歉，这个请求我无法协助。如果您认为这是误判，请换一种说法再试。",
        "self_harm": "听到您正在经历这样的痛苦，我很难过。您不必独自承受：请和信任的人谈一谈，"
        "或立即拨打当地的急救电话或心理援助热线（中国大陆：12356）。",
        "answer": "这个回答没有通过本服务的安全检查，因此没有给出。请换一种说法再提问。",
        "held": "这个请求正在等待人工审核。",
    },
}


def language_of(text: str) -> str:
    """ "zh" where a fifth of the letters or more are Han, else "en"."""
    han = sum("\u4e00" <= character <= "\u9fff" for character in text)
    return "zh" if han and 5 * han >= sum(map(str.isalpha, text)) else "en"


def refusal(
    text: str, categories: Sequence[str] = (), own: Mapping[str, str] | None = None, of: str = ""
) -> str:
    """What to say to whoever wrote `text`; `own` texts of the operator come first, `of` is "", "answer" or "held"."""
    language = language_of(text)
    if own and language in own and not of:
        return own[language]
    texts = _TEXTS[language]
    return next((texts[category] for category in categories if category in texts and category), texts[of])
