"""The words around a number that say what it is, in English and in Chinese."""

import re

WINDOW = 48  # characters before a number in which a word can name it

_NOT_PERSONAL = re.compile(
    r"(?:order|ticket|invoice|tracking|serial|version|build|commit|sku|isbn|issn|doi|batch|waybill|model|article|"
    r"transaction|session|request|reference|timestamp|part|item|case|flight|hash|checksum|"
    r"订单|单号|流水|编号|序号|序列|货号|版本|工单|批次|批号|航班|车次|运单|快递|物流|型号|条码|条形码|发票|"
    r"交易|哈希|校验|时间戳|日志|端口|商品|合同号|案号|期号|备案)[^,.;!?,。;!?\n]{0,16}$",
    re.IGNORECASE,
)
_CARD = re.compile(
    r"\b(?:card|cards|cc|credit|debit|visa|mastercard|maestro|amex|discover|jcb|pan)\b|银行卡|信用卡|储蓄卡|借记卡|卡号|卡片|刷卡",
    re.IGNORECASE,
)
_PHONE_BEFORE = re.compile(
    r"(?:\b(?:phones?|telephone|tel|mobile|cell|cellphone|fax|call|calls|called|text|sms|dial|ring|whatsapp|desk|office|"
    r"landline|hotline|contact|reach|number|numbers|messages?|answering|voicemail|handy|t[eé]l[eé]phone|telefon|(?:m|t|f|p)(?=[:.]))\b|"
    r"电话|手机|座机|热线|传真|联系|致电|拨打|号码|微信|短信|来电|客服|@[\w.-]+)[^\d\n]{0,24}\n?[^\d\n]{0,8}$",
    re.IGNORECASE,
)
_OTHER_NUMBER = re.compile(
    r"(?:licen[cs]e|account|card|confirmation|\bid|policy|member|passport|case|social|security|tax|vat|routing|registration|plate|order|reference|tracking|serial)"
    r"\W{0,3}(?:number|no|num|#)[^\d\n]{0,12}$|(?:房间|门牌|座位|学|工|会员|证件|车牌|编|尾|靓|帐|账|卡|订单|流水)号码?[^\d\n]{0,6}$",
    re.IGNORECASE,
)
_PHONE_AFTER = re.compile(
    r"[\s\-\\,(]{0,4}(?:office|fax|mobile|cell|home|work|phone|tel|desk|电话|手机|座机)", re.IGNORECASE
)
_ACCOUNT = re.compile(
    r"(?:\baccount(?: (?:number|no\.?|#))?|\bacct\.?(?: no\.?)?|银行账户|银行账号|账号|帐号|账户|帐户|对公户)"
    r"(?:[^\dA-Za-z\n]|is|to|no|number){0,10}$",
    re.IGNORECASE,
)
_ACCOUNT_AFTER = re.compile(r" ?(?:的|这个|这|那个)?(?:银行)?(?:账户|账号|帐户|帐号)")
_NOT_BANK = re.compile(
    r"(?:qq|微信|游戏|登录|邮箱|steam|会员|用户|平台|抖音|微博|user|twitter|email|game)\s*(?:的)?\s*(?:account|账号|帐号|账户)",
    re.IGNORECASE,
)
_PASSPORT = re.compile(r"(?:passport|护照|通行证|旅行证)[^\d\n。;；]{0,24}$", re.IGNORECASE)
_SSN = re.compile(r"(?:\bssn\b|social security|社会安全号|社安号)[^\d\n]{0,24}$", re.IGNORECASE)
_ID = re.compile(
    r"(?:身份证|证件|[一旧老]代?证|公民号码|\bid\b|identity|公民身份)[^\d\n]{0,20}$"
    r"|(?:身份证|证件)[^\n]{0,8}15 ?位的?[^\d\n]{0,4}$",
    re.IGNORECASE,
)


def before(text: str, start: int, width: int = WINDOW) -> str:
    """Return what stands before ``start``, at most ``width`` characters."""
    return text[max(0, start - width) : start]


def not_personal(text: str, start: int) -> bool:
    """Whether the words before say that the number names a thing: an order, a version, a flight."""
    return _NOT_PERSONAL.search(before(text, start, 32)) is not None


def card(text: str, start: int, end: int) -> bool:
    """Whether a card is spoken of near by."""
    return _CARD.search(before(text, start)) is not None or _CARD.search(text[end : end + 24]) is not None


def phone(text: str, start: int, end: int) -> bool:
    """Whether a telephone is spoken of right before or right after."""
    words = before(text, start)
    if _PHONE_BEFORE.search(words) is not None:
        return _OTHER_NUMBER.search(words) is None
    return _PHONE_AFTER.match(text, end) is not None


def account(text: str, start: int, end: int) -> bool:
    """Whether a bank account is announced right before or named right after (and not one of a game or a chat)."""
    words = before(text, start)
    named = _ACCOUNT.search(words) is not None or _ACCOUNT_AFTER.match(text, end) is not None
    return named and _NOT_BANK.search(words) is None


def passport(text: str, start: int) -> bool:
    """Whether a passport or travel permit is announced before."""
    return _PASSPORT.search(before(text, start)) is not None


def ssn(text: str, start: int) -> bool:
    """Whether a social security number is announced before."""
    return _SSN.search(before(text, start)) is not None


def identity(text: str, start: int) -> bool:
    """Whether an identity document is announced before."""
    return _ID.search(before(text, start)) is not None
