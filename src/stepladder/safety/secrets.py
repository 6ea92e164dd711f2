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

_KNOWN = re.compile(
    "|".join(
        f"(?P<{kind}>{form})"
        for kind, form in (
            ("openai_key", r"\bsk-(?=[A-Za-z_-]{0,60}\d)[A-Za-z0-9_-]{20,}"),
            ("aws_key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
            ("github_token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})"),
            ("gitlab_token", r"\bgl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{20,}"),
            ("slack_token", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
            ("slack_webhook", r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{30,}"),
            ("google_key", r"\bAIza[A-Za-z0-9_-]{35}"),
            ("google_token", r"\bya29\.[A-Za-z0-9_-]{20,}"),
            ("stripe_key", r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"),
            ("huggingface_token", r"\bhf_[A-Za-z0-9]{30,}"),
            ("pypi_token", r"\bpypi-[A-Za-z0-9_-]{50,}"),
            ("npm_token", r"\bnpm_[A-Za-z0-9]{36}\b"),
            ("sendgrid_key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
            ("twilio_key", r"\bSK[0-9a-f]{32}\b"),
            ("telegram_token", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
            ("alibaba_key", r"\bLTAI[A-Za-z0-9]{12,24}\b"),
            ("tencent_key", r"\bAKID[A-Za-z0-9]{32}\b"),
            ("digitalocean_token", r"\bdo[opr]_v1_[a-f0-9]{40,64}"),
            ("stepladder_key", r"\bsl-[A-Za-z0-9_-]{24,}"),
            ("jwt", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
            ("private_key",
             r"-----BEGIN [A-Z ]{0,24}PRIVATE KEY-----[\s\S]{0,8000}?(?:-----END [A-Z ]{0,24}PRIVATE KEY-----|\Z)"),
            ("url_password", r"\b[a-z][a-z0-9+.-]{1,12}://[^\s:/@]{1,64}:[^\s:/@]{3,64}(?=@)"),
        )
    )
)  # fmt: skip
_SAID = re.compile(
    r"(?P<name>pass(?:word|wd|phrase)?|pwd|secret|token|(?:api|access|auth)[_ -]?key|credential|密码|口令|密钥|令牌|秘钥)"
    r"[\"'`]?\s{0,3}(?:is|was|=>|:=|[:=：]|是|为)\s{0,3}[\"'`]?(?P<value>[^\s\"'`,;，。；<>]{6,128})",
    re.IGNORECASE,
)
# What all of it shares: a known beginning, or a word for a secret. Nearly no text holds one, and looking is quick.
_HINTS = Literals(
    "sk-", "akia", "asia", "abia", "acca", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "glpat-", "gldt-", "glrt-",
    "glcbt-", "glptt-", "xox", "hooks.slack", "aiza", "ya29", "_live_", "_test_", "hf_", "pypi-", "npm_", "sg.", ":aa", "ltai",
    *(f"sk{digit}" for digit in "0123456789abcdef"), "akid", "doo_v1", "dop_v1", "dor_v1", "sl-", "eyj", "private key", "://",
    "pass", "pwd", "secret", "token", "key", "credential", "密码", "口令", "密钥", "令牌", "秘钥",
)  # fmt: skip
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

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Find the secrets in a text."""
        spans = tuple(joined(_found(text))) if _HINTS.within(text.lower()) else ()
        if not spans:
            return Verdict()
        categories = tuple(dict.fromkeys(span.kind for span in spans))
        redacted = mask(text, spans) if self._action is Action.REDACT else None
        return Verdict(self._action, categories, 1.0, spans, f"{len(spans)} secrets", redacted)


def _found(text: str) -> Iterator[Span]:
    for match in _KNOWN.finditer(text):
        start, end = match.span()
        if match.lastgroup == "url_password":
            start = text.rindex(":", start, end) + 1
        yield Span(start, end, str(match.lastgroup), text[start:end])
    for match in _SAID.finditer(text):
        value = match["value"]
        if _is_random(value):
            yield Span(match.start("value"), match.end("value"), "password", value)


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
