"""What is known of the version that a top rung's model says it is: another one is another top rung, under the same settings.

The servers note what they hear, and the flywheel reads it: a fingerprint is followed by the version where that is not
the first that was heard under these settings. A model that goes back to its first version is the old top rung again.
"""

import hashlib
from typing import Any

from stepladder.core import ModelConfig
from stepladder.rollout.watch import settings_mark
from stepladder.store import Store

_KIND = "version"


def note_version(store: Store, name: str, model: ModelConfig, version: str) -> bool:
    """Write down the version that this model is now; whether it was another one before."""
    id = _id(name, model)
    before = store.catalogue.notes.get(_KIND, id) or {"first": version, "now": ""}
    if before["now"] == version:
        return False
    note: dict[str, Any] = {**before, "now": version}
    store.catalogue.notes.put(_KIND, id, note)
    return bool(before["now"])


def with_version(store: Store, name: str, model: ModelConfig, fingerprint: str) -> str:
    """The fingerprint of a top rung with this model, told from what it was before the model's version changed."""
    note = store.catalogue.notes.get(_KIND, _id(name, model))
    if note is None or note["now"] == note["first"]:
        return fingerprint
    return f"{fingerprint}-{hashlib.sha256(note['now'].encode()).hexdigest()[:8]}"


def _id(name: str, model: ModelConfig) -> str:
    return f"{name} {settings_mark(model)}"
