"""Immutable releases and frozen datasets: their files, under the names that the store's catalogue gives them.

It checks that what is loaded is what was put in. It does not know what is in a release, how one is made, or
which of them is in use.
"""

from stepladder.registry.datasets import dataset_hash
from stepladder.registry.forgetting import Held, forget, forget_before, held
from stepladder.registry.hub import export_hub_folder
from stepladder.registry.keeping import Keeping, Lineage, Marks
from stepladder.registry.parcel import export_release, import_release
from stepladder.registry.publish import Publisher
from stepladder.registry.record import Record, record_of
from stepladder.registry.registry import Registry
from stepladder.registry.remote import Remote

__all__ = [
    "Held",
    "Keeping",
    "Lineage",
    "Marks",
    "Publisher",
    "Record",
    "Registry",
    "Remote",
    "dataset_hash",
    "export_hub_folder",
    "export_release",
    "forget",
    "forget_before",
    "held",
    "import_release",
    "record_of",
]
