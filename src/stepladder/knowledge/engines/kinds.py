"""Engines that are known: their addresses and the shape of their answers. Each is the general one with settings filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from stepladder.core import config
from stepladder.knowledge.engines.http_search import HttpRetriever, HttpSettings

_IN_A_NAME = "{},*"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What `searxng` and `brave` are configured with; `api_key` is a reference to the secret."""

    base_url: str = ""
    api_key: str = ""
    domains: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    timeout: float = 5.0
    per_minute: int = 0
    per_day: int = 0
    keep_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """`kind = "opensearch"`, and Elasticsearch: an `index` whose documents have these fields.

    With `tenant_field`, only documents whose field holds the asker's tenant, or "" for all, are found.
    """

    base_url: str
    index: str
    text: str = "text"
    title: str = "title"
    source: str = "source"
    tenant_field: str = ""
    api_key: str = ""
    collections: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    timeout: float = 5.0
    per_minute: int = 0
    per_day: int = 0
    keep_seconds: float = 0.0


class SearxngRetriever:
    """SearXNG's JSON API (`search.formats` must allow json there)."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> HttpRetriever:
        """The engine. Raises ConfigError."""
        chosen = config.settings(settings, EngineSettings, f"retrievers.{name}")
        address = f"{chosen.base_url.rstrip('/')}/search?q={{query}}&format=json"
        return HttpRetriever.open(name, _engine(name, chosen, address, text="content"))


class BraveRetriever:
    """Brave's web search."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> HttpRetriever:
        """The engine. Raises ConfigError."""
        chosen = config.settings(settings, EngineSettings, f"retrievers.{name}")
        base = chosen.base_url or "https://api.search.brave.com/res/v1"
        address = f"{base.rstrip('/')}/web/search?q={{query}}&count={{top}}"
        return HttpRetriever.open(
            name,
            _engine(
                name, chosen, address, text="description", results="web.results", key="X-Subscription-Token"
            ),
        )


class OpenSearchRetriever:
    """An index of OpenSearch or Elasticsearch, by its own ranking of words."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> HttpRetriever:
        """The index. Raises ConfigError."""
        chosen = config.settings(settings, IndexSettings, f"retrievers.{name}")
        fields = [chosen.text, chosen.title]
        asked: dict[str, Any] = {"multi_match": {"query": "{query}", "fields": fields}}
        if chosen.tenant_field:
            mine = {"terms": {chosen.tenant_field: ["{tenant}", ""]}}
            asked = {"bool": {"must": asked, "filter": mine}}
        given = HttpSettings(
            url=f"{chosen.base_url.rstrip('/')}/{quote(chosen.index, safe='{},*')}/_search",
            body={"query": asked, "size": "{top}"},
            headers=_key("Authorization", chosen.api_key, name),
            results="hits.hits",
            text=f"_source.{chosen.text}",
            title=f"_source.{chosen.title}",
            source=f"_source.{chosen.source}",
            id="_id",
            score="_score",
            collections=chosen.collections,
            tenants=chosen.tenants,
            timeout=chosen.timeout,
            per_minute=chosen.per_minute,
            per_day=chosen.per_day,
            keep_seconds=chosen.keep_seconds,
        )
        return HttpRetriever.open(name, msgspec.to_builtins(given))


def _key(header: str, reference: str, name: str) -> dict[str, str]:
    return {header: config.secret(reference, f"retrievers.{name}.api_key")} if reference else {}


def _engine(
    name: str,
    chosen: EngineSettings,
    url: str,
    *,
    text: str,
    results: str = "results",
    key: str = "Authorization",
) -> dict[str, Any]:
    return {
        "url": url,
        "headers": _key(key, chosen.api_key, name),
        "results": results,
        "text": text,
        "title": "title",
        "source": "url",
        "domains": chosen.domains,
        "collections": chosen.collections,
        "tenants": chosen.tenants,
        "timeout": chosen.timeout,
        "per_minute": chosen.per_minute,
        "per_day": chosen.per_day,
        "keep_seconds": chosen.keep_seconds,
    }
