"""`kind = "split"`: several models behind one name, each for a share of those who ask, who then stay with it.

Whoever asks is asked for by one of the arms as if they had named it: with its fallback, its cache, its bound. Which one is
drawn by weighted rendezvous hashing (Thaler and Ravishankar 1998): each arm draws a number for whoever asks, and the
smallest for its share wins. So nothing has to be remembered, every worker finds the same, and where shares change only
those move whom a grown arm wins.
"""

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from hashlib import blake2b

import msgspec

from stepladder.core import (
    SPLIT,
    BadRequest,
    ChatCall,
    Config,
    Model,
    Piece,
    Rung,
    Task,
    Usage,
    arms_of,
    is_private,
)
from stepladder.models.chat import refuse_confidential
from stepladder.models.chat_rung import ChatRung
from stepladder.models.fallback import with_fallbacks

_CHAT = "chat/completions"
_PERSONS = ("safety_identifier", "user")


@dataclass(frozen=True, slots=True)
class Arm:
    """A model, its fallbacks behind it, and the share that it gets. `sealed`: none of them is public."""

    name: str
    share: float
    model: Model
    sealed: bool


def with_splits(config: Config, models: Mapping[str, Model]) -> dict[str, Model]:
    """The open models of a configuration with their fallbacks behind them, and its splits between them."""
    chained = with_fallbacks(config, models)
    for name, table in config.models.items():
        if table.kind == SPLIT:
            arms = [
                Arm(arm, share, chained[arm], _sealed(config, models, arm))
                for arm, share in arms_of(table, f"models.{name}").items()
            ]
            chained[name] = SplitModel(name, arms)
    return chained


def _sealed(config: Config, models: Mapping[str, Model], name: str) -> bool:
    return all(is_private(models[one]) for one in (name, *config.models[name].fallback))


class SplitModel:
    """A `Model` of which each caller always meets the same arm. The arms are opened and closed by whoever made them.

    A confidential question is divided among the arms that may see it.
    """

    def __init__(self, name: str, arms: Sequence[Arm]) -> None:
        self.name = name
        self.arms = tuple(arms)

    @property
    def source(self) -> str:
        """What all arms are; "live" where they differ. Pieces say by `by` who wrote them."""
        sources = {arm.model.source for arm in self.arms}
        return sources.pop() if len(sources) == 1 else "live"

    @property
    def private(self) -> bool:
        """Whether some arm with a share may see confidential questions."""
        return any(is_private(arm.model) for arm in self.arms if arm.share)

    @property
    def sealed(self) -> bool:
        """Whether a confidential question is divided as any other is."""
        return all(arm.sealed for arm in self.arms if arm.share)

    def cost(self, usage: Usage) -> float:
        """What so many tokens of the dearest arm cost; pieces say by `by` what they did cost."""
        return max(arm.model.cost(usage) for arm in self.arms)

    def choose(self, who: str, *, confidential: bool = False) -> Arm:
        """The arm of whoever asks. Raises BadRequest for a confidential question that none may see."""
        arms = [arm for arm in self.arms if arm.share and (not confidential or is_private(arm.model))]
        if not arms:
            raise refuse_confidential(self.name)
        return min(arms, key=lambda arm: self._distance(arm, who))

    async def chat(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """The pieces of the arm, and by whom they are. Raises BadRequest for another endpoint; what the arm raises."""
        if call.route != _CHAT:
            raise refuse_route(self.name, call.route)
        model = self.choose(_asker(call), confidential=call.confidential).model
        async with aclosing(model.chat(call)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                yield piece if piece.by is not None else replace(piece, by=model)

    def rung(self, task: Task) -> Rung:
        """This model as the rung of a task."""
        return ChatRung(self, task, {})

    async def close(self) -> None:
        """Nothing of its own."""

    def _distance(self, arm: Arm, who: str) -> float:
        """An exponential variable of rate `share`, the same for the same split, arm and asker."""
        names = f"{len(self.name)} {self.name}\0{len(arm.name)} {arm.name}\0{who}"
        digest = blake2b(names.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return -math.log((int.from_bytes(digest, "big") + 1) / 2**64) / arm.share


def refuse_route(name: str, route: str) -> BadRequest:
    """Vectors of two models cannot be compared, and so each caller would have to know whose they got."""
    return BadRequest(
        f"{name!r} is a split, and has no {route}.", param="model", remedy="Ask one of its arms by its name."
    )


def _asker(call: ChatCall) -> str:
    """Who asks, as far as a call tells; itself where nobody is named."""
    if call.conversation:
        return call.conversation
    for name in _PERSONS:
        if name in call.body:
            try:
                return msgspec.json.decode(call.body[name], type=str) or call.id
            except msgspec.DecodeError:
                continue
    return call.id
