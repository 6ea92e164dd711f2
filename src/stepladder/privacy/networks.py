"""E-mail, network addresses and URLs with a password in them; each is found from the sign that it cannot do without."""

import ipaddress
import re
from collections.abc import Iterator

from stepladder.privacy.finding import Kind, Span

_DOMAIN = re.compile(r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])")
_LOCAL = re.compile(r"[A-Za-z0-9\u00c0-\u024f](?:[A-Za-z0-9\u00c0-\u024f._%+'-]{0,63})$")
# Domains in other scripts, under the top-level ones that are in use: a mark of "@" before Han is mostly a mention.
_DOMAIN_ELSEWHERE = re.compile(
    r"@(?:[\w-]{1,63}\.){1,8}(?:中国|中國|公司|网络|網絡|公益|政务|香港|рф)(?![\w-])"
)
_LOCAL_ELSEWHERE = re.compile(r"[\w.%+-]{1,32}$")
_SPELLED = re.compile(
    r"[\[(](?:at|AT|At)[\])] ?([A-Za-z0-9-]{1,63}) ?(?:\.|[\[(](?:dot|DOT|Dot)[\])]) ?([A-Za-z]{2,24})(?![A-Za-z0-9])"
)
_LOCAL_SPELLED = re.compile(r"[A-Za-z0-9._%+-]{1,64} ?$")
_CREDENTIALS = re.compile(r"://[^\s/:@]{1,128}:[^\s/@]{1,256}@[^\s/<>\"']{1,255}(?:/[^\s<>\"'，。]*)?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}$")
_V4 = re.compile(r"[0-9](?<![0-9A-Za-z_.-].)[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z_]|[.-][0-9A-Za-z])")
_VERSION = re.compile(
    r"(?:\bversion|\bver|\bv|\brelease|\bbuild|\bsection|版本号?|兼容|固件|程序|软件|客户端|应用|系统|插件|补丁|驱动|内核|driver|firmware|kernel|升级到?|章节?|节)[^0-9\n]{0,6}$",
    re.IGNORECASE,
)
_VERSIONS = re.compile(r" ?(?:及以上|以上|或更|版|(?:and|or) (?:above|later|newer|up))")
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
_DASHES = re.compile(r"-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-")
_HEX_GROUP = re.compile(r"(?<![0-9A-Za-z_])[0-9A-Fa-f]{1,4}$")
_HEX_RUN = re.compile(r"[0-9A-Fa-f:.-]{2,50}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}")


def emails(text: str) -> Iterator[Span]:
    """E-mail addresses, also written ``name [at] host [dot] org``."""
    for match in _DOMAIN.finditer(text):
        local = _LOCAL.search(text, max(0, match.start() - 64), match.start())
        if local:
            yield Span(local.start(), match.end(), Kind.EMAIL, 0.98)
    for match in _DOMAIN_ELSEWHERE.finditer(text):
        local = _LOCAL_ELSEWHERE.search(text, max(0, match.start() - 32), match.start())
        if local:
            yield Span(local.start(), match.end(), Kind.EMAIL, 0.9)
    for match in _SPELLED.finditer(text):
        local = _LOCAL_SPELLED.search(text, max(0, match.start() - 65), match.start())
        if local:
            yield Span(local.start(), match.end(), Kind.EMAIL, 0.9)


def urls(text: str) -> Iterator[Span]:
    """URLs that carry a user and a password."""
    for match in _CREDENTIALS.finditer(text):
        scheme = _SCHEME.search(text, max(0, match.start() - 21), match.start())
        if scheme:
            yield Span(scheme.start(), match.end(), Kind.URL, 0.99)


def addresses_v4(text: str) -> Iterator[Span]:
    """IPv4 addresses; four numbers after the word "version" are none."""
    for match in _V4.finditer(text):
        octets = match[0].split(".")
        plain = all(int(octet) < 256 and (octet == "0" or octet[0] != "0") for octet in octets)
        if (
            plain
            and not _VERSIONS.match(text, match.end())
            and not _VERSION.search(text, max(0, match.start() - 16), match.start())
        ):
            yield Span(match.start(), match.end(), Kind.IP_ADDRESS, 0.95)


def addresses_by_colon(text: str) -> Iterator[Span]:
    """IPv6 and MAC addresses written with colons."""
    done = 0
    for match in _COLONS.finditer(text):
        if match.start() < done:
            continue
        group = _HEX_GROUP.search(text, max(0, match.start() - 5), match.start())
        # Without a group before it, a single colon belongs to what stands before: "IP:fe80:..."
        start = group.start() if group else match.start() + (match[0] != "::")
        run = _HEX_RUN.match(text, start)
        if run:
            end = start + len(run[0].rstrip(".:-"))
            done = max(end, match.end() - 1)
            yield from _hex(text, start, end)


def addresses_by_dash(text: str) -> Iterator[Span]:
    """MAC addresses written with dashes."""
    for match in _DASHES.finditer(text):
        mac = _MAC.match(text, max(0, match.start() - 2))
        if mac:
            yield from _hex(text, mac.start(), mac.end())


def _hex(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield what ``text[start:end]`` is: a MAC address, an IPv6 address or neither."""
    if end - start < 3 or (start and _word(text[start - 1])) or (end < len(text) and _word(text[end])):
        return
    word = text[start:end]
    if _MAC.fullmatch(word):
        yield Span(start, end, Kind.MAC_ADDRESS, 0.95)
    elif any(map(str.isdigit, word)) and word.count(":") >= 2:
        try:
            ipaddress.IPv6Address(word)
        except ValueError:
            return
        yield Span(start, end, Kind.IP_ADDRESS, 0.95)


def _word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in "_-")
