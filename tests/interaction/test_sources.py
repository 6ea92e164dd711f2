"""stepladder knowledge: URLs, feeds, folders, sources of the configuration, and questions without an answer."""

import asyncio
import io
import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest

from stepladder.core import ConfigError, Grounds
from stepladder.core import config as configuration
from stepladder.interaction.cli import main
from stepladder.interaction.doctor import examine
from stepladder.interaction.knowing import open_knowledge
from stepladder.interaction.settings import Settings
from stepladder.interaction.syncing import follow
from stepladder.store import LedgerRow, Store
from tests.knowledge.web import web
from tests.product import mood, recorded, write_config

pytest.importorskip("feedparser", reason="the extra documents is not installed")
TABLES = """
[knowledge.embedder]
kind = "none"
[knowledge.sources.notes]
kind = "folder"
where = "notes"
collection = "c"
"""


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path, recorded(tmp_path, {"hi": "Hello"}), mood(), TABLES)


@pytest.fixture
def typed(config, monkeypatch, capsysbinary):
    def type_it(*words):
        monkeypatch.setattr(sys, "argv", ["stepladder", "knowledge", *words, "--config", str(config)])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(), isatty=lambda: False))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsysbinary.readouterr()
        return int(ended.value.code or 0), out.decode(), err.decode()

    return type_it


def test_a_url_is_one_page_or_as_many_as_one_asks_for(typed):
    with web() as site:
        site.page("/", "/one", "/gone", text="Start here.")
        site.page("/one", text="About otters.")
        code, out, _ = typed("add", f"{site.url}/", "--collection", "c")
        assert (code, out) == (0, f"{site.url}/ to c: 1 added, 0 updated, 0 removed, 0 unchanged.\n")
        code, out, err = typed("add", f"{site.url}/", "--collection", "c", "--depth", "1", "--rate", "100")
        assert code == 0 and "1 added" in out, (out, err)
        assert f"{site.url}/one" in typed("search", "otters", "--collection", "c")[1]
        code, out, _ = typed(
            "add", f"{site.url}/", "--collection", "c"
        )  # without --depth it is about that page alone
        assert (code, "0 removed, 1 unchanged" in out) == (0, True)
        code, _, err = typed("add", f"{site.url}/no", "--collection", "c")
        assert (code, f"REFUSED {site.url}/no: HTTP 404" in err) == (1, True)


def test_what_is_no_address_or_goes_too_far_is_named(typed):
    for words, said in (
        (("add", "http://[bad"), "The address is 'http://[bad'"),
        (("feed", "news.xml"), "The address is 'news.xml'"),
        (("add", "http://127.0.0.1:1/", "--depth", "99"), "--depth is 99"),
        (("watch", "notes", "--every", "-1"), "--every is -1"),
    ):
        code, _, err = typed(*words, "--collection", "c")
        assert (code, said in err) == (2, True), err


def test_feeds_folders_and_sources(typed, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("About otters.")
    assert "notes to c: 1 added" in typed("sync")[1]
    assert "0 added, 0 updated, 0 removed, 1 unchanged" in typed("sync", "notes")[1]
    assert "Sources: notes" in typed("sync", "nope")[2]
    folder = str(tmp_path / "notes")
    assert "1 unchanged" in typed("watch", folder, "--collection", "c", "--times", "2", "--every", "0.01")[1]
    with web() as site:
        site.feed("/rss", {"a": ("Fair", "A fair is held.")})
        code, out, _ = typed("feed", f"{site.url}/rss", "--collection", "news")
        assert (code, "1 added" in out) == (0, True)
        assert "REFUSED" in typed("feed", f"{site.url}/nope", "--collection", "news")[2]


def test_an_unmounted_folder_is_told_of_until_somebody_says_that_it_is_empty(typed, config, tmp_path):
    def wrong():
        return [
            found
            for found in examine(Settings(config))
            if found.what.startswith("Source notes") and found.wrong
        ]

    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("About otters.")
    typed("sync")
    assert not wrong()
    (notes / "a.txt").rename(tmp_path / "a.txt")
    code, out, err = typed("sync")
    assert (code, "0 removed" in out, "no file is left of 1" in err) == (1, True, True)
    (told,) = wrong()
    assert "not mounted" in told.wrong and "sync notes --emptied" in told.remedy
    assert "Name the source" in typed("sync", "--emptied")[2]
    assert "otters" in typed("search", "otters", "--collection", "c")[1]
    assert "1 removed" in typed("sync", "notes", "--emptied")[1]
    assert not wrong()
    store = Store.open(f"sqlite:///{tmp_path / 'stepladder-data' / 'stepladder.db'}")
    assert [(note.what, note.detail) for note in store.journal.latest(1)] == [
        ("source", "notes: may be empty")
    ]
    store.close()


def test_a_feed_and_a_query_without_anything_are_told_of_likewise(typed, config, tmp_path):
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE goods AS SELECT 1 AS id, 'A green lamp.' AS text")
    with web() as site:
        site.feed("/rss", {"a": ("Fair", "A fair is held.")})
        with config.open("a") as written:
            for name, lines in {
                "news": f'kind = "feed"\nwhere = "{site.url}/rss"',
                "goods": f'kind = "query"\nwhere = "sqlite:///{file}"\nsql = "SELECT * FROM goods"',
            }.items():
                written.write(f'[knowledge.sources.{name}]\ncollection = "d"\nrate = 100.0\n{lines}\n')
        assert typed("sync", "news", "goods")[0] == 0
        site.feed("/rss", {})
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("DELETE FROM goods")
        code, out, err = typed("sync", "news", "goods")
        assert (code, out.count("0 removed"), err.count("is left of 1; perhaps something is wrong")) == (
            1,
            2,
            2,
        )
        told = [one for one in examine(Settings(config)) if one.what.startswith("Source ") and one.wrong]
        assert {one.what.partition(" (")[0] for one in told} == {
            "Source notes",
            "Source news",
            "Source goods",
        }
        assert not any(str(file) in one.what for one in told), "an address may hold a password"
        assert any("sync goods --emptied" in one.remedy for one in told)
        assert typed("sync", "news", "goods", "--emptied")[1].count("1 removed") == 2
        assert not any(
            one.wrong
            for one in examine(Settings(config))
            if one.what.startswith(("Source news", "Source goods"))
        )
        site.feed("/own", {"a": ("Fair", "A fair is held.")})
        typed("feed", f"{site.url}/own", "--collection", "e")
        site.feed("/own", {})
        assert typed("feed", f"{site.url}/own", "--collection", "e")[0] == 1
        assert "1 removed" in typed("feed", f"{site.url}/own", "--collection", "e", "--emptied")[1]


async def test_the_journal_knows_when_a_followed_folder_is_lost_and_there_again(config, tmp_path):
    notes, settings = tmp_path / "notes", Settings(config)
    notes.mkdir()
    (notes / "a.txt").write_text("About otters.")
    wanted = settings.load()
    knowledge = open_knowledge(settings, wanted)
    store = Store.open(f"sqlite:///{tmp_path / 'stepladder-data' / 'stepladder.db'}")
    given = replace(wanted.knowledge.sources["notes"], every=0.01)
    following = asyncio.create_task(follow(knowledge, "notes", given, settings, wanted))

    async def until(said):
        async with asyncio.timeout(30):
            while [note.detail for note in store.journal.latest(1)] != [said]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    while not knowledge.shown("notes", "c"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    notes.rename(tmp_path / "away")
    await until(f"notes: {notes}: there is no such file or folder")
    (tmp_path / "away").rename(notes)
    await until("notes: is there again")
    assert len([note for note in store.journal.latest() if note.what == "source"]) == 2
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    knowledge.close()
    store.close()


def test_questions_without_an_answer_are_shown(typed, tmp_path):
    store = Store.open(f"sqlite:///{tmp_path / 'stepladder-data' / 'stepladder.db'}")
    row = LedgerRow("1", 1.0, "ann", "help", "big", "董事长是谁？", error="unanswered", grounds="{}")
    store.ledger.write_many([row, LedgerRow("2", 2.0, "ann", "help", "big", "fine")])
    store.close()
    line = json.loads(typed("unanswered", "--purpose", "quality", "--json")[1])
    assert (line["text"], line["times"], line["kind"]) == ("董事长是谁？", 1, "unanswered")
    assert "董事长是谁" in typed("unanswered", "--purpose", "quality", "--task", "help")[1]
    assert typed("unanswered", "--purpose", "quality", "--task", "other", "--json")[1] == ""


BASE = '[models.m]\nkind = "chat"\n'


@pytest.mark.parametrize(
    ("tables", "key"),
    [
        ('[tasks.t]\ntop = "m"\nkind = "answer"', "tasks.t.knowledge.collection"),
        ('[tasks.t]\ntop = "m"\nkind = "answer"\nknowledge = "c"\nlabels = ["a", "b"]', "tasks.t.kind"),
        ('[tasks.t]\ntop = "m"\n[tasks.t.knowledge]\ncolection = "c"', "tasks.t.knowledge.colection"),
        ('[tasks.t]\ntop = "m"\n[tasks.t.knowledge]\npassages = 0', "tasks.t.knowledge.passages"),
        ('[tasks.t]\ntop = "m"\n[tasks.t.knowledge]\nrewrite = "x"', "tasks.t.knowledge.rewrite"),
        ('[tasks.t]\ntop = "m"\n[tasks.t.summary]\npart = 1', "tasks.t.summary.part"),
        ('[knowledge.sources.s]\nkind = "feed"\nwhere = "x"\ncollection = "c"', "knowledge.sources.s.where"),
        ('[knowledge.sources.s]\nkind = "rss"\nwhere = "x"\ncollection = "c"', "sources.s.kind"),
        ('[knowledge.sources.s]\nkind = "folder"\nwhere = "x"', "collection"),
        ('[knowledge.sources.s]\nkind = "folder"\nwhere = "x"\ncollection = "c"\never = 1', "knowledge.sources.s.ever"),
        ('[knowledge.sources.s]\nkind = "query"\nwhere = "x"\ncollection = "c"', "knowledge.sources.s.sql"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_named(tables, key):
    with pytest.raises(ConfigError) as caught:
        configuration.parse(BASE + tables)
    assert key in f"{caught.value.param} {caught.value.message}", caught.value
    assert caught.value.remedy


def test_short_forms():
    found = configuration.parse(f'{BASE}[tasks.t]\ntop = "m"\nkind = "answer"\nknowledge = "c"').tasks["t"]
    assert (found.knowledge.collection, found.rungs) == ("c", ("dictionary",))
    assert Grounds().supported == 1.0
