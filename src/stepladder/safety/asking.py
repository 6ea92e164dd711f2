"""A safety model behind an OpenAI-compatible endpoint, asked once and without an event loop."""

import http.client
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from stepladder.core import Turn, UpstreamFailed
from stepladder.safety.dialects import Dialect, Said

_MOST_BYTES = 1 << 20
_MOST_TURNS = 6
_MOST_TOKENS = 64
_REST_SECONDS = 5.0
"""After a failure the endpoint is left alone for so long: a dead one must not cost every question its time limit."""


class SafetyModel:
    """`prices` are those of a million tokens, read and written. Its errors never quote a text or the key. Safe in threads."""

    def __init__(
        self, url: str, model: str, dialect: Dialect, *, key: str, timeout: float, prices: tuple[float, float]
    ) -> None:
        self.model = model
        self._address = urlsplit(f"{url.rstrip('/')}/chat/completions")
        self._dialect = dialect
        self._headers = {"Content-Type": "application/json", "User-Agent": "stepladder"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._timeout = timeout
        self._prices = prices
        self._resting = 0.0
        self._lock = threading.Lock()

    def ask(self, text: str, turns: Sequence[Turn] = ()) -> tuple[Said, float]:
        """What it says of a text, and what that cost. Raises UpstreamFailed."""
        if time.monotonic() < self._resting:
            raise self._failed("failed a moment ago and is left alone")
        try:
            answer = self._post(self._body(text, turns))
            said = self._dialect.read(answer["choices"][0]["message"]["content"] or "")
        except (OSError, http.client.HTTPException) as error:
            raise self._rest(f"cannot be asked ({type(error).__name__})") from error
        except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError, AttributeError) as error:
            raise self._failed("answered with what is no completion") from error
        if said is None:
            raise self._failed("answered with no verdict of its dialect")
        return said, self._cost(answer.get("usage"), text)

    def most(self, text: str, turns: Sequence[Turn] = ()) -> float:
        """What asking may cost: each byte that is sent is a token at most."""
        if not any(self._prices):
            return 0.0
        return (len(self._body(text, turns)) * self._prices[0] + _MOST_TOKENS * self._prices[1]) / 1e6

    def _body(self, text: str, turns: Sequence[Turn]) -> bytes:
        prompt = self._dialect.prompt
        if prompt:
            said = prompt.replace("{guideline}", self._dialect.guideline).replace("{text}", text)
            messages = [{"role": "user", "content": said}]
        else:
            messages = [
                {"role": turn.role, "content": turn.content}
                for turn in turns[-_MOST_TURNS:]
                if turn.role in ("user", "assistant")
            ]
            messages.append({"role": "user", "content": text})
        body = {"model": self.model, "messages": messages, "max_tokens": _MOST_TOKENS, "temperature": 0}
        return msgspec.json.encode(body)

    def _post(self, body: bytes) -> Any:
        address = self._address
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.netloc, timeout=self._timeout)
        try:
            connection.request("POST", address.path, body, self._headers)
            response = connection.getresponse()
            status, data = response.status, response.read(_MOST_BYTES)
        finally:
            connection.close()
        if status >= 500 or status == 429:
            raise self._rest(f"answered with HTTP {status}")
        if status != 200:
            raise self._failed(f"answered with HTTP {status}")
        return msgspec.json.decode(data)

    def _cost(self, usage: Any, text: str) -> float:
        """By the tokens that it tells, else by about four bytes of text a token."""
        told = usage if isinstance(usage, dict) else {}
        read, written = told.get("prompt_tokens"), told.get("completion_tokens")
        read = read if isinstance(read, int) else len(text.encode("utf-8", "replace")) // 4 + 1
        written = written if isinstance(written, int) else _MOST_TOKENS // 4
        return (read * self._prices[0] + written * self._prices[1]) / 1e6

    def _rest(self, why: str) -> UpstreamFailed:
        with self._lock:
            self._resting = time.monotonic() + _REST_SECONDS
        return self._failed(why)

    def _failed(self, why: str) -> UpstreamFailed:
        return UpstreamFailed(self.model, f"The safety model {self.model} {why}.")
