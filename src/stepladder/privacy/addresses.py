"""Postal addresses. A house number is the anchor; street, town and flat are read off to both sides of it."""

import re
from collections.abc import Iterator

from stepladder.privacy.finding import Kind, Span
from stepladder.privacy.gazetteer import words

_NUMBER = re.compile(
    r"[0-9](?<![0-9A-Za-z.,/:$€£#+-].)[0-9]{0,5}[A-Za-z]?(?:[-/][0-9]{1,4}[A-Za-z]?)?(?![0-9A-Za-z%:]|[.,][0-9])"
)
_WORD = r"[A-Z\u00c0-\u00de\u0100-\u024f\u0370-\u04ff][\w'.-]*"
_UNIT = r"(?:,?[ \n]{1,3}(?:(?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Room|Rm|Flat)\.? ?#?|#)[A-Za-z0-9-]{1,6}\b\.?)?"
_POSTCODE = r"(?:[0-9]{4,6}(?:-[0-9]{3,4})?|[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9])\b"
_TOWN = (
    rf"(?:(?:,[ \n]{{0,2}}|\n ?){_WORD}(?: (?!{_POSTCODE}){_WORD}){{0,2}}"
    rf"|(?= {_WORD}(?: {_WORD}){{0,2}},? [A-Z]{{2}} [0-9]{{5}}) {_WORD}(?: {_WORD}){{0,2}})?"
    rf"(?:[ \n]?,? ?(?!{_POSTCODE})(?:[A-Z]{{2,3}}\b|{_WORD}))?(?:,?[ \n]{{1,2}}{_POSTCODE})?"
    r"(?:,?[ \n]{1,2}(?:USA|U\.S\.A\.|United States|UK|United Kingdom|England|Canada|Australia|Ireland)\b)?"
)
_TYPE = (
    r"(?:Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq|Terrace|Way|Parkway|Pkwy|"
    r"Highway|Hwy|Circle|Cir|Trail|Crescent|Close|Gardens|Mews|Row|Alley|Plaza|Walk|Grove|Hill|Park|Rise|View|Quay|Route|Path|Point)"
)
_STREET = re.compile(
    rf"[0-9]+[A-Za-z]?(?:[-/][0-9]+[A-Za-z]?)?,? (?:(?:{_WORD}|[0-9]{{1,3}}(?:st|nd|rd|th)|of|de|la|the) ){{1,4}}"
    rf"{_TYPE}\b\.?(?: [NSEW]{{1,2}}\b\.?)?"
    rf"{_UNIT}{_TOWN}|[0-9]+ Broadway\b{_UNIT}{_TOWN}"
    rf"|[0-9]+,? (?:rue|avenue|boulevard|allée|chemin|place|quai) (?:\w[\w'-]* ){{0,4}}\w[\w'-]*{_TOWN}"
)
_CONTINENTAL = re.compile(
    rf"(?:(?:Via|Viale|Piazza|Vicolo|Rua|Rue|Calle|Avenida|Strada|Rúa|ul\.|Ulica|Avenue|Plaza|Paseo) (?:\w[\w'.-]* ){{1,4}}"
    rf"|(?:{_WORD} ){{0,3}}\w*(?:straße|strasse|str\.|gasse|weg|platz|allee|gatan|gata|"
    r"vägen|vej|veien|gade|katu|tie|kuja|utca|tér|laan|straat|plein|"
    r"gracht|Straße|Strasse|Gasse|Weg|Platz|Allee|Street|street|Road|road) )$"
)
_BOX = re.compile(
    rf"P\.? ?O\.? ?Box [0-9]{{1,6}}{_TOWN}"
    rf"|(?:PSC|Unit|CMR) [0-9]{{1,5}},? ?Box [0-9]{{1,5}}[ ,\n]{{1,3}}[AFD]PO,? A[AEP] [0-9]{{5}}"
)

_ROADS = (
    "路|街|道|巷|弄|胡同|里|村|镇|乡|屯|庄|小区|花园|大厦|广场|公寓|家园|新村|苑|园|城|中心|府|湾|庭|居|邨"
)
_COUNT = "[0-9A-Za-z一二三四五六七八九十百零]{1,6}(?:-[0-9A-Za-z]{1,4}){0,3}"
_STEP = f"{_COUNT}(?:号楼(?![上下道梯])|号院|号|栋|幢|座|单元|层|楼|室|房|弄|户|门|组)"
_HOUSE = re.compile(
    f"(?:[路街道巷弄同里村镇乡屯庄区园厦场寓苑城心府湾庭居邨])(?:[东西南北中]段?|[一二三四五六七八九]段)?(?:{_STEP})"
    f"(?:附?{_STEP}|[,， ]?[\u4e00-\u9fff]{{1,10}}?(?:小区|花园|大厦|广场|公寓|家园|新村|苑|园|城|中心|国际|"
    f"府|院|写字楼|商厦)(?={_STEP}|[^\u4e00-\u9fff]|$)){{0,6}}"
)
_NO_HOUSE = re.compile(
    "[区县旗市](?<=[\u4e00-\u9fff]{3})(?:(?![的了在和与是])[\u4e00-\u9fff]){1,8}?(?:路|街道|大街|镇|乡|村)(?![\u4e00-\u9fff]?[0-9])"
)
_RUN = re.compile("(?:[\u4e00-\u9fff0-9]| (?=[\u4e00-\u9fff])){0,40}$")
_PLACES = "|".join(sorted(words("provinces_han") + words("cities_han"), key=len, reverse=True))
_PLACE = re.compile(f"(?:{_PLACES})(?:[省市州盟]|自治区|壮族自治区|回族自治区|维吾尔自治区|地区|特别行政区)?")
_ANNOUNCED = re.compile(
    r"(?:地址|住址|住在|家住|居住于?|位于|寄到|寄往|寄至|送到|送至|送往|搬到|现住|户籍|坐落于?|"
    r"设在|开在|来到|前往|赶到|发往|住|在|到|于|往|至|为|是|从|去)"
)
_ROAD = re.compile(f"[\u4e00-\u9fff]{{1,6}}?(?:{_ROADS})?$")
_NEXT = re.compile("[\u4e00-\u9fff]{1,5}?[省市区县旗州镇乡路街道]")
_DISTRICT = re.compile("[\u4e00-\u9fff]{1,5}[区县旗市]")


def english(text: str) -> Iterator[Span]:
    """Addresses in Latin script: a number before or after a street's name, boxes of the post, with flat and town."""
    for number in _NUMBER.finditer(text):
        street = _STREET.match(text, number.start())
        if street:
            yield Span(street.start(), street.start() + len(street[0].rstrip(" ,\n")), Kind.ADDRESS, 0.9)
            continue
        lead = text[max(0, number.start() - 2) : number.start()]
        if lead[1:] != " " or not (lead[0] == "." or (lead[0].isalpha() and lead[0] < "\u2e80")):
            continue
        before = _CONTINENTAL.search(text, max(0, number.start() - 48), number.start())
        if before:
            yield Span(before.start(), number.end(), Kind.ADDRESS, 0.8)
    for box in _BOX.finditer(text):
        yield Span(box.start(), box.end(), Kind.ADDRESS, 0.9)


def chinese(text: str) -> Iterator[Span]:
    """Addresses in Chinese: from the province, city or street to the house, flight of stairs and flat."""
    last = 0
    for house in _HOUSE.finditer(text):
        run = _RUN.search(text, max(last, house.start() - 39), house.start() + 1)
        last = house.end()  # "…室和上海市…": the next address begins after this one
        start = _left_end(run[0]) if run else None
        if run and start is not None:
            yield Span(run.start() + start, house.end(), Kind.ADDRESS, 0.92)
    for street in _NO_HOUSE.finditer(text):
        run = _RUN.search(text, max(0, street.start() - 20), street.start() + 1)
        place = _PLACE.search(run[0]) if run else None
        if run and place:
            yield Span(run.start() + place.start(), street.end(), Kind.ADDRESS, 0.7)


def _left_end(run: str) -> int | None:
    """Return where in ``run``, which ends with the street's last character, the address begins; None: it does not."""
    for place in _PLACE.finditer(run):
        # 常德明 is a person, 常德市 a place: without its suffix a city must have a district or a street right after it.
        if place[0][-1] in "省市州盟区" or _NEXT.match(run, place.end()):
            return place.start()
    starts = [match.end() for match in _ANNOUNCED.finditer(run) if match.end() < len(run) - 1]
    rest = starts[-1] if starts else 0
    district = _DISTRICT.search(run, rest)
    if district:
        return district.start()
    return rest if 2 <= len(run) - rest <= 16 else None
