"""stepladder knowledge: URLs, feeds, folders, sources of the configuration, and questions without an answer."""

import io
import json
import sys
from types import SimpleNamespace

import pytest

from stepladder.core import ConfigError, Grounds
from stepladder.core import config as configuration
from stepladder.interaction.cli import main
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
        code, _, err = typed("add", f"{site.url}/no", "--collection", "c")
        assert (code, f"REFUSED {site.url}/no: HTTP 404" in err) == (1, True)


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
