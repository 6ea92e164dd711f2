"""Every picture of a request is found, in whichever of the known ways it is sent."""

import json

import pytest

from stepladder.core import Shown
from stepladder.service.pictures import pictures_of
from stepladder.service.request import read, read_forwarded

PNG = "data:image/png;base64,AAAA"


def shown(*parts, role="user", **fields):
    body = {"model": "m", "messages": [{"role": role, "content": list(parts)}], **fields}
    return [(one.role, one.url) for one in pictures_of(read(json.dumps(body).encode()))]


@pytest.mark.parametrize(
    ("part", "url"),
    [
        ({"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}, PNG),
        ({"type": "image_url", "image_url": PNG}, PNG),
        ({"type": "image_url", "image_url": {"url": "data:;base64,AAAA"}}, "data:;base64,AAAA"),
        ({"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}, "https://x.test/a.png"),
        ({"type": "image_url"}, ""),
        ({"type": "input_image", "file_id": "file-1"}, ""),
        ({"type": "input_image", "image_url": PNG}, PNG),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            PNG,
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://x.test/a"}}, "https://x.test/a"),
        ({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, PNG),
        ({"type": "file", "file": {"filename": "a.png", "file_data": PNG}}, PNG),
        (
            {"type": "mystery", "deep": [{"in": f" {PNG.replace('image', 'IMAGE')}"}]},
            PNG.replace("image", "IMAGE"),
        ),
    ],
)
def test_each_way_to_send_a_picture_is_known_once(part, url):
    assert shown({"type": "text", "text": "Look."}, part) == [("user", url)]


def test_the_message_s_role_goes_with_it():
    assert shown({"type": "image_url", "image_url": {"url": PNG}}, role="tool") == [("tool", PNG)]


def test_each_picture_knows_the_words_around_it_in_the_order_of_reading():
    def words(text):
        return {"type": "text", "text": text}

    picture = {"type": "image_url", "image_url": {"url": PNG}}
    messages = [
        {"role": "user", "content": [picture, words("a")]},
        {"role": "user", "content": [words("b"), words("c"), picture, picture, words("d"), words("e")]},
        {"role": "tool", "content": [words("f"), picture]},
    ]
    body = {"model": "m", "messages": messages, "metadata": {"x": PNG}}
    found = [
        (one.message, one.last, one.before, one.after) for one in pictures_of(read(json.dumps(body).encode()))
    ]
    assert found == [
        (0, False, "", "a"),
        (1, True, "b\nc", ""),
        (1, True, "", "d\ne"),
        (2, False, "f", ""),
        (-1, False, "", ""),
    ]
    assert len(set(pictures_of(read(json.dumps(body).encode())))) == 2, (
        "they are told apart by role and picture"
    )


def test_what_hides_behind_escapes_in_the_json_is_found():
    data = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": PNG}]}]}
    )
    hidden = data.replace("image_url", "\\u0069mage_url").replace("data:", "\\u0064ata:")
    assert pictures_of(read(hidden.encode())) == [Shown("user", PNG)]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "An image_url of data:image/png in words"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
    ],
)
def test_what_is_no_picture_is_none(part):
    assert shown(part) == []


def test_pictures_of_other_endpoints_are_found_too():
    data = json.dumps({"model": "m", "input": [{"image_url": PNG}, "words"]}).encode()
    assert pictures_of(read_forwarded(data, "embeddings")) == [Shown("user", PNG)]
