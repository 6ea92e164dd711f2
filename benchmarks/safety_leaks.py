"""Every entity split at every boundary, in every interleaving of two choices and a tool call: what leaks, in how many streams.

    python benchmarks/safety_leaks.py

Each of the three streams comes in two pieces, cut at the same boundary; they can be mixed in 90 orders. A leak is an entity
that leaves whole in any of the three; a stream differs if what leaves is not what leaves of the uncut text. Writes
results/safety-leaks.json beside this file.
"""

import itertools
import json
from pathlib import Path
from typing import Any

from stepladder.core import Action
from stepladder.safety import (
    Lexicon,
    PersonalGuard,
    PersonalSettings,
    SecretsGuard,
    StreamGuard,
    Word,
    WordsGuard,
)

RESULT = Path(__file__).parent / "results" / "safety-leaks.json"
KEYS = ((0, "content", None), (1, "content", None), (0, "arguments", "call_1"))
ORDERS = sorted(set(itertools.permutations(KEYS * 2)), key=str)
BEFORE, AFTER = "好的，这是您要的内容：Here it is: ", " 。That is all, thank you."
LISTED = Lexicon.of([Word("frobnicate"), Word("出售冰毒")])
ENTITIES = {
    "listed word": "frobnicate",
    "listed word, disguised": "f-r-o-b-n-i-c-a-t-e",
    "listed Chinese word, spaced": "出 售 冰 毒",
    "e-mail": "jane.roe@example.com",
    "telephone, Chinese": "13812345678",
    "telephone, E.164": "+44 20 7946 0958",
    "bank card": "4111 1111 1111 1111",
    "Chinese identity number": "11010519491231002X",
    "IBAN": "DE89 3704 0044 0532 0130 00",
    "social security number": "536-22-1234",
    "IP address": "192.168.10.254",
    "licence plate": "京A12345",
    "company code": "91110000600037341L",
    "API key": "sk-aB3dE6gH9jK2mN5pQ8sT1vW4xY7z",
    "cloud key": "AKIAIOSFODNN7EXAMPLE",
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
}


def guards() -> list[Any]:
    """All guards that watch through a window."""
    return [
        WordsGuard("words", LISTED, action=Action.REDACT),
        PersonalGuard("personal", PersonalSettings(names="always")),
        SecretsGuard("secrets"),
    ]


def mixed(order: tuple[Any, ...], watching: list[Any], first: str, second: str) -> dict[Any, str]:
    """What leaves of three streams that come in this order."""
    stream = StreamGuard(watching)
    out: dict[Any, str] = dict.fromkeys(KEYS, "")
    for i, key in enumerate(order):
        out[key] += stream.feed(key, second if key in order[:i] else first)
    for key, rest in stream.finish_all().items():
        out[key] += rest
    return out


def main() -> None:
    """Try all of them and write the counts."""
    watching, found = guards(), dict[str, Any]()
    for name, entity in ENTITIES.items():
        text = BEFORE + entity + AFTER
        stream = StreamGuard(watching)
        whole = stream.feed(KEYS[0], text) + stream.finish(KEYS[0])
        count = {"streams": 0, "leaks": int(entity in whole), "differ": 0}
        for at in range(len(BEFORE), len(BEFORE) + len(entity) + 1):
            for order in ORDERS:
                out = mixed(order, watching, text[:at], text[at:])
                count["streams"] += 1
                count["leaks"] += any(entity in said for said in out.values())
                count["differ"] += any(said != whole for said in out.values())
        found[name] = count
        print(name, count)
    total = {key: sum(count[key] for count in found.values()) for key in ("streams", "leaks", "differ")}
    told = {"command": "python benchmarks/safety_leaks.py", "all": total, "by entity": found}
    RESULT.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
