"""The words in a picture are read, whoever made it; one that is made to hurt is refused and hurts nobody."""

import pytest

from stepladder.core import MissingExtra
from stepladder.knowledge import Document, PictureReader, PictureRefused, PictureUnread, Refused, received
from tests.knowledge.drawing import drawn

pytest.importorskip("rapidocr")


@pytest.fixture(scope="module")
def reader():
    found = PictureReader()
    yield found
    found.close()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_english_is_read(reader, kind):
    said = reader.read(drawn("Open from nine to five,", "closed on Mondays", kind=kind))
    assert said.split("\n") == ["Open from nine to five,", "closed on Mondays"]


def test_chinese_is_read(reader):
    assert reader.read(drawn("退货须在七日内提出", "运费由买家承担")) == "退货须在七日内提出\n运费由买家承担"


@pytest.mark.parametrize("ink", ["white", "black"])
def test_what_one_sees_through_is_read_on_any_ground(reader, ink):
    seen = drawn("Only on the other ground", mode="RGBA", ground=(0, 0, 0, 0), ink=ink)
    assert reader.read(seen) == "Only on the other ground"


def test_a_picture_without_words_says_nothing(reader):
    assert reader.read(drawn(size=(300, 200))) == ""


def test_what_was_read_is_known_by_its_bytes(reader):
    picture = drawn("Known from now on")
    assert reader.known(picture) is None
    assert reader.read(picture) == reader.known(picture) == "Known from now on"


@pytest.mark.parametrize(
    ("picture", "why"),
    [
        (lambda: b"no picture at all", "no PNG, JPEG, WebP or GIF"),
        (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><text>hi</text></svg>", "no PNG"),
        (lambda: drawn("cut off")[:400], "broken"),
        (lambda: drawn(mode="1", ground=1, size=(8000, 6000)), "8000 x 6000 pixels"),
        (lambda: drawn(size=(9000, 20)), "too long for its width"),
        (lambda: b"\x89PNG" + bytes(21 << 20), "bytes"),
        (lambda: b"", "0 bytes"),
    ],
)
def test_what_cannot_be_read_is_refused_by_reason(reader, picture, why):
    with pytest.raises(PictureRefused, match=why):
        reader.read(picture())


def test_a_reader_that_takes_too_long_is_ended_and_starts_again():
    slow = PictureReader(seconds=0.01)
    with pytest.raises(PictureUnread, match="not within"):
        slow.read(drawn("Nobody waits for this"))
    slow._seconds = 60.0
    try:
        assert slow.read(drawn("But for this")) == "But for this"
    finally:
        slow.close()


def test_a_process_without_work_ends_and_the_next_picture_starts_it(reader):
    reader.read(drawn("The first of two"))
    first = reader._process
    reader._end_idle()
    assert first.poll() is not None
    assert reader.read(drawn("The second of two")) == "The second of two"


def test_pictures_are_documents_too(reader, monkeypatch):
    monkeypatch.setattr("stepladder.knowledge.extraction._reader", lambda: reader)
    (sign,) = received(drawn("Open from nine to five", kind="JPEG"), "sign.jpg")
    assert isinstance(sign, Document) and (sign.id, sign.title) == ("sign.jpg", "sign")
    assert sign.text == "Open from nine to five"
    (blank,) = received(drawn(size=(300, 200)), "blank.png")
    assert isinstance(blank, Refused) and blank.harmless
    (broken,) = received(drawn("cut off")[:400], "broken.png")
    assert isinstance(broken, Refused) and broken.reason.startswith("it is broken")


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("stepladder.knowledge.pictures.find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as caught:
        PictureReader().read(b"x")
    assert caught.value.remedy == "Run: pip install 'stepladder[pictures]'"
    (refused,) = received(drawn("A sign"), "sign.png")
    assert "pip install 'stepladder[pictures]'" in refused.reason
