"""A chat with a split on its way there and back: one of its arms is asked, as if the caller had named it."""

from dataclasses import replace

from stepladder.core import Clock, Usage
from stepladder.models import SplitModel, refuse_route
from stepladder.service.entry import Asked
from stepladder.service.model_entry import ModelEntry
from stepladder.service.plan import Snapshot
from stepladder.service.request import CHAT
from stepladder.store import LedgerRow


class SplitEntry(ModelEntry):
    """`arm` names who was drawn, in the header, the ledger's row and the metrics; "" where nobody was.

    That is so of a confidential question where an arm is public: who gets it is no matter of chance then, and a comparison
    of the arms must leave it out.
    """

    __slots__ = ("_drawn", "_snapshot", "_split", "_who", "arm")

    def __init__(self, asked: Asked, clock: Clock, split: SplitModel, snapshot: Snapshot) -> None:
        """Raises BadRequest for another endpoint than chats, and for a confidential question that no arm may see."""
        if asked.request.route != CHAT:
            raise refuse_route(split.name, asked.request.route)
        self._split, self._snapshot = split, snapshot
        self._who = asked.request.who(asked.tenant, asked.id)
        self.arm = self._drawn = split.choose(self._who).name
        super().__init__(asked, clock, *snapshot.model(self.arm))

    def most(self) -> tuple[Usage, float]:
        """That of the arm that could be the dearest: a budget lets the same questions through to each."""
        each = [self._snapshot.model(arm.name) for arm in self._split.arms if arm.share]
        found = [self._most(config, (model, *others)) for model, config, others in each]
        usage = max((usage for usage, _ in found), key=lambda usage: usage.completion_tokens)
        return usage, max(cost for _, cost in found)

    def row(self, status: str, error: str = "") -> LedgerRow:
        """The same as of the arm, and whose it was."""
        return replace(super().row(status, error), ladder_release=self.arm)

    def _version(self) -> str:
        return f"{super()._version()} {len(self._drawn)} {self._drawn}"

    def _check(self) -> None:
        """Once it is confidential, it goes to an arm that may see it. Raises BadRequest where there is none."""
        if not self._call.confidential or self._split.sealed:
            return
        self.arm, request = "", self.asked.request
        self._drawn = self._split.choose(self._who, confidential=True).name
        self._model, self._config, self._others = self._snapshot.model(self._drawn)
        self.cache_seconds = min(self.cache_seconds, self._config.cache_seconds)
        self._call = request.call(self.asked.id, self._bound(), confidential=True)
