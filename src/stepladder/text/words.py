"""The words of a text, for counting which are new: Latin runs as they are, Han characters in pairs, numbers all alike."""

import re

from stepladder.text.normalise import normalise

_TOKEN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+|[^\W_\u3400-\u9fff\uf900-\ufaff]+")
NUMBER = "0"


def words(text: str) -> list[str]:
    """In the text's order, of its normal form. A Chinese word is two characters more often than not, hence the pairs."""
    found: list[str] = []
    for token in _TOKEN.findall(normalise(text)):
        if token.isdecimal():
            found.append(NUMBER)
        elif "\u3400" <= token[0] <= "\u9fff" or "\uf900" <= token[0] <= "\ufaff":
            found += [token[at : at + 2] for at in range(len(token) - 1)] or [token]
        else:
            found.append(token)
    return found
