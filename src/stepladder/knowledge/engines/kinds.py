"""Engines that are known: their addresses and the shape of their answers. Each is the general one with settings filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from stepladder.core import ConfigError, config
from stepladder.knowledge.engines.http_search import HttpRetriever
from stepladder.knowledge.engines.terms_of_use import TermsOfUse


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings(TermsOfUse):
    """What a search engine is configured with; `api_key` is a reference to the secret."""

    base_url: str = ""
    api_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings(TermsOfUse):
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
    keep_seconds: float = 0.0


class SearxngRetriever:
    """SearXNG's JSON API (`search.formats` must allow json there)."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> HttpRetriever:
        """The engine. Raises ConfigError."""
        chosen, base = _engine(name, settings)
        given = {"url": f"{base}/search?q={{query}}&format=json", "text": "content"}
        return HttpRetriever.open(name, {**chosen.terms(), **given, **_key("Authorization", chosen, name)})


class BraveRetriever:
    """Brave's web search."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> HttpRetriever:
        """The engine. Raises ConfigError."""
        chosen, base = _engine(name, settings, "https://api.search.brave.com/res/v1")
        given = {
            "url": f"{base}/web/search?q={{query}}&count={{top}}",
            "text": "description",
            "results": "web?.results",
        }
        return HttpRetriever.open(
            name, {**chosen.terms(), **given, **_key("X-Subscription-Token", chosen, name)}
        )


class BingRetriever:
    """Bing's Web Search API 7. Microsoft closed its own in August 2025, so `base_url` names who offers that interface."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> HttpRetriever:
        """The engine. Raises ConfigError."""
        chosen, base = _engine(name, settings)
        given = {
            "url": f"{base}/v7.0/search?q={{query}}&count={{top}}&responseFilter=Webpages",
            "text": "snippet",
            "title": "name",
            "results": "webPages?.value",
        }
        return HttpRetriever.open(
            name, {**chosen.terms(), **given, **_key("Ocp-Apim-Subscription-Key", chosen, name)}
        )


class BaiduRetriever:
    """Baidu's web search on Qianfan (千帆, `POST /v2/ai_search/web_search`)."""

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> HttpRetriever:
        """The engine. Raises ConfigError."""
        chosen, base = _engine(name, settings, "https://qianfan.baidubce.com")
        given = {
            "url": f"{base}/v2/ai_search/web_search",
            "body": {
                "messages": [{"role": "user", "content": "{query}"}],
                "search_source": "baidu_search_v2",
                "resource_type_filter": [{"type": "web", "top_k": "{top}"}],
            },
            "text": "content",
            "results": "references",
        }
        key = _key("Authorization", chosen, name, scheme="Bearer ")
        return HttpRetriever.open(name, {**chosen.terms(), **given, **key})


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
        given = {
            "url": f"{chosen.base_url.rstrip('/')}/{quote(chosen.index, safe='{},*')}/_search",
            "body": {"query": asked, "size": "{top}"},
            "results": "hits.hits",
            "text": f"_source.{chosen.text}",
            "title": f"_source.{chosen.title}",
            "source": f"_source.{chosen.source}",
            "id": "_id",
            "score": "_score",
        }
        return HttpRetriever.open(name, {**chosen.terms(), **given, **_key("Authorization", chosen, name)})


def _engine(name: str, settings: Mapping[str, Any], base_url: str = "") -> tuple[EngineSettings, str]:
    """The settings and the address. Raises ConfigError where there is none."""
    chosen = config.settings(settings, EngineSettings, f"retrievers.{name}")
    base = (chosen.base_url or base_url).rstrip("/")
    if not base:
        raise ConfigError(
            f"[retrievers.{name}] has no base_url.",
            param=f"retrievers.{name}.base_url",
            remedy="Write the engine's address.",
        )
    return chosen, base


def _key(
    header: str, chosen: EngineSettings | IndexSettings, name: str, *, scheme: str = ""
) -> dict[str, dict[str, str]]:
    if not chosen.api_key:
        return {}
    return {"headers": {header: scheme + config.secret(chosen.api_key, f"retrievers.{name}.api_key")}}
