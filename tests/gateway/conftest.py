"""Places, closed when the test is over."""

import pytest

from tests.gateway.place import Place


@pytest.fixture
def place():
    places = []

    def make(**parts):
        places.append(Place(**parts))
        return places[-1]

    yield make
    for made in places:
        made.store.close()
        made.gateway.admission.board.close()
