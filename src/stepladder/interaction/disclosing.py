"""The headers that tell that an answer is AI-generated.

China's measures for labelling AI-generated content (in force since September 2025, with GB 45438-2025) ask for a label
that people see, and for one in the metadata that says who made it and under which number.
"""

import json
from urllib.parse import quote

from stepladder.core import Disclosure
from stepladder.interaction.wire import Headers

_TOLD = (b"x-stepladder-ai-generated", b"true")
_WRITES = ("chat/completions", "completions")
"""The routes that write text; vectors, scores and verdicts are no content."""


def told(disclosure: Disclosure, route: str, id: str, *, written: bool = False) -> Headers:
    """What goes with the answer to the request `id`; `written`: its text has the visible label."""
    if route not in _WRITES:
        return []
    found = [_TOLD] if disclosure.header else []
    if disclosure.implicit:
        found.append((b"x-stepladder-aigc", _metadata(disclosure.producer, id)))
    label = disclosure.wording
    if label and not written:
        found.append((b"x-stepladder-label", quote(label).encode("ascii")))
    return found


def _metadata(producer: str, id: str) -> bytes:
    """The metadata of GB 45438-2025, appendix E: label "1" says that the content is AI-generated beyond doubt."""
    said = {
        "Label": "1",
        "ContentProducer": producer,
        "ProduceID": id,
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
    return json.dumps({"AIGC": said}, separators=(",", ":")).encode("ascii")
