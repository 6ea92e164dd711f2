"""MCP servers as tools: a real one in a process of its own, over its standard streams and over HTTP."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stepladder.core import ConfigError, ToolConfig, ToolFailed

pytest.importorskip("mcp", reason="needs stepladder[mcp]")

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


@pytest.mark.parametrize("settings", [{}, {"url": "http://h/mcp", "command": ["x"]}, {"url": "file:///x"}])
def test_a_table_that_is_wrong_is_refused(settings):
    with pytest.raises(ConfigError):
        McpTool.open("shop", ToolConfig("mcp", settings))
