"""A search engine over HTTP that answers with JSON: where the results are in it, the settings say."""

import http.client
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from stepladder.core import (
    BadRequest,
    ConfigError,
    Hit,
    Passage,
    Quotas,
    RungFailed,
    Scope,
    UpstreamFailed,
    config,
)
from stepladder.knowledge.engines.terms_of_use import TermsOfUse
from stepladder.knowledge.html_text import html_text
from stepladder.knowledge.numbering import foreign_number
from stepladder.knowledge.quota import QuotaFile

_MOST_BYTES = 8 << 20
_MOST_TEXT = 20_000
_MOST_QUERY = 1000
_TWO_HOSTS = re.compile(r"[\s\\]|//[^/?#]*@")  # where browsers may find another host than we do
_REMEMBERED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings(TermsOfUse):
    """`[retrievers.x]`, `kind = "http"`: any engine that answers a GET, or a POST of `body`, with JSON.

    `{query}`, `{top}`, `{collection}` and `{tenant}` stand in `url`, and as values in `body`. `results` leads to the list
    in the answer (with a ? in it, one that finds nothing may leave it out); `text`, `title`, `source`, `id` and `score`
    lead to their parts in a result, each by names with dots between. `headers` hold references to secrets.
    """

    url: str
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    results: str = "results"
    text: str = "text"
    title: str = "title"
    source: str = "url"
    id: str = ""
    score: str = ""


class HttpRetriever:
    """Asks an engine. Its errors never quote the query or a secret. Safe from many threads."""

    def __init__(self, name: str, settings: HttpSettings, headers: Mapping[str, str]) -> None:
        """`headers` with their secrets resolved."""
        self._name = name
        self._settings = settings
        self._headers = {"Accept": "application/json", "User-Agent": "stepladder", **headers}
        self._quotas: Quotas = QuotaFile()
        self._spans = settings.spans()
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], tuple[float, list[Any]]] = OrderedDict()

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "HttpRetriever":
        """Check the settings and resolve the secrets; nothing is asked yet. Raises ConfigError."""
        where = f"retrievers.{name}"
        chosen = config.settings(settings, HttpSettings, where)
        address = urlsplit(chosen.url)
        if address.scheme not in ("http", "https") or not address.hostname or address.username is not None:
            raise ConfigError(
                f"{where}.url is not http(s)://HOST/...",
                param=f"{where}.url",
                remedy='Write the address, and a key as headers = { X-Key = "env:NAME" }.',
            )
        if chosen.timeout <= 0:
            raise ConfigError(
                f"{where}.timeout is {chosen.timeout}.",
                param=f"{where}.timeout",
                remedy="Give seconds above 0.",
            )
        headers = {
            key: config.secret(value, f"{where}.headers.{key}")
            if value.startswith(("env:", "file:"))
            else value
            for key, value in chosen.headers.items()
        }
        return cls(name, chosen, headers)

    def ration(self, quotas: Quotas) -> None:
        """Count with everybody else who counts there."""
        self._quotas = quotas

    def retrieve(self, query: str, collection: str, scope: Scope, *, top: int = 10) -> Sequence[Hit]:
        """What the engine finds, in its own order. Raises BadRequest for what it does not answer for, UpstreamFailed."""
        chosen = self._settings
        if (chosen.collections and collection not in chosen.collections) or (
            chosen.tenants and scope.tenant not in chosen.tenants
        ):
            raise _unknown(collection)
        wanted = query[:_MOST_QUERY].replace("\0", " ").encode("utf-8", "replace").decode()
        if not wanted.strip():
            return []
        results = self._asked({"query": wanted, "top": top, "tenant": scope.tenant, "collection": collection})
        hits = [hit for place, result in enumerate(results) if (hit := self._hit(result, place, collection))]
        return sorted(hits, key=lambda hit: -hit.score)[:top]

    def _asked(self, given: Mapping[str, Any]) -> list[Any]:
        key, now = tuple(given.values()), time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and kept[0] > now:
            return kept[1]
        if not self._quotas.take(f"retrievers.{self._name}", self._spans):
            raise RungFailed(
                self._name, f"The quota of {self._name} is used up.", remedy="Wait, or raise it."
            )
        results = self._settings.results
        found = _at(self._fetch(given), results.replace("?", ""))
        if found is None and "?" in results:
            found = []
        if not isinstance(found, list):
            raise self._failed(f"answered without a list at {self._settings.results!r}")
        with self._lock:
            self._kept[key] = (now + self._settings.keep_seconds, found)
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)
        return found

    def _fetch(self, given: Mapping[str, Any]) -> Any:
        address = urlsplit(self._settings.url)
        path = f"{address.path or '/'}{'?' if address.query else ''}{address.query}"
        for name, value in given.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        body = msgspec.json.encode(_filled(self._settings.body, given)) if self._settings.body else None
        headers = {**self._headers, **({"Content-Type": "application/json"} if body else {})}
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.netloc, timeout=self._settings.timeout)
        try:
            connection.request("POST" if body else "GET", path, body, headers)
            response = connection.getresponse()
            status, data = response.status, response.read(_MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise self._failed(f"cannot be asked ({type(error).__name__})") from error
        finally:
            connection.close()
        if status == 404:
            raise _unknown(given["collection"])
        if status != 200 or len(data) > _MOST_BYTES:
            raise self._failed(f"answered with HTTP {status}" if status != 200 else "answered with too much")
        try:
            return msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._failed("answered with what is no JSON") from error

    def _hit(self, result: Any, place: int, collection: str) -> Hit | None:
        chosen = self._settings
        source, said = _text(_at(result, chosen.source)), _text(_at(result, chosen.text))
        text = html_text(said)[1] if "<" in said else said.strip()
        if not text or not _allowed(source, chosen.domains):
            return None
        document = _text(_at(result, chosen.id)) if chosen.id else source
        score = _at(result, chosen.score) if chosen.score else None
        ranked = float(score) if isinstance(score, int | float) else 1.0 / (1 + place)
        title = html_text(_text(_at(result, chosen.title)))[1]
        return Hit(
            Passage(
                foreign_number(document, text),
                collection,
                document or source,
                text[:_MOST_TEXT],
                title,
                source=source,
            ),
            ranked,
        )

    def _failed(self, what: str) -> UpstreamFailed:
        return UpstreamFailed(
            self._name,
            f"{self._name} {what}.",
            remedy=f"Check [retrievers.{self._name}] and the engine there.",
        )


def _unknown(collection: str) -> BadRequest:
    return BadRequest(f"There is no collection {collection!r}.", param="collection", remedy="Name another.")


def _at(value: Any, path: str) -> Any:
    """The part of a JSON value that names with dots between lead to; None where they lead nowhere."""
    for name in path.split(".") if path else ():
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _filled(value: Any, given: Mapping[str, Any]) -> Any:
    """The same with `{query}` and the like replaced, where they are a whole value."""
    if isinstance(value, Mapping):
        return {key: _filled(inner, given) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(inner, given) for inner in value]
    return given.get(value[1:-1], value) if isinstance(value, str) and value[:1] == "{" else value


def _allowed(source: str, domains: Sequence[str]) -> bool:
    if not domains:
        return True
    if not source.startswith(("http://", "https://")) or _TWO_HOSTS.search(source):
        return False
    try:
        host = (urlsplit(source).hostname or "").lower()
    except ValueError:  # no address at all
        return False
    return any(host == domain.lower() or host.endswith("." + domain.lower()) for domain in domains)
