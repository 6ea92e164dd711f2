"""Tools by themselves: what is sent for which arguments, what is refused, and how much of an answer is read."""

import json

import pytest

from stepladder.core import ConfigError, ToolConfig, ToolFailed
from stepladder.service.tools.addresses import outside
from stepladder.service.tools.http import HttpTool
from stepladder.service.tools.openapi import OpenApiTool
from tests.interaction.tool_peers import document, shop


@pytest.fixture
async def api():
    async with shop() as peer:
        yield peer


@pytest.fixture
async def tool(api):
    made = []

    def open_tool(kind=OpenApiTool, *, local=True, seconds=20.0, most_kb=32, **settings):
        settings = settings or {"document": f"{api.url}/openapi.json"}
        made.append(kind.open("shop", ToolConfig("x", settings, False, local, seconds, most_kb)))
        return made[-1]

    yield open_tool
    for one in made:
        await one.close()


async def test_a_document_becomes_operations_with_schemas(tool):
    found = {one.name: one for one in await tool().operations()}
    assert "refund" not in found, "what writes is only offered by name"
    assert found["order"].description == "The order"
    search = found["search"].parameters
    assert search["properties"]["q"] == {"type": "string"}, "references are resolved"
    assert search["required"] == ["q"] and search["additionalProperties"] is False
    assert not {"Authorization", "sid"} & set(search["properties"]), "a model fills in no credentials"


async def test_named_operations_are_all_that_there_is(api, tool):
    some = tool(document=f"{api.url}/openapi.json", operations=["refund"])
    (refund,) = await some.operations()
    schema = refund.parameters["properties"]["body"]
    assert schema["required"] == ["order"], "what refers to itself ends somewhere"
    json.dumps(schema)
    await some.call("refund", {"body": {"order": "7"}})
    assert api.seen[-1][0] == "POST" and api.seen[-1][3] == {"order": "7"}
    with pytest.raises(ToolFailed, match="no operation"):
        await some.call("order", {"number": "7"})


async def test_every_argument_goes_to_its_place(api, tool):
    some = tool()
    await some.operations()
    await some.call("search", {"q": "a&b=c 汤", "tag": ["x", "y"], "X-Lang": "zh"})
    _, path, headers, _ = api.seen[-1]
    assert path == "/search?q=a%26b%3Dc+%E6%B1%A4&tag=x&tag=y" and headers["X-Lang"] == "zh"
    assert json.loads(await some.call("order", {"number": "7"}))["state"] == "on its way"


@pytest.mark.parametrize("number", ["a/b?c#d", "7%2f8", "1..2", "\\x"])
async def test_a_path_leads_nowhere_else(api, tool, number):
    some = tool()
    await some.operations()
    await some.call("order", {"number": number})
    path = api.seen[-1][1]
    assert path.startswith("/orders/") and path.count("/") == 2 and "?" not in path and "#" not in path


@pytest.mark.parametrize(
    ("operation", "arguments", "why"),
    [
        ("order", {}, "number is missing"),
        ("order", {"number": 7}, "not of type string"),
        ("order", {"number": "7", "more": 1}, "does not have"),
        ("order", {"number": ".."}, "no piece of a path"),
        ("order", {"number": "../admin"}, "no piece of a path"),
        ("order", {"number": "7\\..\\admin"}, "no piece of a path"),
        ("order", {"number": "7%2f.."}, "no piece of a path"),
        ("order", {"number": "7%252F%252e%252e"}, "no piece of a path"),
        ("search", {"q": "x", "X-Lang": "fr"}, "none of the allowed"),
        ("nothing", {}, "no operation"),
    ],
)
async def test_arguments_that_do_not_fit_are_not_sent(api, tool, operation, arguments, why):
    some = tool()
    await some.operations()
    asked = len(api.seen)
    with pytest.raises(ToolFailed, match=why):
        await some.call(operation, arguments)
    assert len(api.seen) == asked


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ("slow", "did not answer in"),
        ("away", "elsewhere"),
        ("picture", "no text"),
        ("broken", "500: .*no such"),
    ],
)
async def test_what_goes_wrong_is_said(tool, operation, why):
    some = tool(seconds=1.0)
    await some.operations()
    with pytest.raises(ToolFailed, match=why):
        await some.call(operation, {})


async def test_a_long_answer_is_cut(tool):
    some = tool(most_kb=1)
    await some.operations()
    said = await some.call("big", {})
    assert len(said) < 1100 and said.endswith("[cut: the answer is longer]")


async def test_the_key_is_sent_and_never_said(api, tool, monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "k-123456")
    some = tool(document=f"{api.url}/openapi.json", key="env:SHOP_KEY", key_header="X-Key", key_prefix="")
    await some.operations()
    with pytest.raises(ToolFailed) as failed:
        await some.call("broken", {})
    assert api.seen[-1][2]["X-Key"] == "k-123456"
    assert "k-123456" not in str(failed.value) and "k-123456" not in repr(failed.value.__dict__)


async def test_the_local_network_is_only_reached_with_leave(tmp_path, api, tool):
    file = tmp_path / "shop.json"
    for host in ("127.0.0.1", "localhost", "127.1", "[::1]", "169.254.169.254"):
        file.write_text(json.dumps(document(f"http://{host}:{api.url.rpartition(':')[2]}")))
        some = tool(document=str(file), local=False, seconds=5.0)
        await some.operations()
        with pytest.raises(ToolFailed, match=r"local network|cannot be reached"):
            await some.call("order", {"number": "1"})
    assert not api.seen
    assert tool(document=str(file), local=True)


def test_which_addresses_are_outside():
    inside = ("10.1.2.3", "127.0.0.1", "169.254.1.1", "::1", "fe80::1%eth0", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
              "2002:7f00:1::", "100.64.0.1", "0.0.0.0", "224.0.0.1", "fd00::1", "no address")  # fmt: skip
    assert not any(map(outside, inside))
    assert all(map(outside, ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8")))


async def test_one_endpoint_is_declared_by_hand(api, tool):
    wanted = {
        "url": f"{api.url}/orders/{{number}}?fixed=1",
        "description": "An order's state",
        "parameters": {"number": {"type": "string"}, "lang": {"type": "string"}},
    }
    wanted["url"] = f"{api.url}/orders/{{number}}"
    some = tool(HttpTool, **wanted)
    (only,) = await some.operations()
    assert only.name == "shop" and only.parameters["required"] == ["number"]
    await some.call("shop", {"number": "a b", "lang": "zh"})
    assert api.seen[-1][1] == "/orders/a%20b?lang=zh"
    posted = tool(HttpTool, **{**wanted, "method": "post"})
    await posted.call("shop", {"number": "1", "lang": "zh"})
    assert api.seen[-1][0] == "POST" and api.seen[-1][3] == {"lang": "zh"}


async def test_a_document_may_be_yaml(tmp_path, api, tool):
    yaml = pytest.importorskip("yaml")
    file = tmp_path / "shop.yaml"
    file.write_text(yaml.safe_dump(document(api.url)))
    assert "order" in [one.name for one in await tool(document=str(file)).operations()]


@pytest.mark.parametrize("text", ["{}", "openapi: [", '{"openapi": "2.0"}', "[]"])
async def test_a_document_that_is_none_is_refused(tmp_path, tool, text):
    file = tmp_path / "odd.json"
    file.write_text(text)
    with pytest.raises(ToolFailed, match="document"):
        await tool(document=str(file)).operations()


@pytest.mark.parametrize(
    ("kind", "settings", "named"),
    [
        (OpenApiTool, {"document": "/nowhere.json"}, "tools.shop.document"),
        (OpenApiTool, {"documnt": "x"}, "'document'"),
        (OpenApiTool, {"document": "http://h/x", "key": "sl-secret"}, "tools.shop.key"),
        (HttpTool, {"url": "ftp://h", "description": "x"}, "tools.shop.url"),
        (HttpTool, {"url": "http://me:pw@h/x", "description": "x"}, "tools.shop.url"),
        (HttpTool, {"url": "http://h/{a}", "description": "x"}, "'a'"),
        (HttpTool, {"url": "http://h/", "description": ""}, "description"),
        (HttpTool, {"url": "http://h/", "description": "x", "method": "look"}, "method"),
    ],
)
def test_a_table_that_is_wrong_is_refused_by_name(tool, kind, settings, named):
    with pytest.raises(ConfigError, match=named):
        kind.open("shop", ToolConfig("x", settings))
