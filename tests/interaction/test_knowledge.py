"""Documents by the admin API and by the command line, as scripts use them."""

import io
import json
import sys
from types import SimpleNamespace

import pytest

from stepladder.interaction.cli import main
from stepladder.interaction.knowing import open_knowledge
from stepladder.interaction.settings import Settings
from tests.product import mood, recorded, write_config

MANUAL = "/admin/knowledge/manual"
ROWS = [
    {"id": "returns", "title": "退货", "text": "退货须在收到商品后七日内提出。运费由买家承担。"},
    {"id": 2, "text": "The shop opens at nine o'clock. It closes at six."},
]


KNOWS = """
[knowledge.embedder]
kind = "none"
[tasks.help]
kind = "answer"
top = "big"
[tasks.help.knowledge]
collection = "c"
sure = 0.6
"""


@pytest.fixture
def config(tmp_path):
    answers = {"hi": "Hello", "公司地址": "上海。", "董事长叫什么名字？": "我不知道。"}
    return write_config(tmp_path, recorded(tmp_path, answers), mood(), KNOWS)


async def test_documents_are_found_with_the_response_and_not_after_their_removal(home):
    send = home.client.send
    rows = [{**row, "id": str(row["id"])} for row in ROWS]
    assert (await send("PUT", MANUAL, {"documents": rows})).json == {"added": 2, "updated": 0, "unchanged": 0}
    found = await send("POST", f"{MANUAL}/search", {"text": "運費由誰承擔", "top": 1})
    assert [hit["passage"]["document"] for hit in found.json["hits"]] == ["returns"]
    answer = (await send("POST", f"{MANUAL}/answer", {"text": "运费由谁承担？"})).json["answer"]
    assert (answer["text"], answer["start"]) == ("运费由买家承担。", 15)
    assert (await send("POST", f"{MANUAL}/answer", {"text": "董事长叫什么名字？"})).json == {"answer": None}
    assert [one["id"] for one in (await home.client.get(MANUAL)).json["documents"]] == ["2", "returns"]
    assert (await send("DELETE", MANUAL, {"ids": ["returns"]})).json == {"removed": 1}
    assert (await send("POST", f"{MANUAL}/search", {"text": "运费"})).json == {"hits": []}
    assert (await send("DELETE", MANUAL, {"ids": ["returns"]})).status == 400


async def test_only_the_admin_key_may_and_a_tenant_s_documents_stay_its_own(home):
    client = home.house.store.keys.create("shop")
    await home.house.refresh()
    for method, path in (("GET", "/admin/knowledge"), ("PUT", MANUAL), ("POST", f"{MANUAL}/search")):
        assert (await home.client.send(method, path, {}, key=client)).status == 403
    rows = [{"id": "a", "text": "The secret recipe."}]
    await home.client.send("PUT", MANUAL, {"documents": rows, "tenant": "ann"})
    for tenant, status in (("ann", 200), ("bob", 400), ("", 400)):
        asked = {"text": "secret", "tenant": tenant}
        assert (await home.client.send("POST", f"{MANUAL}/search", asked)).status == status


async def test_a_field_that_is_misspelt_is_not_overlooked(home):
    for odd in ({"group": ["staff"]}, {"valid_untill": 1}):
        rows = [{"id": "a", "text": "For staff only.", **odd}]
        refused = await home.client.send("PUT", MANUAL, {"documents": rows})
        assert refused.status == 400 and next(iter(odd)) in refused.error["message"]
    assert (await home.client.get(MANUAL)).status == 400  # there is no such collection


async def test_a_file_is_taken_as_it_comes(home):
    async def put(name, data, query=""):
        return await home.client.send("PUT", f"{MANUAL}/files/{name}", data, query=query)

    page = "<html><body><h1>退货</h1><p>运费由买家承担。</p></body></html>".encode("gb18030")
    taken = await put("rules/退货.html", page, "tag=shop&licence=CC0-1.0")
    assert (taken.json["added"], taken.json["refused"]) == (1, [])
    (stored,) = (await home.client.get(MANUAL)).json["documents"]
    kept = {key: stored[key] for key in ("id", "source", "tags", "licence")}
    assert kept == {
        "id": "rules/退货.html",
        "source": "rules/退货.html",
        "tags": ["shop"],
        "licence": "CC0-1.0",
    }
    assert (await put("rules/退货.html", page, "tag=shop&licence=CC0-1.0")).json["unchanged"] == 1
    rows = ["name,price", *(f"chair{number},{number}" for number in range(250))]
    assert (await put("t.csv", "\n".join(rows).encode())).json["added"] == 2
    shorter = await put("t.csv", "\n".join(rows[:9]).encode())
    assert (shorter.json["added"], shorter.json["removed"]) == (1, 2)
    await put("over.txt", b"The walrus fair.", "valid_from=1&valid_until=2.5")
    over = next(one for one in (await home.client.get(MANUAL)).json["documents"] if one["id"] == "over.txt")
    assert (over["valid_from"], over["valid_until"]) == (1.0, 2.5)
    odd = await put("odd.txt", b"Text.", "valid_until=tomorrow")
    assert (odd.status, odd.error["param"]) == (400, "valid_until")
    some = await put("rows.jsonl", b'{"id": "a", "text": "one"}\n{"id": "b"}\n')
    assert some.json["added"] == 1 and some.json["refused"][0]["where"] == "rows.jsonl:2"
    for name, data in [("x.pdf", b"\0\1"), ("..", b""), ("字" * 300 + ".txt", b""), ("e.txt", b"")]:
        refused = await put(name, data)
        assert refused.status == 400 and refused.error["param"] in {"name", None}, name
    assert (await put("字" * 300 + ".txt", b"Fine.")).json["added"] == 1


async def test_a_bad_document_is_refused_by_name_and_nothing_is_written(home):
    rows = [{"id": "a", "text": "fine"}, {"id": "b", "text": " "}]
    refused = await home.client.send("PUT", MANUAL, {"documents": rows})
    assert (refused.status, refused.error["param"]) == (400, "text")
    assert "'b'" in refused.error["message"]
    assert (await home.client.get(MANUAL)).json == {"documents": []}


@pytest.fixture
def typed(config, monkeypatch, capsysbinary):
    def type_it(*words, said=b""):
        monkeypatch.setattr(sys, "argv", ["stepladder", "knowledge", *words, "--config", str(config)])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(said), isatty=lambda: False))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsysbinary.readouterr()
        return int(ended.value.code or 0), out.decode(), err.decode()

    return type_it


def test_the_batch_forms(typed, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    assert typed("add", str(file), "--collection", "c") == (0, "c: 2 added, 0 updated, 0 unchanged.\n", "")
    assert typed("add", str(file), "--collection", "c")[1] == "c: 0 added, 0 updated, 2 unchanged.\n"
    queries = '{"id": 7, "text": "七日退货"}\n\n{"id": "q", "text": "opening"}\n{"id": "z", "text": "zzz"}\n'
    options = ("search", "--collection", "c", "--top", "10", "--mode", "hybrid", "--json")
    code, out, _ = typed(*options, said=queries.encode())
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(line["id"], [hit["id"] for hit in line["hits"]]) for line in lines] == [
        (7, ["returns"]),
        ("q", ["2"]),
        ("z", []),
    ]
    assert all(hit.keys() == {"id", "score"} for line in lines for hit in line["hits"])


def test_an_order_is_learned_shown_and_forgotten_by_command(typed, tmp_path):
    rows, asked = tmp_path / "rows.jsonl", tmp_path / "asked.jsonl"
    names = [f"{one}{other}" for one in "红橙黄绿青蓝紫" for other in "椅桌灯柜床"]
    told = [
        {"id": f"{name}!", "title": name, "text": "这里说的是一件家具，其他的请看目录。" * 3}
        for name in names
    ]
    loud = [{"id": name, "text": f"{name}，{name}，还是{name}。"} for name in names]
    rows.write_text("".join(json.dumps(row) + "\n" for row in [*told, *loud]), encoding="utf-8")
    asked.write_text(
        "".join(json.dumps({"id": name, "text": name, "documents": [f"{name}!"]}) + "\n" for name in names)
    )
    typed("add", str(rows), "--collection", "c")
    at = ("--collection", "c")
    assert typed("search", "蓝椅", *at, "--top", "1")[1].split()[1] == "蓝椅"
    code, out, _ = typed("tune", str(asked), *at)
    assert code == 0 and "35 questions" in out and "version 1 is in force" in out
    assert typed("search", "蓝椅", *at, "--top", "1")[1].split()[1] == "蓝椅!"
    assert typed("search", "蓝椅", *at, "--top", "1", "--mode", "lexical")[1].split()[1] == "蓝椅"
    assert "cli" in (shown := typed("tune", *at)[1]) and "yes" in shown
    worth = json.loads(typed("tune", str(asked), *at, "--json")[1])
    assert (worth["version"], worth["worth"]["questions"]) == (2, 35)
    assert typed("tune", str(asked), *at, "--forget")[0] == 2
    assert "forgotten" in typed("tune", *at, "--forget")[1]
    assert typed("search", "蓝椅", *at, "--top", "1")[1].split()[1] == "蓝椅"
    asked.write_text('{"id": 1, "text": "red", "documents": ["a"]}\n')
    code, _, err = typed("tune", str(asked), *at)
    assert code == 2 and "1 different questions" in err


def test_what_was_refused_is_named_and_the_rest_is_there(typed, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("Readable words.")
    (tmp_path / "in" / "b.bin").write_bytes(bytes(200))
    rows = b'{"id": "e", "text": ""}\n{"id": "x"}\n'
    code, out, err = typed("add", str(tmp_path / "in"), "-", "--collection", "c", said=rows)
    assert (code, out) == (1, "c: 1 added, 0 updated, 0 unchanged.\n")
    assert "REFUSED" in err and "b.bin" in err and "REFUSED -:2" in err and "skipped -:1" in err
    assert "a.txt" in typed("search", "readable", "--collection", "c")[1]
    assert "Readable words." in typed("show", str(tmp_path / "in" / "a.txt"), "--collection", "c")[1]
    assert typed("remove", "--all", "--collection", "c")[1] == "c: removed.\n"
    assert typed("search", "readable", "--collection", "c")[0] == 2


def test_options_say_of_files_what_a_row_does_not_say_itself(typed, tmp_path):
    note, rows = tmp_path / "note.txt", tmp_path / "rows.jsonl"
    note.write_text("The otter sleeps.")
    rows.write_text('{"id": "r", "text": "An otter swims.", "groups": ["board"]}\n')
    told = ("--group", "staff", "--tag", "river", "--licence", "CC0-1.0")
    assert typed("add", str(note), str(rows), "--collection", "c", *told)[0] == 0

    def found(*groups):
        said = [word for group in groups for word in ("--group", group)]
        out = typed("search", "otter", "--collection", "c", *said)[1]
        return {name for name in ("note.txt", "  r  ") if name in out}

    assert (found(), found("staff"), found("board")) == (set(), {"note.txt"}, {"  r  "})


def test_what_a_file_no_longer_says_is_gone_and_a_bad_row_harms_no_other(typed, tmp_path):
    table, rows = tmp_path / "t.csv", tmp_path / "rows.jsonl"
    lines = [f"椅子{number},{number}" for number in range(450)]
    for kept, said in [
        (450, "3 added"),
        (420, "1 added, 0 updated, 2 unchanged, 1 removed"),
        (50, "3 removed"),
    ]:
        table.write_text("\n".join(["名称,价格", *lines[:kept]]))
        assert said in typed("add", str(table), "--collection", "c")[1]
    assert typed("list", "--collection", "c")[1].count("\n") == 1
    table.write_bytes(b"\0\1\2")  # what cannot be read has not said that anything is gone
    assert typed("add", str(table), "--collection", "c")[0] == 1
    assert typed("list", "--collection", "c")[1].count("\n") == 1
    rows.write_text(f'{{"id": "{"x" * 600}", "text": "otter"}}\n{{"id": "ok", "text": "An otter."}}\n')
    code, out, err = typed("add", str(rows), "--collection", "c", "--valid-until", "2020-01-01")
    assert (code, out) == (
        1,
        "c: 1 added, 0 updated, 0 unchanged.\n",
    ) and "rows.jsonl:1: A document's id" in err
    assert typed("search", "otter", "--collection", "c")[1] == ""
    assert "1 updated" in typed("add", str(rows), "--collection", "c", "--valid-from", "2020-01-01")[1]
    assert "ok" in typed("search", "otter", "--collection", "c")[1]


def test_a_row_s_place_makes_it_no_other_and_a_time_that_never_comes_is_refused(typed, tmp_path):
    rows = tmp_path / "rows.jsonl"
    line = '{"id": "a", "text": "An otter."}\n'
    rows.write_text(line)
    typed("add", str(rows), "--collection", "c")
    rows.write_text('{"id": "new", "text": "A stoat."}\n' + line)
    assert "1 added, 0 updated, 1 unchanged" in typed("add", str(rows), "--collection", "c")[1]
    late = '{"id": "b", "text": "A vole.", "valid_from": 5e9}\n'
    rows.write_text(late + line)
    code, out, err = typed("add", str(rows), "--collection", "c", "--valid-until", "2030-01-01")
    assert (code, "1 updated" in out) == (1, True)
    assert "rows.jsonl" in err and "Document 'b'" in err and "later than valid_from" in err


def test_mistakes_are_explained(typed):
    for words, said, message in [
        (("search", "x", "--collection", "nope"), b"", "no collection"),
        (("search", "x", "--collection", "c", "--mode", "fuzzy"), b"", "lexical, vector, hybrid"),
        (("remove", "--collection", "c"), b"", "--all"),
        (("show", "x", "--collection", "c"), b"", "no such document"),
        (("search", "--collection", "c", "--json"), b"text\n", "Line 1"),
        (("embed", "--collection", "c"), b"", "embedder"),
        (("list", "--collection", "c"), b"", None),
    ]:
        typed("add", "-", "--collection", "c", said=b'{"id": "a", "text": "one"}')
        code, _, err = typed(*words, said=said)
        assert (code, message is None or message in err) == (0 if message is None else 2, True), err


def test_eval_tells_what_is_found_answered_and_refused(typed, tmp_path):
    rows = "".join(json.dumps(row) + "\n" for row in ROWS)
    typed("add", "-", "--collection", "c", said=rows.encode())
    asked = tmp_path / "asked.jsonl"
    lines = [
        {"id": 1, "text": "运费由谁承担？", "documents": ["returns"], "answers": ["买家"]},
        {
            "id": 2,
            "text": "When does the shop open?",
            "documents": {"2": 2, "returns": 1},
            "answers": ["nine"],
        },
        {"id": 3, "text": "董事长叫什么名字？", "answers": []},
        {"id": 4, "text": "公司地址", "documents": ["none"], "answers": ["上海"]},
    ]
    asked.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, out, _ = typed("eval", str(asked), "--collection", "c", "--mode", "lexical")
    said = dict(line.split()[:2] for line in out.splitlines()[1:10])
    assert code == 0
    assert {name: round(float(value), 3) for name, value in said.items()} == {
        "recall": 0.5,
        "ndcg": 0.587,
        "mrr": 0.667,
        "answered_right": 0.667,
        "refused_right": 1.0,
        "refusal_rate": 0.333,
        "citation_precision": 1.0,
        "citation_recall": 0.75,
        "grounded": 1.0,
    }
    assert "unanswered: 公司地址" in out
    out = typed("eval", str(asked), "--task", "help", "--json")[1]
    found = json.loads(out)
    assert found["answered_right"] == pytest.approx(2 / 3) and found["unanswered"] == ["公司地址"]
    assert (found["refused_right"], found["citation_precision"], found["grounded"]) == (1.0, 1.0, 1.0)
    assert "help" in typed("eval", str(asked), "--task", "mood")[2]
    for extra in (("--mode", "lexical"), ("--collection", "c")):
        assert "Leave" in typed("eval", str(asked), "--task", "help", *extra)[2]
    assert "--collection" in typed("eval", str(asked))[2]
    asked.write_text('{"id": 1}\n')
    assert "asked.jsonl:1" in typed("eval", str(asked), "--collection", "c")[2]


def test_eval_of_a_task_measures_what_the_task_itself_finds(tmp_path, shell, config):
    """By its synonyms, among its tags, as deep as it reads: a plain search of the collection does none of it."""
    knows = KNOWS.replace("sure = 0.6", 'sure = 0.6\ntags = ["goods"]\npassages = 2')
    config.write_text(config.read_text().replace(KNOWS, knows))
    tags = ["goods"]
    rows = [
        {"id": "chair", "text": "The blue chair costs 40 euros.", "tags": tags},
        {"id": "stool", "text": "The red stool costs 30 euros.", "tags": tags},
        {"id": "bench", "text": "The long bench costs 90 euros.", "tags": tags},
        {"id": "stray", "text": "An azure throne stood in the hall of the palace."},
    ]
    file, asked = tmp_path / "rows.jsonl", tmp_path / "asked.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = [
        {"id": 1, "text": "What does the azure throne cost?", "documents": ["chair"], "answers": ["40"]},
        {"id": 2, "text": "Which of them costs euros?", "documents": ["chair", "stool", "bench"]},
    ]
    asked.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for words in (
        ["knowledge", "add", str(file), "--collection", "c"],
        ["dictionary", "put", "help", "azure throne", "blue chair", "--kind", "synonym"],
    ):
        assert shell(*words, "--config", str(config)) == 0
    figures = {}
    for how in (["--task", "help"], ["--task", "help", "--top", "1"], ["--collection", "c"]):
        assert shell("knowledge", "eval", str(asked), *how, "--json", "--config", str(config)) == 0
        figures[how[-1]] = json.loads(shell.out)
    assert (figures["help"]["mrr"], figures["help"]["recall"]) == (1.0, pytest.approx((1 + 2 / 3) / 2))
    assert figures["help"]["answered_right"] == 1.0
    assert figures["1"]["recall"] == pytest.approx((1 + 1 / 3) / 2)
    assert figures["c"]["mrr"] < 1.0 and figures["c"]["answered_right"] == 0.0


@pytest.mark.parametrize("said", ["score", "rank"])
def test_how_rankings_are_fused_is_the_configuration_s_word(tmp_path, said):
    path = write_config(tmp_path, recorded(tmp_path, {}), mood(), f'[knowledge]\nfusion = "{said}"\n')
    settings = Settings(path)
    knowledge = open_knowledge(settings, settings.load(), embedding=False)
    try:
        assert knowledge._fusion.value == said
    finally:
        knowledge.close()
