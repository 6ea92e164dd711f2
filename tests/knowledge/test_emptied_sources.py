"""Sources that suddenly give nothing keep their documents until somebody says that they are empty; labels may change."""

import sqlite3
from contextlib import closing

import pytest

from stepladder.core import SourceKind, Vanished
from tests.knowledge.test_sources import NEWS, counts, found

pytest.importorskip("feedparser", reason="the extra documents is not installed")
pytest.importorskip("protego", reason="the extra documents is not installed")


async def test_a_source_that_suddenly_gives_nothing_keeps_its_documents(visit, knowledge, site, tmp_path):
    async def look(kind, where, **more):
        outcome = await visit(kind, where, **more)
        return counts(outcome), outcome.lost, knowledge.lost("s", "c")

    feed, file = f"{site.url}/rss", tmp_path / "shop.db"
    said = f"{feed}: no item is left of 2; perhaps something is wrong with it, so nothing is taken out"
    site.feed("/rss", NEWS)
    await visit(SourceKind.FEED, feed)
    site.feed("/rss", {})
    for _ in range(2):  # an ETag does not make it the state of things
        assert await look(SourceKind.FEED, feed) == ((0, 0, 0), said, said)
    assert found(knowledge, "bridge") and found(knowledge, "新桥")
    site.feed("/rss", {"b": NEWS["b"]})
    assert await look(SourceKind.FEED, feed) == ((0, 0, 1), "", "")
    site.feed("/rss", {})
    assert await look(SourceKind.FEED, feed, vanished=Vanished.KEEP) == ((0, 0, 0), "", "")
    assert await look(SourceKind.FEED, feed, emptied=True) == ((0, 0, 1), "", "")
    assert await look(SourceKind.FEED, feed) == ((0, 0, 0), "", "")  # it had none, and has none

    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE goods (id, text)")
        connection.execute("INSERT INTO goods VALUES (1, 'A green lamp.')")
    query = {"name": "s", "sql": "SELECT * FROM goods"}
    await visit(SourceKind.QUERY, f"sqlite:///{file}", **query)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE goods SET text = ''")
    done, lost, _ = await look(SourceKind.QUERY, f"sqlite:///{file}", **query)
    assert done == (0, 0, 0) and lost.startswith("knowledge.sources.s: no row is left of 1;")
    assert found(knowledge, "lamp")
    assert await look(SourceKind.QUERY, f"sqlite:///{file}", **query, emptied=True) == ((0, 0, 1), "", "")


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ("", "it is empty now"),
        ("<html><body> </body></html>", "it is empty now"),
        ("<p>We are back soon.</p>", "no page behind it is left of 2"),
        ((200, {"Content-Type": "application/json"}, "{}"), "no page behind it is left of 2"),
    ],
)
async def test_a_site_whose_first_page_leads_nowhere_any_more_keeps_its_pages(
    visit, knowledge, site, start, told
):
    site.page("/", "/one", text="Start here, said the fox.")
    site.page("/one", "/two", text="About otters.")
    site.page("/two", text="About badgers.")
    url = f"{site.url}/"
    assert (await visit(SourceKind.SITE, url)).added == 3
    before, site.pages["/"] = site.pages["/"], start
    for _ in range(2):
        outcome = await visit(SourceKind.SITE, url)
        assert counts(outcome) == (0, 0, 0) and told in outcome.lost and outcome.lost.startswith(url)
    assert found(knowledge, "fox") and found(knowledge, "otters") and found(knowledge, "badgers")
    site.pages["/"] = before
    outcome = await visit(SourceKind.SITE, url)
    assert (counts(outcome), outcome.unchanged, outcome.lost) == ((0, 0, 0), 3, "")
    site.pages["/two"] = ""
    assert "it is empty now" in (await visit(SourceKind.SITE, url)).lost and found(knowledge, "badgers")
    site.pages["/"] = start
    assert (await visit(SourceKind.SITE, url, emptied=True)).removed >= 2
    assert not found(knowledge, "otters") and not found(knowledge, "badgers") and not found(knowledge, "fox")


async def test_a_sitemap_that_is_ill_takes_no_page_out(visit, knowledge, site):
    def mapped(*paths, end="</urlset>"):
        rows = "".join(f"<url><loc>{site.url}{path}</loc></url>" for path in paths)
        site.pages["/sitemap.xml"] = (200, {"Content-Type": "text/xml"}, f"<urlset>{rows}{end}")

    url = f"{site.url}/"
    site.page("/", "/one", text="Start here.")
    site.page("/one", text="About otters.")
    site.page("/two", text="About badgers.")
    site.page("/three", text="About stoats.")
    mapped("/two", "/three")
    assert (await visit(SourceKind.SITE, url)).added == 4
    state = knowledge.version()
    assert (await visit(SourceKind.SITE, url)).unchanged == 4 and knowledge.version() == state
    for page in [(503, {}, "ill"), (200, {}, "<p>Not found</p>")]:
        site.pages["/sitemap.xml"] = page
        outcome = await visit(SourceKind.SITE, url)
        assert counts(outcome) == (0, 0, 0) and [one.where for one in outcome.refused] == [
            f"{url}sitemap.xml"
        ]
    mapped("/two", end="")
    assert (await visit(SourceKind.SITE, url)).removed == 0
    del site.pages["/sitemap.xml"]
    assert "no address is left of 2" in (await visit(SourceKind.SITE, url)).lost
    assert found(knowledge, "stoats")
    mapped("/two")
    assert counts(await visit(SourceKind.SITE, url)) == (0, 0, 1) and not found(knowledge, "stoats")
    del site.pages["/sitemap.xml"]
    assert counts(await visit(SourceKind.SITE, url, emptied=True)) == (0, 0, 1)
    assert found(knowledge, "otters") and not found(knowledge, "badgers")


async def test_who_may_read_what_a_source_brought_can_be_said_later(visit, knowledge, site, tmp_path):
    (tmp_path / "a.txt").write_text("About otters.")
    site.feed("/rss", NEWS)
    site.page("/", text="Start here, said the fox.")
    sources = {
        "otters": (SourceKind.FOLDER, str(tmp_path / "a.txt")),
        "bridge": (SourceKind.FEED, f"{site.url}/rss"),
        "fox": (SourceKind.SITE, f"{site.url}/"),
    }
    for word, source in sources.items():
        await visit(*source, name=word)
        assert found(knowledge, word)
        assert (await visit(*source, name=word, groups=("staff",), tags=("zoo",))).updated
        assert not found(knowledge, word)
        assert counts(await visit(*source, name=word, groups=("staff",), tags=("zoo",))) == (0, 0, 0)
        assert (await visit(*source, name=word)).updated and found(knowledge, word)
