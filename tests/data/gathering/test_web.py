"""Sites and feeds as rows, over a real server on loopback."""

import json

import pytest

from stepladder.core import BadRequest, SourceKind
from stepladder.data import Crawl, Reading, Source, gather_rows, web_source
from tests.knowledge.web import web

pytest.importorskip("feedparser", reason="the extra documents is not installed")
pytest.importorskip("protego", reason="the extra documents is not installed")
FAST = Crawl(rate=100.0)
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"


@pytest.fixture
def site():
    with web() as laid:
        yield laid


def gathered(folder, *sources):
    told = gather_rows(sources, Reading(), folder / "rows.jsonl", lambda *_: None)
    lines = (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    return told, [json.loads(line) for line in lines]


def test_a_site_s_pages_become_rows_and_robots_txt_is_kept(site, tmp_path):
    site.pages["/robots.txt"] = (200, {}, "User-agent: *\nDisallow: /private\n")
    site.page("/", "/one", "/two", "/private/x", "http://localhost:1/else", text="Start here.", title="Home")
    site.pages["/one"] = (
        f"<html><head><title>水獭</title><link rel='license' href='{CC0}'>"
        "<meta property='article:published_time' content='2024-05-01T00:00:00Z'></head><p>水獭住在河边。</p></html>"
    )
    site.pages["/two"] = (
        200,
        {"Content-Type": "text/html; charset=utf-8"},
        "<p>The page about badgers.</p><a rel='license' href='/terms'>Terms</a> <a href='/three'>on</a>"
        "<meta name='date' content='long ago'>",
    )
    site.page("/three", text="Too deep.")
    site.page("/private/x", text="Secret weasels.")
    (told,), rows = gathered(
        tmp_path,
        web_source(f"{site.url}/", SourceKind.SITE, Crawl(depth=1, rate=100.0, licence="ask the town")),
    )
    assert [row["url"] for row in rows] == [f"{site.url}/", f"{site.url}/one", f"{site.url}/two"]
    assert rows[0]["input"].startswith("Start here.") and rows[0]["title"] == "Home"
    assert rows[1] == {
        "input": "水獭住在河边。",
        "url": f"{site.url}/one",
        "title": "水獭",
        "licence": CC0,
        "time": 1714521600.0,
        "source": f"{site.url}/:2",
    }
    assert [row["licence"] for row in rows] == ["ask the town", CC0, f"{site.url}/terms"]
    assert "time" not in rows[2] and "title" not in rows[2]
    (skip,) = told.first_skipped
    assert (told.rows, told.skipped) == (3, 1)
    assert skip.reason == f"{site.url}/private/x: robots.txt forbids it"
    paths = [path for path, _ in site.asked]
    assert paths[0] == "/robots.txt" and len(paths) == len(set(paths))
    assert not {"/private/x", "/three"} & set(paths)
    assert {headers["User-Agent"] for _, headers in site.asked} == {"stepladder"}


def test_a_feed_s_items_become_rows_and_an_ill_feed_is_skipped_with_the_reason(site, tmp_path):
    items = (
        "<item><guid>a</guid><title>Bridge</title><link>http://town.example/a</link>"
        "<pubDate>Wed, 01 May 2024 00:00:00 GMT</pubDate><description>&lt;p&gt;It is closed.&lt;/p&gt;</description></item>"
        "<item><guid isPermaLink='false'>b</guid><title>桥</title><description>新桥已通车。</description></item>"
    )
    head = f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="license" href="{CC0}"/>'
    feed = f'<rss version="2.0"><channel><title>News</title>{head}{items}</channel></rss>'
    site.pages["/rss"] = (200, {"Content-Type": "application/rss+xml; charset=utf-8"}, feed)
    told, rows = gathered(
        tmp_path,
        web_source(f"{site.url}/rss", SourceKind.FEED, FAST),
        web_source(f"{site.url}/gone", SourceKind.FEED, FAST),
    )
    one, two = rows
    assert (one["input"], one["title"], one["url"]) == ("It is closed.", "Bridge", "http://town.example/a")
    assert one["time"] == 1714521600.0 and one["licence"] == two["licence"] == CC0
    assert (two["input"], two["url"], "time" in two) == ("新桥已通车。", f"{site.url}/rss", False)
    assert [(each.rows, each.skipped) for each in told] == [(2, 0), (0, 1)]
    assert "404" in told[1].first_skipped[0].reason


def test_a_site_that_a_run_was_stopped_in_is_begun_anew_and_nothing_stands_twice(site, tmp_path):
    site.page("/", "/one", "/two", text="Start here.")
    site.page("/one", text="The first page.")
    site.page("/two", text="The second page.")
    whole = web_source(f"{site.url}/", SourceKind.SITE, FAST)
    first = Source("first", lambda: iter([{"input": "a row"}]))

    def stopped():
        records = whole.open()
        yield next(records)
        records.close()
        raise KeyboardInterrupt

    torn = Source(whole.name, stopped, fleeting=True, reading=whole.reading)
    with pytest.raises(KeyboardInterrupt):
        gathered(tmp_path, first, torn)
    site.page("/one", text="The first page, mended.")
    told, rows = gathered(tmp_path, first, whole)
    assert [each.rows for each in told] == [1, 3]
    assert [row["input"].split(" /")[0].strip() for row in rows] == [
        "a row",
        "Start here.\n\n/one",
        "The first page, mended.",
        "The second page.",
    ]


@pytest.mark.parametrize(
    ("url", "crawl"),
    [
        ("town.example", FAST),
        ("http://town.example", Crawl(pages=0)),
        ("http://town.example", Crawl(depth=-1)),
        ("http://town.example", Crawl(rate=0.0)),
    ],
)
def test_what_is_no_address_or_no_bound_is_refused(url, crawl):
    with pytest.raises(BadRequest):
        web_source(url, SourceKind.SITE, crawl)
