"""The live dictionary of a task that answers: synonyms and facts in force with the response of the edit, and undone."""

from tests.interaction.helping import HELP as TABLES
from tests.interaction.helping import content, grounds, helped, saying
from tests.interaction.upstreams import live

HELP = "/admin/tasks/help/dictionary"


async def put(home, key, answer, kind):
    done = await home.client.send("PUT", HELP, {"key": key, "answer": answer, "kind": kind})
    assert done.status == 200, done.json


async def test_a_synonym_is_searched_for_read_and_checked_at_once_and_taken_back(tmp_path):
    async with helped(tmp_path, "The azure throne costs 40 euros.") as home:
        asked = "What does the azure throne cost?"
        before = await home.client.chat(asked, "help")
        assert before.headers["x-stepladder-rung"] == "gpt"
        await put(home, "azure throne", "blue chair", "synonym")
        after = await home.client.chat(asked, "help")
        assert (after.headers["x-stepladder-rung"], content(after)) == (
            "reader",
            "The blue chair costs 40 euros. [1]",
        )
        undone = await home.client.send("POST", f"{HELP}/undo", {})
        assert (undone.status, undone.json["entries"]) == (200, [])
        assert (await home.client.chat(asked, "help")).headers["x-stepladder-rung"] == "gpt"
        edits = (await home.client.get(f"{HELP}/history")).json["edits"]
        assert [(edit["before"], edit["after"]) for edit in edits] == [
            ("blue chair", None),
            (None, "blue chair"),
        ]
        assert (await home.client.send("POST", f"{HELP}/undo", {})).status == 400


async def test_an_entry_says_something(tmp_path):
    async with helped(tmp_path, "never") as home:
        for kind in ("exact", "normalised", "phrase", "pattern", "synonym", "fact"):
            refused = await home.client.send("PUT", HELP, {"key": "is * wifi", "answer": " ", "kind": kind})
            assert (refused.status, refused.json["error"]["param"]) == (400, "answer")


async def test_what_a_model_says_in_the_asker_s_words_is_supported(tmp_path):
    async with helped(tmp_path, "The azure throne costs 40 euros.", knows="sure = 2.0") as home:
        await put(home, "azure throne", "blue chair", "synonym")
        response = await home.client.chat("What is the price of the azure throne?", "help")
        assert content(response) == "The azure throne costs 40 euros. [1]"
        assert grounds(response)["supported"] == 1.0


async def test_a_fact_is_answered_from_and_cited_at_once(tmp_path):
    async with helped(tmp_path, "never") as home:
        for key, fact, asked in [
            ("red stool", "The red stool weighs nine kilos.", "How much does the red stool weigh?"),
            ("红凳子", "红凳子的重量是九公斤。", "红凳子的重量是多少？"),
        ]:
            await put(home, key, fact, "fact")
            response = await home.client.chat(asked, "help")
            assert content(response) == f"{fact} [1]"
            (cited,) = grounds(response)["citations"]
            assert (cited["collection"], cited["document"]) == ("dictionary", key)
            await put(home, key, fact.replace("nine", "ten").replace("九", "十"), "fact")
            assert content(await home.client.chat(asked, "help")) != f"{fact} [1]"


LAGOONS = [
    {"id": "sea", "text": "The lagoon is blue. Blue is its price: lagoon, blue."},
    {
        "id": "drink",
        "text": "In the evening bar a Blue Lagoon is mixed for guests who ask for it, and costs four.",
    },
    {"id": "阶", "text": "星阶与云盘：星阶有云，云盘有星，云盘价格与星阶价格。"},
    {"id": "盘", "text": "本公司于去年在全国范围推出了面向个人用户的星阶云盘，价格另议。"},
]


async def test_passages_that_name_a_term_as_it_is_written_go_first(tmp_path):
    async with helped(tmp_path, "never", knows="passages = 1", documents=LAGOONS) as home:
        for key, asked, apart, whole in [
            ("Blue Lagoon", "What is the price of the blue lagoon?", "sea", "drink"),
            ("星阶云盘", "星阶云盘的价格？", "阶", "盘"),
        ]:
            before = await home.client.chat(asked, "help")
            assert grounds(before)["documents"] == [apart]
            await put(home, key, "", "term")
            assert grounds(await home.client.chat(asked, "help"))["documents"] == [whole]
            other = {"key": key, "kind": "term"}
            assert (await home.client.send("DELETE", HELP, other)).status == 200
            assert grounds(await home.client.chat(asked, "help"))["documents"] == [apart]
        refused = await home.client.send("PUT", HELP, {"key": "x", "answer": "y", "kind": "term"})
        assert (refused.status, refused.error["param"]) == (400, "answer")


async def test_a_term_brings_up_a_passage_from_behind_many_that_only_have_its_parts(tmp_path):
    rows = [
        {"id": f"{n}", "text": f"The price of blue is the price of a lagoon: blue {n}, lagoon."}
        for n in range(60)
    ]
    async with helped(tmp_path, "never", knows="passages = 1", documents=[*rows, LAGOONS[1]]) as home:
        asked = "What is the price of the Blue Lagoon?"
        assert grounds(await home.client.chat(asked, "help"))["documents"] != ["drink"]
        await put(home, "Blue Lagoon", "", "term")
        assert grounds(await home.client.chat(asked, "help"))["documents"] == ["drink"]


ENFORCED = """
[guards.words]
mode = "enforce"
"""


async def test_a_word_of_the_owner_s_is_blocked_at_once_until_it_is_taken_out(tmp_path):
    async with live(tmp_path, saying("fine"), ENFORCED + TABLES.replace("MORE", "")) as home:

        async def status(text):
            return (await home.client.chat(text, "gpt")).status

        assert [await status("Tell me of the zorblax."), await status("说说蓝影行动。")] == [200, 200]
        for word in ("zorblax", "蓝影行动"):
            put = await home.client.send("PUT", "/admin/words", {"text": word})
            assert put.status == 200
        assert [await status("Tell me of the zorblax."), await status("说说藍影行動。")] == [400, 400]
        assert await status("Tell me of the otter.") == 200
        assert [one["text"] for one in put.json["words"]] == ["zorblax", "蓝影行动"]
        gone = await home.client.send("DELETE", "/admin/words", {"text": "zorblax"})
        assert (gone.status, await status("Tell me of the zorblax.")) == (200, 200)
        assert await status("说说蓝影行动。") == 400
        assert (await home.client.send("DELETE", "/admin/words", {"text": "zorblax"})).status == 400
        for bad in ({"text": ""}, {"text": "x" * 49}, {"text": "x", "deed": "laugh"}):
            assert (await home.client.send("PUT", "/admin/words", bad)).status == 400
        odd = await home.client.send("PUT", HELP, {"key": "x", "answer": "block", "kind": "word"})
        assert (odd.status, odd.error["param"]) == (400, "kind")
