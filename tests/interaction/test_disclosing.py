"""Answers say that a machine wrote them: to programs, in the metadata that China asks for, and to people."""

import json
from urllib.parse import unquote

import pytest

from stepladder.core import ConfigError, config
from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction.asgi import Client
from tests.product import mood, recorded, write_config

LABELS = '[disclosure]\nimplicit = true\nproducer = "某公司 0001"\nvisible = "zh"\n'


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["mood", "big"])
async def test_every_written_answer_is_labelled(tmp_path, stream, model):
    path = write_config(tmp_path, recorded(tmp_path, {"hi": "good"}), mood(), LABELS)
    house = await House.open(Settings(path))
    try:
        client = Client(App(house), await house.first_admin_key() or "")
        response = await client.chat("hi", model=model, stream=stream)
        assert response.status == 200
        assert response.headers["x-stepladder-ai-generated"] == "true"
        said = json.loads(response.headers["x-stepladder-aigc"])["AIGC"]
        assert (said["Label"], said["ContentProducer"]) == ("1", "某公司 0001")
        assert said["ProduceID"] == response.headers["x-stepladder-request-id"]
        assert unquote(response.headers["x-stepladder-label"]) == "AI生成"
        failed = await client.chat("nothing is recorded for this", model=model)
        assert failed.status != 200 and "x-stepladder-ai-generated" not in failed.headers
    finally:
        await house.close()


async def test_by_default_there_is_the_header_alone(home):
    response = await home.client.chat()
    assert response.headers["x-stepladder-ai-generated"] == "true"
    assert not {"x-stepladder-aigc", "x-stepladder-label"} & set(response.headers)


@pytest.mark.parametrize(
    ("table", "param"),
    [('visible = "fr"', "disclosure.visible"), ("implicit = true", "disclosure.producer")],
)
def test_a_wrong_configuration_names_the_key(table, param):
    with pytest.raises(ConfigError) as caught:
        config.parse(f"[disclosure]\n{table}\n")
    assert caught.value.param == param
