"""A feed beside a running server: what comes is answerable within seconds, what goes is not, caches included."""

import json
import urllib.request

import pytest

from tests.knowledge.web import web
from tests.product import Product, eventually, recorded, write_config

pytest.importorskip("feedparser", reason="the extra documents is not installed")
QUESTION = "When does the north ferry leave?"
TABLES = """
[knowledge.embedder]
kind = "none"
[knowledge.sources.news]
kind = "feed"
where = "URL/rss"
collection = "news"
every = 0.5
rate = 50.0
[tasks.help]
kind = "answer"
top = "big"
knowledge = "news"
cache_seconds = 3600
"""


def ask(product):
    body = json.dumps({"model": "help", "messages": [{"role": "user", "content": QUESTION}]}).encode()
    headers = {"Authorization": f"Bearer {product.key}"}
    request = urllib.request.Request(f"{product.url}/chat/completions", body, headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["choices"][0]["message"]["content"]


@pytest.mark.parametrize("server", ["flywheel = false", "flywheel = false\nworkers = 2"])
def test_an_item_is_answerable_within_a_minute_and_a_removed_one_is_not(tmp_path, server):
    with web() as site:
        item = {"a": ("Ferry", "The north ferry leaves at nine every morning.")}
        other = {"b": ("Fair", "A fair is held in the old town.")}
        site.feed("/rss", other)
        top = recorded(tmp_path, {QUESTION: "I don't know."})
        config = write_config(tmp_path, top, TABLES.replace("URL", site.url), server=server)
        with Product(config) as product:
            assert ask(product) == "I don't know."
            site.feed("/rss", {**item, **other})
            eventually(lambda: ask(product) == "The north ferry leaves at nine every morning. [1]", 60)
            assert ask(product).endswith("[1]")
            site.feed("/rss", other)
            eventually(lambda: ask(product) == "I don't know.", 60)
