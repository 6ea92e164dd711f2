"""What a budget reserves for an answer is all that the upstream is allowed to write."""

import pytest

from tests.interaction.upstreams import live
from tests.models.upstream_double import completion

BUDGET = "[tenants.admin.limits]\nbudget_day = 1.0\n"
FREE = '[models.free]\nkind = "chat"\nbase_url = "URL"\nmodel = "m-2"\n'
DEAR = '[models.dear]\nkind = "chat"\nbase_url = "URL"\nmodel = "m-3"\nfallback = ["gpt"]\n'


async def fine(asked):
    await asked.say(completion("fine"))


@pytest.mark.parametrize(
    ("tables", "model", "named", "sent"),
    [
        (BUDGET, "gpt", {}, 4096),
        ("[tenants.admin.each_key]\nbudget_month = 1.0\n", "gpt", {}, 4096),
        (BUDGET + DEAR, "dear", {}, 4096),  # its fallback has a price
        (BUDGET, "gpt", {"max_tokens": 7}, 7),
        (BUDGET, "gpt", {"max_completion_tokens": 7}, None),
        (BUDGET + FREE, "free", {}, None),
        ("", "gpt", {}, None),
        ("[tenants.admin.limits]\ntokens_per_minute = 100000\n", "gpt", {}, None),
    ],
)
async def test_what_is_reserved_is_what_is_sent(tmp_path, tables, model, named, sent):
    async with live(tmp_path, fine, tables) as home:
        assert (await home.client.chat("hi", model, **named)).status == 200
        (asked,) = home.server.asked
        assert asked.body.get("max_tokens") == sent


async def test_what_the_table_says_goes_before_it(tmp_path):
    async with live(tmp_path, fine, BUDGET, model="max_output_tokens = 50\n") as home:
        assert (await home.client.chat("hi", "gpt")).status == 200
        assert home.server.asked[0].body["max_tokens"] == 50
