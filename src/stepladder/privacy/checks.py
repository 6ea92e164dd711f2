"""Check digits and the other arithmetic that tells a number of a kind from any number."""

import datetime
import re

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK = "10X98765432"
# GB/T 2260: the first two digits of a division's code.
_PROVINCES = frozenset(
    str(code)
    for region in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for code in range(region[0], region[1] + 1)
)
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
# ISO 13616 register: the length of a country's IBAN.
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI FK FO GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HN HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
# Issuer prefixes with the lengths of their cards (ISO/IEC 7812; the schemes' own ranges).
_CARDS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|2(?:2[2-9]|[3-6]|7[01]|720)"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"3(?:0[0-5]|[689])"), (14, 16, 19)),
    (re.compile(r"6011|64[4-9]|65"), (16, 19)),
    (re.compile(r"62|81"), (16, 17, 18, 19)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 17, 18, 19)),
    (re.compile(r"2131|1800"), (15,)),
    (re.compile(r"5018|5020|5038|5[678]|6304|6390|67"), (12, 13, 14, 15, 16, 17, 18, 19)),
    (re.compile(r"60|9558"), (16, 17, 18, 19)),
    (re.compile(r"220[0-4]"), (16, 17, 18, 19)),
)


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others (ISO/IEC 7812-1, annex B)."""
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    values = [ord(digit) - 48 for digit in digits]
    return (sum(values[-1::-2]) + sum(doubled[value] for value in values[-2::-2])) % 10 == 0


def card_issuer(digits: str) -> bool:
    """Whether some card scheme issues numbers with this prefix in this length."""
    return any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _CARDS)


def id_number(number: str) -> bool:
    """Whether an 18-character Chinese ID number is right: division, date of birth, check digit (GB 11643-1999)."""
    if number[:2] not in _PROVINCES or not is_date(number[6:10], number[10:12], number[12:14]):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _ID_WEIGHTS, strict=True))
    return _ID_CHECK[total % 11] == number[17].upper()


def old_id_number(number: str) -> bool:
    """Whether a 15-digit Chinese ID number (issued until 1999, no check digit) has a division and a date of birth."""
    return number[:2] in _PROVINCES and is_date("19" + number[6:8], number[8:10], number[10:12])


def company_code(code: str) -> bool:
    """Whether a unified social credit code has its registry, division and check character (GB 32100-2015)."""
    if code[2:4] not in _PROVINCES and code[2:4] != "10":
        return False
    try:
        values = [_USCC_ALPHABET.index(character) for character in code.upper()]
    except ValueError:
        return False
    total = sum(value * weight for value, weight in zip(values[:17], _USCC_WEIGHTS, strict=True))
    return (31 - total % 31) % 31 == values[17]


def iban_length(country: str) -> int:
    """Return how long a country's IBAN is, 0 where it has none."""
    return _IBAN_LENGTHS.get(country.upper(), 0)


def iban(code: str) -> bool:
    """Whether an IBAN without blanks has its country's length and a remainder of 1 (ISO 7064 MOD 97-10)."""
    code = code.upper()
    if len(code) != iban_length(code[:2]):
        return False
    return int("".join(str(int(character, 36)) for character in code[4:] + code[:4])) % 97 == 1


def ssn(area: str, group: str, serial: str) -> bool:
    """Whether the US Social Security Administration could have given this number."""
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def is_date(year: str, month: str, day: str) -> bool:
    """Whether this is a day on which somebody alive today can have been born."""
    try:
        return (
            datetime.date(1890, 1, 1)
            <= datetime.date(int(year), int(month), int(day))
            < datetime.date(2100, 1, 1)
        )
    except ValueError:
        return False
