"""The live dictionary of a task that answers: synonyms and facts in force with the response of the edit, and undone."""

from tests.interaction.helping import content, grounds, helped

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
