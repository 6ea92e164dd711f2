"""Several examples in one row, none of which sees another. Only the worker imports this.

TRL puts examples together, the longest first, each into the fullest row that still has room for it. Their places begin anew
with each example. Where a model is given places and no mask, transformers makes one from them in which a token sees the tokens
of its own example alone, whatever computes the attention (flash attention's kernels are not needed for that).
"""

from collections.abc import Sequence
from typing import Any

from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

_NOT_LEARNED = -100


class PackedRows(DataCollatorForLanguageModeling):  # type: ignore[misc]
    """Packed rows beside each other; TRL's own way puts a batch into one row, whose attention costs its square."""

    def torch_call(self, examples: Sequence[Any]) -> dict[str, Any]:
        """`input_ids`, `labels` and `position_ids`, each (rows, tokens); padding is examples of one token."""
        found: dict[str, Any] = super().torch_call(list(examples))
        del found["attention_mask"]
        # An example's first token would be foretold by the last one of the example before it.
        found["labels"][found["position_ids"] == 0] = _NOT_LEARNED
        return found
