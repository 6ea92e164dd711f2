"""A guard that raises, hangs, answers nonsense or is missing: closed, with a clear error, and nothing of the text is kept."""

import threading
from importlib.metadata import EntryPoint

import pytest

from stepladder.core import ConfigError, Side, UnknownPlugin, Verdict, plugins
from tests.interaction.test_guarded import answering
from tests.interaction.upstreams import live

TEXT = "a text that nobody must keep"


class Broken:
    """A plug-in that misbehaves as its `how` says."""

    window, side, quick = None, Side.BOTH, True
    gate = threading.Event()

    def __init__(self, name, how, side):
        self.name, self.how = name, how
        self.side, self.quick = Side(side), how != "hangs"

    @classmethod
    def open(cls, name, settings):
        return cls(name, settings["how"], settings.get("on", "both"))

    def check(self, text, turns=()):
        if self.how == "raises":
            raise RuntimeError(text)
        if self.how == "hangs":
            self.gate.wait(30)
        return text if self.how == "nonsense" else Verdict()


@pytest.fixture
def plugged(monkeypatch):
    point = EntryPoint("broken", f"{__name__}:Broken", plugins.GUARDS)
    installed = plugins._installed
    monkeypatch.setattr(
        plugins,
        "_installed",
        lambda group: {**installed(group), **({"broken": point} if group == plugins.GUARDS else {})},
    )
    Broken.gate.clear()
    yield
    Broken.gate.set()


def guarded(how, mode="enforce", on="both"):
    return f'[guards]\nmode = "off"\ntime_limit = 0.05\n[guards.broken]\nmode = "{mode}"\nhow = "{how}"\non = "{on}"\n'


@pytest.mark.parametrize("how", ["raises", "hangs", "nonsense"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["gpt", "poem"])
async def test_closed_on_the_way_in(tmp_path, plugged, how, stream, model, caplog):
    async with live(tmp_path, answering("never"), guarded(how)) as it:
        response = await it.client.chat(TEXT, model, stream=stream)
        assert (response.status, response.error["code"]) == (503, "guard_failed")
        assert "broken" in response.error["message"]
        assert it.server.asked == []
        row = it.rows()[-1]
        assert (row.status, row.error) == ("failed", "guard_failed")
        for kept in (repr(row), response.body.decode(), caplog.text):
            assert TEXT not in kept


@pytest.mark.parametrize("how", ["raises", "hangs"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["gpt", "poem"])
async def test_closed_on_the_way_out(tmp_path, plugged, how, stream, model):
    async with live(tmp_path, answering("A secret answer."), guarded(how, on="out")) as it:
        response = await it.client.chat("hi", model, stream=stream)
        assert response.status == 503 or "guard_failed" in response.body.decode()
        assert "secret" not in response.body.decode()
        assert "secret" not in repr(it.rows()[-1])


async def test_one_that_only_observes_stops_nothing(tmp_path, plugged):
    async with live(tmp_path, answering("fine"), guarded("raises", "observe")) as it:
        response = await it.client.chat(TEXT, "gpt")
        assert response.status == 200
        assert ("broken", "in", True) in [
            (one.guard, one.side, one.observed) for one in it.row(response).remarks
        ]


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ("[guards.nosuch]\nmode = 'enforce'\n", UnknownPlugin, "nosuch"),
        ("[guards]\nmod = 'off'\n", ConfigError, "'mode'"),
        ("[guards]\nmode = 'of'\n", ConfigError, "guards.mode"),
        ("[guards.words]\nlist = ['x']\n", ConfigError, "'lists'"),
        ("[guards.words]\naction = 'mask'\n", ConfigError, "personal data only"),
        ("[guards.personal]\nmode = 'enforce'\naction = 'hash'\n", ConfigError, "guards.key"),
        ("[tasks.poem.guards]\nvault_key = 'env:X'\n", ConfigError, "vault_key"),
        ("[guards.refusal]\nfr = 'Non'\n", ConfigError, "refusal.fr"),
    ],
)
async def test_a_bad_configuration_does_not_start(tmp_path, more, error, said):
    with pytest.raises(error, match=said.replace(".", r"\.")):
        async with live(tmp_path, answering("x"), more):
            pass
