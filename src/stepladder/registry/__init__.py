"""Immutable releases and frozen datasets: their files, under the names that the store's catalogue gives them.

It checks that what is loaded is what was put in. It does not know what is in a release, how one is made, or
which of them is in use.
"""

from stepladder.registry.datasets import dataset_hash
from stepladder.registry.registry import Registry

__all__ = ["Registry", "dataset_hash"]
