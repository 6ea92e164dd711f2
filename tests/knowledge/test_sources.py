"""Sources: what is new goes in, what is changed is updated, what is gone goes out; politely, and each failure named."""

import gzip
import os
import shutil
import sqlite3
import time
from contextlib import closing

import pytest

from stepladder.core import Scope, SourceKind, Vanished
from stepladder.knowledge import Knowledge, Query, SearchMode

pytest.importorskip("feedparser", reason="the extra documents is not installed")
pytest.importorskip("protego", reason="the extra documents is not installed")
NEWS = {"a": ("Bridge", "The old bridge is closed until May."), "b": ("桥", "新桥已于周一通车。")}


def found(knowledge, text):
    hits = knowledge.search(Query(text, "c", Scope(), 3, SearchMode.LEXICAL))
    return [hit.passage.text for hit in hits]


def counts(outcome):
    return outcome.added, outcome.updated, outcome.removed


async def test_a_feed_s_items_come_change_and_go(visit, knowledge, site):
    site.feed("/rss", NEWS)
    url = f"{site.url}/rss"
    assert counts(await visit(SourceKind.FEED, url)) == (2, 0, 0)
    assert found(knowledge, "bridge") == ["The old bridge is closed until May."]
    assert found(knowledge, "通車") == ["新桥已于周一通车。"]
    asked = len(site.asked)
    assert counts(await visit(SourceKind.FEED, url)) == (0, 0, 0)
    assert site.asked[-1][1]["If-None-Match"] and len(site.asked) == asked + 2  # robots.txt, and a 304
    site.feed("/rss", {"a": ("Bridge", "The old bridge is open again."), "c": ("Fair", "A fair is held.")})
    assert counts(await visit(SourceKind.FEED, url)) == (1, 1, 1)
    assert found(knowledge, "bridge") == ["The old bridge is open again."]
    assert found(knowledge, "新桥") == []


async def test_what_a_feed_drops_can_be_kept_and_an_ill_feed_removes_nothing(visit, knowledge, site):
    site.feed("/rss", NEWS)
    url = f"{site.url}/rss"
    await visit(SourceKind.FEED, url, vanished=Vanished.KEEP)
    site.feed("/rss", {"c": ("Fair", "A fair is held.")})
    assert counts(await visit(SourceKind.FEED, url, vanished=Vanished.KEEP)) == (1, 0, 0)
    for page in [(500, {}, "oh"), (404, {}, "gone"), "<html>Sorry, we moved</html>", (200, {}, b"\x00\xff")]:
        site.pages["/rss"] = page
        outcome = await visit(SourceKind.FEED, url)
        assert counts(outcome) == (0, 0, 0)
        (refused,) = outcome.refused
        assert refused.where == url and refused.reason
    assert found(knowledge, "bridge")


async def test_a_feed_that_breaks_off_and_a_file_that_cannot_be_read_take_nothing_out(
    visit, knowledge, site, tmp_path
):
    site.feed("/rss", NEWS)
    url, file = f"{site.url}/rss", tmp_path / "notes.jsonl"
    await visit(SourceKind.FEED, url)
    site.pages["/rss"] = site.pages["/rss"][2].partition("</item>")[0]
    outcome = await visit(SourceKind.FEED, url)
    assert (counts(outcome), outcome.refused[0].reason) == ((0, 0, 0), "it breaks off before its end")
    assert found(knowledge, "bridge") and found(knowledge, "新桥")
    file.write_text('{"id": "x", "text": "About otters."}\n{"id": "y", "text": "About stoats."}\n')
    await visit(SourceKind.FOLDER, str(file), name="notes")
    file.write_text('{"id": "x", "text": "About beavers."}\n{"id": "y", "te')  # half written
    outcome = await visit(SourceKind.FOLDER, str(file), name="notes")
    assert (counts(outcome), len(outcome.refused)) == ((0, 1, 0), 1)
    assert found(knowledge, "beavers") and found(knowledge, "stoats")
    file.write_text('{"id": "x", "text": "About beavers."}\n')
    assert counts(await visit(SourceKind.FOLDER, str(file), name="notes")) == (0, 0, 1)
    assert not found(knowledge, "stoats")


async def test_a_site_is_crawled_politely_and_never_left(visit, knowledge, site):
    site.pages["/robots.txt"] = (
        200, {}, f"User-agent: *\nDisallow: /private\nSitemap: {site.url}/map.xml\n",
    )  # fmt: skip
    site.pages["/map.xml"] = f"<urlset><url><loc>{site.url}/mapped</loc></url></urlset>"
    site.page(
        "/", "/one", "/private/x", "http://localhost:1/else", "/pic.png", "/one#part", text="Start here."
    )
    site.page("/one", "/two", "/", text="The first page is about otters.", title="One")
    site.page("/two", "/three", text="The second page is about badgers.")
    site.page("/three", text="Too deep.")
    site.page("/private/x", text="Secret weasels.")
    site.page("/mapped", text="Only the map knows the stoats.")
    outcome = await visit(SourceKind.SITE, f"{site.url}/", depth=2)
    assert (outcome.added, outcome.removed) == (4, 0)
    assert [one.where for one in outcome.refused] == [f"{site.url}/private/x"]
    assert "robots.txt" in outcome.refused[0].reason
    assert found(knowledge, "otters") and found(knowledge, "badgers") and found(knowledge, "stoats")
    assert not found(knowledge, "weasels") and not found(knowledge, "deep")
    paths = [path for path, _ in site.asked]
    assert len(paths) == len(set(paths)) and paths[0] == "/robots.txt" and "/private/x" not in paths
    assert all(headers["User-Agent"] == "stepladder" for _, headers in site.asked)


@pytest.mark.parametrize(("rate", "robots", "pause"), [(12.5, "", 0.08), (100.0, "Crawl-delay: 0.08", 0.08)])
async def test_a_site_is_asked_no_faster_than_told(visit, site, rate, robots, pause):
    site.pages["/robots.txt"] = (200, {}, f"User-agent: *\n{robots}\n")
    site.page("/", *(f"/{number}" for number in range(5)), text="Start here.")
    for number in range(5):
        site.page(f"/{number}", text=f"The page has the number {number}.")
    began = time.monotonic()
    assert (await visit(SourceKind.SITE, f"{site.url}/", depth=1, rate=rate)).added == 6
    asked = len(site.asked)
    assert asked == 8  # robots.txt and a look for a sitemap beside the pages
    assert time.monotonic() - began >= pause * (asked - 2)  # before robots.txt was read nobody had said so


async def test_a_second_crawl_fetches_what_changed_and_removes_what_is_gone(visit, knowledge, site):
    site.page("/", "/one", "/two", text="Start here.")
    site.page("/one", text="The first page is about otters.")
    site.page("/two", text="The second page is about badgers.")
    assert (await visit(SourceKind.SITE, f"{site.url}/")).added == 3
    assert counts(await visit(SourceKind.SITE, f"{site.url}/")) == (0, 0, 0)
    site.page("/one", text="The first page is about beavers.")
    del site.pages["/two"]
    assert counts(await visit(SourceKind.SITE, f"{site.url}/")) == (0, 1, 1)
    assert found(knowledge, "beavers") and not found(knowledge, "otters") and not found(knowledge, "badgers")
    site.pages["/one"] = (503, {}, "ill")
    outcome = await visit(SourceKind.SITE, f"{site.url}/")
    assert counts(outcome) == (0, 0, 0) and found(knowledge, "beavers")
    assert "503" in outcome.refused[0].reason


async def test_pages_that_are_not_for_us_keep_no_other_from_going(visit, knowledge, site):
    site.pages["/robots.txt"] = (200, {}, "User-agent: *\nDisallow: /cart\n")
    site.page("/", "/one", "/two", "/cart", "/login", "/away", text="Start here.")
    site.page("/one", text="The first page is about otters.")
    site.page("/two", "/deep", text="The second page is about badgers.")
    site.page("/deep", text="Deep down there are moles.")
    site.pages["/login"] = (403, {}, "no")
    site.pages["/away"] = (302, {"Location": "http://localhost:1/"}, "")
    outcome = await visit(SourceKind.SITE, f"{site.url}/", depth=3)
    assert outcome.added == 4 and all(one.harmless for one in outcome.refused) and len(outcome.refused) == 3
    del site.pages["/one"]
    site.pages["/two"] = (403, {}, "no")
    assert counts(await visit(SourceKind.SITE, f"{site.url}/", depth=3)) == (0, 0, 1)
    assert not found(knowledge, "otters") and found(knowledge, "badgers") and found(knowledge, "moles")
    site.pages["/two"] = (429, {}, "later")
    del site.pages["/deep"]
    assert counts(await visit(SourceKind.SITE, f"{site.url}/", depth=3)) == (0, 0, 0)


async def test_addresses_that_are_none_harm_no_other(visit, knowledge, site):
    site.pages["/robots.txt"] = (200, {}, f"Sitemap: {site.url}/map.xml.gz\n")
    rows = f"<urlset><url><loc>http://[bad</loc></url><url><loc>{site.url}/mapped</loc></url></urlset>"
    site.pages["/map.xml.gz"] = (200, {"Content-Type": "application/gzip"}, gzip.compress(rows.encode()))
    base = '<html><head><base href="http://[bad"></head><body><p>Start here.</p><a href="/one">1</a>'
    site.pages["/"] = f'{base}<a href="http://[bad">x</a><a href="/lost">2</a></body></html>'
    site.page("/one", text="The first page is about otters.")
    site.page("/mapped", text="Only the map knows the stoats.")
    site.pages["/lost"] = (302, {"Location": "http://[bad"}, "")
    outcome = await visit(SourceKind.SITE, f"{site.url}/", depth=2)
    assert outcome.added == 3 and [one.where for one in outcome.refused] == [f"{site.url}/lost"]
    assert found(knowledge, "otters") and found(knowledge, "stoats")


async def test_items_that_link_to_one_page_are_several(visit, knowledge, site):
    rows = "".join(
        f"<item><guid isPermaLink='false'>{n}</guid><link>{site.url}/log</link><description>{text}</description></item>"
        for n, text in enumerate(("Otters came.", "Badgers came."))
    )
    feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>Log</title>{rows}</channel></rss>'
    site.pages["/rss"] = (200, {"Content-Type": "application/rss+xml"}, feed)
    assert counts(await visit(SourceKind.FEED, f"{site.url}/rss")) == (2, 0, 0)
    assert found(knowledge, "otters") and found(knowledge, "badgers")


async def test_a_crawl_that_stops_at_its_bound_takes_nothing_for_gone(visit, knowledge, site):
    site.page("/", *(f"/{n}" for n in range(6)), text="Start here.")
    for n in range(6):
        site.page(f"/{n}", text=f"Page of animal{n}.")
    assert (await visit(SourceKind.SITE, f"{site.url}/")).added == 7
    assert counts(await visit(SourceKind.SITE, f"{site.url}/", pages=3)) == (0, 0, 0)
    assert found(knowledge, "animal5")


async def test_odd_pages_are_refused_by_name_and_the_rest_is_there(visit, knowledge, site):
    site.page("/", "/away", "/loop", "/bin", "/big", "/gbk", "/note.txt", "/noindex", text="Start here.")
    site.pages["/away"] = (302, {"Location": "http://localhost:1/"}, "")
    site.pages["/loop"] = (302, {"Location": "/loop"}, "")
    site.pages["/bin"] = (200, {"Content-Type": "image/png"}, b"\x89PNG")
    site.pages["/big"] = (200, {"Content-Encoding": "gzip"}, b"x" * (33 << 20))
    site.pages["/gbk"] = (
        200,
        {"Content-Type": "text/html; charset=gbk"},
        "<p>大熊猫吃竹子。</p>".encode("gbk"),
    )
    site.pages["/note.txt"] = (200, {"Content-Type": "text/plain"}, "A plain note about herons.")
    site.pages["/noindex"] = '<meta name="robots" content="noindex"><p>Not for indexes: shrews.</p>'
    outcome = await visit(SourceKind.SITE, f"{site.url}/")
    assert {one.where.rpartition("/")[2]: one.reason for one in outcome.refused} == {
        "away": "it leads away, to http://localhost:1/",
        "loop": "over 5 redirects",
        "bin": "it is image/png, no text",
        "big": "over 32 MB",
    }
    assert found(knowledge, "竹子") == ["大熊猫吃竹子。"]
    assert found(knowledge, "herons") and not found(knowledge, "shrews")


async def test_a_site_that_is_not_there_or_ill_is_named(visit, site):
    outcome = await visit(SourceKind.SITE, "http://127.0.0.1:1/")
    assert outcome.refused[0].where == "http://127.0.0.1:1/" and outcome.added == 0
    site.pages["/robots.txt"] = (500, {}, "")
    site.page("/", text="Start here.")
    (refused,) = (await visit(SourceKind.SITE, f"{site.url}/")).refused
    assert "robots.txt" in refused.reason


async def test_a_folder_is_kept_up_with(visit, knowledge, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_text("About otters.")
    (folder / "b.jsonl").write_text(
        '{"id": "x", "text": "About badgers."}\n{"id": "y", "text": "About stoats."}\n'
    )
    (folder / "c.bin").write_bytes(bytes(100))
    outcome = await visit(SourceKind.FOLDER, str(folder))
    assert counts(outcome) == (3, 0, 0)
    assert [one.where for one in outcome.refused] == [str(folder / "c.bin")]
    outcome = await visit(SourceKind.FOLDER, str(folder))
    assert counts(outcome) == (0, 0, 0) and not outcome.refused
    (folder / "b.jsonl").write_text('{"id": "x", "text": "About beavers."}\n')
    (folder / "a.txt").unlink()
    assert counts(await visit(SourceKind.FOLDER, str(folder))) == (0, 1, 2)
    assert found(knowledge, "beavers") and not found(knowledge, "stoats") and not found(knowledge, "otters")
    outcome = await visit(SourceKind.FOLDER, str(tmp_path / "nowhere"))
    assert counts(outcome) == (0, 0, 0) and outcome.refused


async def test_a_folder_that_is_gone_unread_or_without_a_file_keeps_its_documents(
    visit, knowledge, tmp_path, monkeypatch
):
    folder, away = tmp_path / "in", tmp_path / "away"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("About otters.")
    (folder / "deep" / "b.txt").write_text("About beavers.")

    async def look(**more):
        outcome = await visit(SourceKind.FOLDER, str(folder), **more)
        return counts(outcome), outcome.lost.rpartition(": ")[2]

    assert await look() == ((2, 0, 0), "")
    folder.rename(away)
    assert await look() == ((0, 0, 0), "there is no such file or folder")
    folder.mkdir()  # a mount point, and nothing mounted
    (folder / ".hidden").write_text("x")
    assert await look() == (
        (0, 0, 0),
        "no file is left of 2; perhaps it is not mounted, so nothing is taken out",
    )
    assert found(knowledge, "otters") and found(knowledge, "beavers")
    (folder / ".hidden").unlink()
    folder.rmdir()
    away.rename(folder)
    scandir = os.scandir

    def forbidden(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    assert await look(emptied=True) == ((0, 0, 0), "Permission denied")
    monkeypatch.undo()
    (folder / "a.txt").unlink()
    assert await look() == ((0, 0, 1), "")  # one file less is nothing strange
    (folder / "deep" / "b.txt").unlink()
    assert (await look())[0] == (0, 0, 0)
    assert await look(emptied=True) == ((0, 0, 1), "")
    assert await look() == ((0, 0, 0), "")  # it had none, and has none
    (folder / "deep" / "c.txt").write_text("About voles.")
    assert await look() == ((1, 0, 0), "")
    shutil.rmtree(folder)
    assert await look(emptied=True) == ((0, 0, 1), "")


async def test_rows_of_a_database_are_documents(visit, knowledge, tmp_path):
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE goods (id INTEGER, name TEXT, about TEXT)")
        connection.execute(
            "INSERT INTO goods VALUES (1, 'Lamp', 'A green lamp.'), (2, 'Desk', 'An oak desk.')"
        )
    sql = "SELECT id, name AS title, about AS text FROM goods"
    assert counts(await visit(SourceKind.QUERY, f"sqlite:///{file}", sql=sql)) == (2, 0, 0)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE goods SET about = 'A red lamp.' WHERE id = 1")
        connection.execute("DELETE FROM goods WHERE id = 2")
    assert counts(await visit(SourceKind.QUERY, f"sqlite:///{file}", sql=sql)) == (0, 1, 1)
    assert found(knowledge, "lamp") == ["A red lamp."]
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO goods VALUES (0, 'Bed', 'A soft bed.')")
    ordered = f"{sql} ORDER BY id"  # what stands above a row makes it no other
    assert counts(await visit(SourceKind.QUERY, f"sqlite:///{file}", sql=ordered)) == (1, 0, 0)
    for wrong, said in (
        ("SELECT nowhere", "no such column: nowhere"),
        ("SELECT id FROM goods", "its columns: id"),
    ):
        outcome = await visit(SourceKind.QUERY, f"sqlite:///{file}", sql=wrong)
        assert said in outcome.refused[0].reason and str(file) not in outcome.refused[0].reason
    assert found(knowledge, "lamp") == ["A red lamp."]


async def test_a_row_says_from_when_for_whom_and_about_what(visit, knowledge, tmp_path):
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE goods (id, text, tags, groups, valid_from, valid_until)")
        rows = [
            (1, "The lamp is green.", "light, home", "staff", None, None),
            (2, "The desk is oak.", "", None, 5, "2001-09-09T01:46:40"),
            (3, "The bed is soft.", None, None, None, "soon"),
            (4, "The sofa is blue.", None, None, "1000000000.5", "2033-05-18T03:33:20Z"),
        ]
        connection.executemany("INSERT INTO goods VALUES (?, ?, ?, ?, ?, ?)", rows)
    sql = "SELECT * FROM goods"
    outcome = await visit(SourceKind.QUERY, f"sqlite:///{file}", sql=sql)
    assert outcome.added == 3
    assert [one.where for one in outcome.refused] == ["knowledge.sources.s:3"]
    assert "valid_until" in outcome.refused[0].reason
    stored = {one.id: one for one in knowledge.documents("c")}
    assert (stored["1"].tags, stored["1"].groups) == (("light", "home"), ("staff",))
    assert (stored["2"].valid_from, stored["2"].valid_until) == (5.0, 1_000_000_000.0)
    assert (stored["4"].valid_from, stored["4"].valid_until) == (1_000_000_000.5, 2_000_000_000.0)
    assert not found(knowledge, "lamp") and not found(knowledge, "desk") and found(knowledge, "sofa")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE goods SET groups = NULL WHERE id = 1")
    assert (await visit(SourceKind.QUERY, f"sqlite:///{file}", sql=sql)).updated == 1
    assert found(knowledge, "lamp")


async def test_two_sources_that_show_the_same_do_not_take_it_from_each_other(visit, knowledge, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jsonl").write_text('{"id": "shared", "text": "About otters."}\n')
        await visit(SourceKind.FOLDER, str(tmp_path / name), name=name)
    (tmp_path / "one" / "x.jsonl").unlink()
    one = await visit(SourceKind.FOLDER, str(tmp_path / "one"), name="one", emptied=True)
    assert counts(one) == (0, 0, 0) and not knowledge.shown("one", "c")
    assert found(knowledge, "otters")
    (tmp_path / "two" / "x.jsonl").unlink()
    two = await visit(SourceKind.FOLDER, str(tmp_path / "two"), name="two", emptied=True)
    assert counts(two) == (0, 0, 1)


async def test_what_a_source_brings_is_labelled(visit, knowledge, tmp_path):
    (tmp_path / "a.txt").write_text("About otters.")
    await visit(SourceKind.FOLDER, str(tmp_path / "a.txt"), tags=("zoo",), groups=("staff",), licence="CC0")
    (stored,) = knowledge.documents("c")
    assert (stored.tags, stored.groups) == (("zoo",), ("staff",))
    assert found(knowledge, "otters") == []


def test_a_file_of_the_version_before_is_brought_forward(tmp_path):
    from stepladder.knowledge.schema import APPLICATION_ID, SCHEMA

    file = tmp_path / "knowledge.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(
            f"{SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;"
        )
    knowledge = Knowledge.open(file)
    try:
        assert knowledge.shelf("s", "c").known() == {}
    finally:
        knowledge.close()
