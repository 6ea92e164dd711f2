"""stepladder route: from a file of scores to a router and what it is worth."""

import json

from stepladder.models import Router
from tests.interaction.shell import Shell


def write(path, count=120):
    rows = [
        {
            "input": f"{'prove the theorem' if k % 2 else 'name a flower'} number {k}",
            "small": k % 2 == 0,
            "large": True,
        }
        for k in range(count)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def test_a_router_out_of_recorded_wins(shell: Shell, tmp_path):
    write(tmp_path / "pairs.jsonl")
    assert shell("route", "pairs.jsonl", "--out", "router", "--json") == 0
    found = json.loads(shell.out)
    assert (found["pairs"], found["small"], found["large"]) == (120, 0.5, 1.0)
    assert found["apgr"] > 0.7
    assert found["cpt50"] < 0.3
    router = Router.load(tmp_path / "router")
    assert router.gain("prove the theorem again") > router.gain("name a flower again")
    assert shell("route", "pairs.jsonl", "--out", "other", "--embedder", "ngrams") == 0
    assert "120 pairs" in shell.out
    assert Router.load(tmp_path / "other").embedded is not None


def test_what_cannot_be_used_is_named(shell: Shell, tmp_path):
    (tmp_path / "pairs.jsonl").write_text('{"input": "a", "small": 1, "large": 0}\n{"input": 3}\n')
    assert shell("route", "pairs.jsonl", "--out", "router") == 2
    assert "line 2" in shell.err
    assert shell("route", "pairs.jsonl", "--out", "router", "--embedder", "magic") == 2
    assert "--embedder" in shell.err
