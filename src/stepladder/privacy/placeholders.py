"""The form of a placeholder, and how a model may bend it.

``<PERSON_1>`` in every language: ASCII, so it survives JSON, URLs and any tokeniser; known to models from their training data;
its sharp brackets hardly ever stand around such a word in prose, which square ones (Markdown) and round ones do. What
models do to it is undone: case, blanks, width, other brackets or none, an escaped underscore, HTML entities, the label in
Chinese. Without brackets an underscore is needed, or capitals in a label that is no everyday abbreviation: "person 1" is
an ordinary phrase.
"""

import re

from stepladder.privacy.finding import Kind

LITERAL = "TEXT"  # a piece of the text that looks like a placeholder is itself replaced by one
LABELS: dict[Kind, str] = {
    Kind.ADDRESS: "ADDRESS",
    Kind.BANK_ACCOUNT: "ACCOUNT",
    Kind.BANK_CARD: "CARD",
    Kind.BIRTH_DATE: "BIRTHDATE",
    Kind.COMPANY_CODE: "COMPANY",
    Kind.EMAIL: "EMAIL",
    Kind.IBAN: "IBAN",
    Kind.ID_NUMBER: "ID",
    Kind.IP_ADDRESS: "IP",
    Kind.MAC_ADDRESS: "MAC",
    Kind.PASSPORT: "PASSPORT",
    Kind.PERSON: "PERSON",
    Kind.PHONE: "PHONE",
    Kind.PLATE: "PLATE",
    Kind.SSN: "SSN",
    Kind.URL: "URL",
}
_TRANSLATED = {
    "ADDRESS": "地址 住址",
    "ACCOUNT": "账号 账户 银行账户",
    "CARD": "银行卡 卡号 银行卡号",
    "BIRTHDATE": "生日 出生日期",
    "COMPANY": "公司 公司代码",
    "EMAIL": "邮箱 电子邮件 邮件 电子邮箱",
    "ID": "身份证 身份证号 证件",
    "PASSPORT": "护照 护照号",
    "PERSON": "人名 姓名 人物 人员 人",
    "PHONE": "电话 手机 手机号 电话号码",
    "PLATE": "车牌 车牌号",
    "URL": "网址 链接",
    "TEXT": "文本",
}
WORDS = {label.lower(): label for label in (*LABELS.values(), LITERAL)} | {
    word: label for label, words in _TRANSLATED.items() for word in words.split()
}
MAX_NUMBER = 6  # digits
_OPEN = r"(?:[<\[{〔【〈《‹«「『]|&lt;)"
_CLOSE = r"(?:[>\]}〕】〉》›»」』]|&gt;)"
_GAP = r"[ _\\-]{0,3}"
_ANY = "|".join(sorted(WORDS, key=len, reverse=True))
_LONG = "|".join(label for label in (*LABELS.values(), LITERAL) if len(label) >= 5)

# On folded text. Groups: (label, number) with brackets, or (label, number) without.
PLACEHOLDER = re.compile(
    rf"{_OPEN} {{0,2}}(?P<label>(?i:{_ANY})){_GAP}(?P<number>[0-9]{{1,{MAX_NUMBER}}}) {{0,2}}{_CLOSE}"
    rf"|(?:{_OPEN} {{0,2}})?(?<![0-9A-Za-z_])(?P<bare>(?:(?i:{_ANY})(?: ?\\?_ ?)|(?:{_LONG})[ -]?))"
    rf"(?P<count>[0-9]{{1,{MAX_NUMBER}}})(?![0-9A-Za-z_])(?: {{0,2}}{_CLOSE})?"
)


def _beginnings(word: str) -> str:
    """Return a pattern of the word's beginnings, each but the whole word followed by the end of the text."""
    pattern = ""
    for character in reversed(word):
        pattern = rf"{re.escape(character)}(?:{pattern}|\Z)" if pattern else re.escape(character)
    return pattern


_BEGUN = "|".join(_beginnings(word) for word in sorted(WORDS, key=len, reverse=True))
# A tail of the text that more text could make a placeholder, or a longer one.
UNFINISHED = re.compile(
    r"(?:(?:[<\[{〔【〈《‹«「『]|&(?:l(?:t(?:;|\Z)|\Z)|\Z)) {0,2}|(?<![0-9A-Za-z_]))"
    rf"(?:\Z|(?i:{_BEGUN})(?:\Z|{_GAP}(?:\Z|[0-9]{{1,{MAX_NUMBER}}} {{0,2}}(?:\Z|&(?:g(?:t\Z|\Z)|\Z)))))"
)


def label_of(match: re.Match[str]) -> tuple[str, int]:
    """Return the canonical label and the number of a match of PLACEHOLDER."""
    word = (match["label"] or match["bare"]).strip(" _\\-").lower()
    return WORDS[word], int(match["number"] or match["count"])
