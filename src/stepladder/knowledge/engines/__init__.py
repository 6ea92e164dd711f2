"""Retrievers beside our own documents: search engines and indexes elsewhere, asked over HTTP.

What they find is untrusted text like any other. A question that is searched for there leaves this machine, so
confidential ones are not.
"""

from stepladder.knowledge.engines.http_search import HttpRetriever, HttpSettings
from stepladder.knowledge.engines.kinds import (
    BaiduRetriever,
    BingRetriever,
    BraveRetriever,
    OpenSearchRetriever,
    SearxngRetriever,
)

__all__ = [
    "BaiduRetriever",
    "BingRetriever",
    "BraveRetriever",
    "HttpRetriever",
    "HttpSettings",
    "OpenSearchRetriever",
    "SearxngRetriever",
]
