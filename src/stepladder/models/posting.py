"""One JSON request to an endpoint, blocking. Its errors never quote the key or what was sent."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import msgspec

from stepladder.core import ConfigError, UpstreamFailed, config

_MOST_BYTES = 256 << 20


class Poster:
    """Posts to `{base_url}/{route}`. `label` is where a configuration says so."""

    def __init__(self, label: str, base_url: str, route: str, api_key: str, timeout: float) -> None:
        """`api_key` is a reference, "" for none. Nothing is connected yet. Raises ConfigError."""
        address = urlsplit(base_url)
        if address.scheme not in ("http", "https") or not address.hostname or address.username is not None:
            raise ConfigError(
                f"{label}.base_url is not http(s)://HOST/v1.",
                param=f"{label}.base_url",
                remedy='Write http(s)://HOST/v1, and a key as api_key = "env:NAME".',
            )
        if timeout <= 0:
            raise ConfigError(
                f"{label}.timeout is {timeout}.", param=f"{label}.timeout", remedy="Give more than 0."
            )
        self._label = label
        self._kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._host, self._path = address.netloc, f"{address.path.rstrip('/')}/{route}"
        self._timeout = timeout
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {config.secret(api_key, f'{label}.api_key')}"

    def post(self, body: Any) -> bytes:
        """What came back. Raises UpstreamFailed where the endpoint is down or does not answer with HTTP 200."""
        connection = self._kind(self._host, timeout=self._timeout)
        try:
            connection.request("POST", self._path, msgspec.json.encode(body), self._headers)
            response = connection.getresponse()
            status, data = response.status, response.read(_MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise self.failed(f"cannot be asked ({type(error).__name__})") from error
        finally:
            connection.close()
        if status != 200:
            raise self.failed(f"answered with HTTP {status}", status=status)
        return data

    def failed(self, what: str, *, status: int | None = None) -> UpstreamFailed:
        """The error that says so, with where to look."""
        remedy = f"Check {self._label}.base_url, .model, .api_key and the server there."
        retryable = status is None or status in (408, 429) or status >= 500
        return UpstreamFailed(self._label, f"{self._label} {what}.", remedy=remedy, retryable=retryable)


def sendable(text: str) -> str:
    """What a C string and a JSON body can carry."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode("utf-8") or " "
