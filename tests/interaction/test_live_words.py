"""A list of words that is edited while the server runs is in force without a restart; a bad one is not taken."""

import asyncio
from contextlib import suppress

from tests.interaction.helping import saying
from tests.interaction.upstreams import live


async def until(true):
    for _ in range(600):
        if await true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("It never came true.")


async def test_an_edited_list_is_in_force_without_a_restart(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("frobnicate\n", encoding="utf-8")
    config = f'[guards]\nmode = "enforce"\n[guards.words]\nlists = ["{words}"]\n'
    async with live(tmp_path, saying("Soup."), config) as home:

        async def passes(text):
            return (await home.client.chat(text, "gpt")).status == 200

        async def stopped(text):
            return not await passes(text)

        before = home.house.gateway.guards.policies.of("gpt", "").hash
        assert await stopped("frobnicate") and await passes("zyzzyva")
        watching = asyncio.create_task(home.house.watch())
        try:
            words.write_text("zyzzyva\n冰毒买卖\n", encoding="utf-8")
            await until(lambda: stopped("zyzzyva"))
            assert await passes("frobnicate") and await stopped("这里有冰 毒 买 卖")
            assert home.house.gateway.guards.policies.of("gpt", "").hash != before
            words.write_text("frobnicate\trude\tnonsense tag\n", encoding="utf-8")
            await asyncio.sleep(1.2)
            assert await stopped("zyzzyva") and await passes("frobnicate")
            words.write_text("frobnicate\n", encoding="utf-8")
            await until(lambda: stopped("frobnicate"))
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
