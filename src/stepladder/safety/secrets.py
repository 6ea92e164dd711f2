"""The guard against secrets in texts: keys, tokens and private keys of known form, and strings too random to be words.

Known forms name their issuer's documented prefix. Anything else counts only where the text itself says that it is a
secret (`password = ...`) and its characters are as random as a key's. What is found is replaced, not blocked.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from stepladder.core import Action, Side, Span, Turn, Verdict, config
from stepladder.safety.shape import Literals
from stepladder.safety.spans import joined, mask

# Kind of secret, what its text holds in lower case (looking for that is quick), and its form.
_FORMS = (
    ("openai_key", "sk-", r"\bsk-(?=[A-Za-z_-]{0,60}\d)[A-Za-z0-9_-]{20,}"),
    ("aws_key", "akia asia abia acca", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    ("github_token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
    ("gitlab_token", "glpat- gldt- glrt- glcbt- glptt-", r"\bgl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{20,}"),
    ("slack_token", "xox", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("slack_webhook", "hooks.slack", r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{30,}"),
    ("google_key", "aiza", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("google_token", "ya29", r"\bya29\.[A-Za-z0-9_-]{20,}"),
    ("stripe_key", "_live_ _test_", r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("huggingface_token", "hf_", r"\bhf_[A-Za-z0-9]{30,}"),
    ("pypi_token", "pypi-", r"\bpypi-[A-Za-z0-9_-]{50,}"),
    ("npm_token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("sendgrid_key", "sg.", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("twilio_key", "sk0 sk1 sk2 sk3 sk4 sk5 sk6 sk7 sk8 sk9 ska skb skc skd ske skf", r"\bSK[0-9a-f]{32}\b"),
    ("telegram_token", ":aa", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    ("alibaba_key", "ltai", r"\bLTAI[A-Za-z0-9]{12,24}\b"),
    ("tencent_key", "akid", r"\bAKID[A-Za-z0-9]{32}\b"),
    ("digitalocean_token", "doo_v1 dop_v1 dor_v1", r"\bdo[opr]_v1_[a-f0-9]{40,64}"),
    ("stepladder_key", "sl-", r"\bsl-[A-Za-z0-9_-]{24,}"),
    ("jwt", "eyj", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ("private_key", "private_key",
     r"-----BEGIN [A-Z ]{0,24}PRIVATE KEY-----[\s\S]{0,8000}?(?:-----END [A-Z ]{0,24}PRIVATE KEY-----|\Z)"),
    ("url_password", "://", r"\b[a-z][a-z0-9+.-]{1,12}://[^\s:/@]{1,64}:[^\s:/@]{3,64}(?=@)"),
)  # fmt: skip
_SAID = re.compile(
    r"(?P<name>pass(?:word|wd|phrase)?|pwd|secret|token|(?:api|access|auth)[_ -]?key|credential|密码|口令|密钥|令牌|秘钥)"
    r"[\"'`]?\s{0,3}(?:is|was|=>|:=|[:=：]|是|为)\s{0,3}[\"'`]?(?P<value>[^\s\"'`,;，。；<>]{6,128})",
    re.IGNORECASE,
)
# The middle of `_SAID`, tried where a text holds one of `_CALLED`: most texts that speak of a key end here.
_SAYS = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|key|credential|密码|口令|密钥|令牌|秘钥)"
    r"[\"'`]?\s{0,3}(?:is|was|=>|:=|[:=：]|是|为)",
    re.IGNORECASE,
)
_CALLED = ("pass", "pwd", "secret", "token", "key", "credential", "密码", "口令", "密钥", "令牌", "秘钥")
_HINTS = [
    (kind, hint.replace("_key", " key") if kind == "private_key" else hint)
    for kind, hints, _ in _FORMS
    for hint in hints.split()
]
_HINTS += [("password", word) for word in _CALLED]
_LOOK = Literals(*(hint for _, hint in _HINTS))
_COMPILED = {kind: re.compile(form) for kind, _, form in _FORMS} | {"password": _SAID}
_ELSEHOW = ("password", "private_key", "url_password", "telegram_token")
_BEGINS = ("-----begin", "https://hooks.slack", *(hint for kind, hint in _HINTS if kind not in _ELSEHOW))
_RUN = re.compile(r"[^\s\"'`,;，。；<>]+\Z")
_START = re.compile(r"\b(?=\w)|-(?=----)|-{1,5}\Z")
_SAYING = re.compile(_SAID.pattern.replace("{6,128}", "{0,128}") + r"\Z", re.IGNORECASE)
_NOTHING = Verdict()
_RANDOM_BITS = 3.0  # Shannon entropy a character; English words have about 2.5 over so short a string


@dataclass(frozen=True, slots=True)
class SecretsSettings:
    """What becomes of a secret: "redact" (default), "hold" or "block"."""

    action: Action = Action.REDACT
    side: Side = Side.BOTH


class SecretsGuard:
    """Finds secrets. A form is known by its first 64 characters, and what goes on beyond them belongs to it."""

    window = 64
    quick = True

    def __init__(self, name: str, settings: SecretsSettings | None = None) -> None:
        settings = settings or SecretsSettings()
        self.name = name
        self.side = settings.side
        self._action = settings.action

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """Open with a configuration's settings. Raises ConfigError naming the key."""
        return cls(name, config.settings(settings, SecretsSettings, f"guards.{name}"))

    def tail(self, text: str) -> int:
        """How many characters of the text's end may be the beginning of a secret; they wait for what follows."""
        lower = text[-self.window :].lower()
        found = _SAYING.search(lower) if any(word in lower for word in _CALLED) else None
        run = _RUN.search(lower)
        starts = [found.start("value")] if found else []
        if run is not None:
            starts += [
                at.start() for at in _START.finditer(lower, run.start()) if _may_begin(lower[at.start() :])
            ]
        if "-----begin" in lower:
            starts.append(lower.index("-----begin"))
        return len(lower) - min(starts, default=len(lower))

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Find the secrets in a text."""
        lower = text.lower()
        hints = _LOOK.found(lower)
        if not hints:
            return _NOTHING
        kinds = {_HINTS[number][0] for number in hints}
        if "password" in kinds and not _says(text, lower):
            kinds.remove("password")
        spans = tuple(joined(_found(text, kinds)))
        if not spans:
            return _NOTHING
        categories = tuple(dict.fromkeys(span.kind for span in spans))
        redacted = mask(text, spans) if self._action is Action.REDACT else None
        return Verdict(self._action, categories, 1.0, spans, f"{len(spans)} secrets", redacted)


def _may_begin(piece: str) -> bool:
    """Whether a secret may begin so: the piece is the beginning of a known one's, or goes on from there."""
    if piece[0].isdigit() or "://" in piece:
        return True  # a bot's token, a password in an address
    return any(hint.startswith(piece) or piece.startswith(hint) for hint in _BEGINS)


def _says(text: str, lower: str) -> bool:
    """Whether a text says what a secret is, right after what it is called; True where the two differ in length."""
    if len(lower) != len(text):
        return True
    for word in _CALLED:
        at = lower.find(word)
        while at >= 0:
            if _SAYS.match(text, at):
                return True
            at = lower.find(word, at + 1)
    return False


def _found(text: str, kinds: set[str]) -> Iterator[Span]:
    for kind in sorted(kinds):
        for match in _COMPILED[kind].finditer(text):
            start, end = match.span("value") if kind == "password" else match.span()
            if kind == "url_password":
                start = text.rindex(":", start, end) + 1
            if kind != "password" or _is_random(text[start:end]):
                yield Span(start, end, kind, text[start:end])


def _is_random(value: str) -> bool:
    """Whether a value looks made by chance: many different characters of at least two sorts, and no placeholder."""
    if re.search(r"^[<{$%*\[]|[*.x]{4,}|example|your|changeme|placeholder|^https?:", value, re.IGNORECASE):
        return False
    sorts = sum(bool(re.search(sort, value)) for sort in ("[a-z]", "[A-Z]", "[0-9]", r"[^\w]"))
    if not value.isascii() or sorts < 2:
        return False
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return bits >= _RANDOM_BITS or (sorts >= 3 and len(value) >= 8)
