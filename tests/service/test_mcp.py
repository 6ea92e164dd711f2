"""MCP servers as tools: a real one in a process of its own, over its standard streams and over HTTP."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stepladder.core import ConfigError, ToolConfig, ToolFailed

pytest.importorskip("mcp", reason="needs stepladder[mcp]")

from stepladder.service.tools.box import OpenedTool
from stepladder.service.tools.mcp import McpTool

SERVER = Path(__file__).parent / "mcp_server.py"
STDIO = {"command": [sys.executable, str(SERVER), "stdio"]}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    told = tmp_path_factory.mktemp("mcp") / "url"
    process = subprocess.Popen([sys.executable, str(SERVER), "http", str(told)])
    try:
        for _ in range(600):
            if told.exists() and told.read_text().endswith("/mcp"):
                break
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        yield told.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def opened():
    made = []

    def open_tool(settings, *, local=True, seconds=60.0, most_kb=32):
        made.append(McpTool.open("shop", ToolConfig("mcp", settings, False, local, seconds, most_kb)))
        return made[-1]

    yield open_tool
    for one in made:
        await one.close()


@pytest.fixture(params=["stdio", "http"])
def settings(request):
    return STDIO if request.param == "stdio" else {"url": request.getfixturevalue("url")}


async def test_a_server_is_listed_and_called(opened, settings):
    tool = opened(settings)
    found = {one.name: one for one in await tool.operations()}
    assert set(found) == {"order", "fail", "slow", "big", "end"}
    assert found["order"].description == "Where an order is."
    assert found["order"].parameters["required"] == ["number"]
    assert "by train" in await tool.call("order", {"number": "7", "detailed": True})
    both = await asyncio.gather(*(tool.call("order", {"number": str(n)}) for n in range(5)))
    assert [said.split()[1] for said in both] == list("01234")


async def test_errors_and_what_does_not_fit_are_told(opened, settings):
    tool = opened(settings, most_kb=1)
    await tool.operations()
    with pytest.raises(ToolFailed, match="fail"):
        await tool.call("fail", {})
    with pytest.raises(ToolFailed, match="number is missing"):
        await tool.call("order", {})
    with pytest.raises(ToolFailed, match="no operation"):
        await tool.call("nothing", {})
    said = await tool.call("big", {})
    assert len(said) < 1100 and said.endswith("[cut: the answer is longer]")


async def test_a_slow_call_ends_and_the_session_goes_on(opened, url):
    tool = opened({"url": url})
    await tool.operations()
    tool._given = ToolConfig("mcp", {}, False, True, 0.5, 32)
    with pytest.raises(ToolFailed, match="did not answer"):
        await tool.call("slow", {})
    tool._given = ToolConfig("mcp", {}, False, True, 60.0, 32)
    assert "on its way" in await tool.call("order", {"number": "1"})


async def test_a_server_that_ended_is_started_again(opened):
    tool = opened(STDIO)
    await tool.operations()
    with pytest.raises(ToolFailed):
        await tool.call("end", {})
    assert "on its way" in await tool.call("order", {"number": "1"})


async def test_the_environment_is_what_it_is_given(opened, monkeypatch):
    monkeypatch.setenv("PLACE", "Depot 3")
    monkeypatch.setenv("SHOP_PLACE", "not handed on")
    told = opened({**STDIO, "env": {"SHOP_PLACE": "env:PLACE"}})
    untold = opened(STDIO)
    for tool, place in ((told, "Depot 3"), (untold, "way. ")):
        await tool.operations()
        assert (await tool.call("order", {"number": "1"})).endswith(place)


async def test_only_what_is_named_is_offered(opened, url):
    tool = opened({"url": url, "operations": ["order"]})
    assert [one.name for one in await tool.operations()] == ["order"]
    with pytest.raises(ToolFailed, match="no operation"):
        await tool.call("end", {})


async def test_the_local_network_is_only_reached_with_leave(opened, url):
    with pytest.raises(ToolFailed, match=r"cannot be reached|local network|did not answer"):
        await opened({"url": url}, local=False).operations()


async def test_nobody_there_is_told(opened):
    with pytest.raises(ToolFailed):
        await opened({"url": "http://127.0.0.1:9/mcp"}).operations()
    with pytest.raises(ToolFailed):
        await opened({"command": [os.devnull]}).operations()


@pytest.mark.parametrize(
    ("command", "said", "remedy"),
    [
        (["/no/such/server", "-x"], "cannot be started (/no/such/server: No such file", "tools.shop.command"),
        ([sys.executable, "-c", "import nothere"], sys.executable, "No module named 'nothere'"),
        (["sh", "-c", "echo hello; exit 3"], "the program sh ended", "by hand"),
    ],
)
async def test_a_server_that_does_not_start_is_told_in_one_line(opened, caplog, capfd, command, said, remedy):
    shop = ToolConfig("mcp", {"command": command}, False, True, 60.0, 32)
    tool = OpenedTool("shop", shop, opened({"command": command}))
    with pytest.raises(ToolFailed) as caught:
        await tool.operations()
    assert said in caught.value.message and remedy in caught.value.remedy
    assert "nothere" not in caught.value.message  # which models are told
    tool._due = 0.0
    with pytest.raises(ToolFailed):
        await tool.operations()
    last = caplog.records[-1]
    assert last.getMessage() == f"{caught.value} Until then models go on without it."
    assert [one for one in caplog.records if one.exc_info or one.exc_text] == []
    assert len(caplog.records) == 1 + (command[0] == "sh")  # whose line on its output is no message
    assert capfd.readouterr() == ("", "")


async def test_what_a_server_logs_has_its_name(opened, caplog):
    tool = opened(STDIO)
    await tool.operations()
    with caplog.at_level("INFO", "stepladder"), pytest.raises(ToolFailed, match="fail"):
        await tool.call("fail", {})
    told = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("The MCP server of the tool shop says: ") for line in told)


async def test_a_server_that_says_nothing_keeps_nobody_waiting_for_its_end(opened):
    tool = opened({"command": ["sleep", "60"]}, seconds=0.1)
    with pytest.raises(ToolFailed, match=r"did not answer in 0\.1 s"):
        await tool.operations()
    began = time.monotonic()
    await tool.close()
    assert time.monotonic() - began < 8  # it has two seconds to end by itself, and is killed then


@pytest.mark.parametrize("settings", [{}, {"url": "http://h/mcp", "command": ["x"]}, {"url": "file:///x"}])
def test_a_table_that_is_wrong_is_refused(settings):
    with pytest.raises(ConfigError):
        McpTool.open("shop", ToolConfig("mcp", settings))
