"""`kind = "routed"`: a small model and a large one behind one name, for answers in prose.

A router, trained offline on one's own pairs of answers, says which questions go to the large model at once; what the small
one answers is checked, and goes up where it does not pass. There is no promise in it: prose has no agreement that could
be certified. What it costs is what both took, and the checks.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stepladder.core import (
    BadRequest,
    ChatCall,
    ConfigError,
    Model,
    Piece,
    Rung,
    RungFailed,
    Task,
    Usage,
    config,
    is_private,
    plugins,
)
from stepladder.models.chat_rung import ChatRung
from stepladder.models.checks import Checks, one_piece
from stepladder.models.off_loop import off_loop
from stepladder.models.router import Router
from stepladder.models.wire import last_user_text, stream_pieces

_SHARES = ("large_share", "least_probability", "least_agreement")
_ALONE = ("tools", "functions", "n", "audio")
"""Fields with which a question goes to the large model at once: what they ask for is not looked at here."""


@dataclass(frozen=True, slots=True)
class RoutedSettings:
    """`[models.x]` with `kind = "routed"`: `small` and `large` are tables of models, `router` the folder of a fitted router.

    Of the questions it was fitted on, the share `large_share` with most to gain goes to the large model at once; without a
    router the small one is always tried. The small one's answer goes up where a token was on average less likely than
    `least_probability`, where `samples` more answers are less like it than `least_agreement`, or where the model `judge`
    does not call it good.
    """

    small: Mapping[str, Any] = field(default_factory=dict)
    large: Mapping[str, Any] = field(default_factory=dict)
    router: str = ""
    large_share: float = 0.5
    least_probability: float = 0.0
    samples: int = 0
    least_agreement: float = 0.5
    judge: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wrote:
    """The model that wrote an answer, with what was `spent` before it; what stands behind `Piece.by`."""

    model: Model
    usage: Usage
    spent: float

    @property
    def name(self) -> str:
        """The writer's."""
        return self.model.name

    @property
    def source(self) -> str:
        """The writer's."""
        return self.model.source

    def cost(self, usage: Usage) -> float:
        """What all of it cost, given all the tokens, of which `usage` were spent before."""
        own = Usage(
            max(usage.prompt_tokens - self.usage.prompt_tokens, 0),
            max(usage.completion_tokens - self.usage.completion_tokens, 0),
        )
        return self.model.cost(own) + self.spent

    def chat(self, call: ChatCall) -> AsyncIterator[Piece]:
        """The writer's."""
        return self.model.chat(call)

    def rung(self, task: Task) -> Rung:
        """The writer's."""
        return self.model.rung(task)

    async def close(self) -> None:
        """Nothing of its own."""


class RoutedModel:
    """A `Model` that asks the small one where that will do."""

    source = "live"

    def __init__(
        self, name: str, models: tuple[Model, Model], router: Router | None, share: float, checks: Checks
    ) -> None:
        self.name = name
        self._small, self._large = models
        self._router, self._checks = router, checks
        self._cut = router.cut(share) if router is not None else 0.0
        self.private = all(is_private(model) for model in (*models, checks.judge) if model is not None)

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "RoutedModel":
        """Open both models, the judge and the router. Raises ConfigError, DataError, MissingExtra, UnknownPlugin."""
        where = f"models.{name}"
        found = config.settings(settings, RoutedSettings, where)
        for key in _SHARES:
            if not 0 <= getattr(found, key) <= 1:
                raise ConfigError(
                    f"{where}.{key} is {getattr(found, key)}.", param=f"{where}.{key}", remedy="Give 0 to 1."
                )
        if not 0 <= found.samples <= 16:
            raise ConfigError(
                f"{where}.samples is {found.samples}.", param=f"{where}.samples", remedy="Give 0 to 16."
            )
        small, large = _opened(name, "small", found.small), _opened(name, "large", found.large)
        judge = _opened(name, "judge", found.judge) if found.judge else None
        router = Router.load(Path(found.router).expanduser()) if found.router else None
        checks = Checks(found.least_probability, found.samples, found.least_agreement, judge)
        return cls(name, (small, large), router, found.large_share, checks)

    def cost(self, usage: Usage) -> float:
        """At the large model's price, which is the most it can be; pieces say by `by` what they did cost."""
        return self._large.cost(usage)

    async def chat(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """The pieces of whichever model answers. Raises RungFailed where the large one fails."""
        if call.route != "chat/completions":
            raise BadRequest(
                f"{self.name!r} has no {call.route}.", param="model", remedy="Ask another model."
            )
        spent = (Usage(), 0.0)
        model = self._large
        if await self._tries_small(call):
            if self._checks.any:
                passed, spent = await self._checked(call)
                if passed is not None:
                    for piece in _told(call, self._small, passed, spent):
                        yield piece
                    return
            else:
                model = self._small
        async with aclosing(self._pieces(model, call, spent)) as pieces:
            async for piece in pieces:
                yield piece

    def rung(self, task: Task) -> Rung:
        """This model as the rung of a task."""
        return ChatRung(self, task, {})

    async def close(self) -> None:
        """Close what was opened."""
        for model in (self._small, self._large, self._checks.judge):
            if model is not None:
                await model.close()

    async def _tries_small(self, call: ChatCall) -> bool:
        if any(name in call.body for name in _ALONE):
            return False
        judge = self._checks.judge
        if call.confidential and not (is_private(self._small) and (judge is None or is_private(judge))):
            return False
        if self._router is None:
            return True
        try:
            return await off_loop(self._router.gain, last_user_text(call.body)) <= self._cut
        except RungFailed:  # the embedder cannot be asked
            return False

    async def _checked(self, call: ChatCall) -> tuple[Piece | None, tuple[Usage, float]]:
        """The small model's answer where it passes, and what was taken besides it (all, where it does not)."""
        asked = self._checks.asked(call)
        try:
            piece = await one_piece(self._small, asked)
        except RungFailed as error:
            return None, (error.usage, error.cost)
        found = await self._checks.check(self._small, asked, piece)
        if found.passes:
            return piece, (found.usage, found.cost)
        own = piece.usage or Usage()
        return None, (found.usage + own, found.cost + self._small.cost(own))

    async def _pieces(
        self, model: Model, call: ChatCall, spent: tuple[Usage, float]
    ) -> AsyncGenerator[Piece]:
        wrote = Wrote(model, *spent)
        async with aclosing(model.chat(call)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                usage = piece.usage + spent[0] if piece.usage is not None else None
                yield replace(piece, by=wrote, usage=usage)


def _told(call: ChatCall, model: Model, piece: Piece, spent: tuple[Usage, float]) -> list[Piece]:
    """An answer that came whole, as it was asked for."""
    wrote, usage = Wrote(model, *spent), (piece.usage or Usage()) + spent[0]
    if not call.stream:
        return [replace(piece, by=wrote, usage=usage)]
    finish = piece.finish_reason or "stop"
    pieces = stream_pieces(call, model.name, piece.text, usage, finish_reason=finish)
    return [replace(one, by=wrote) for one in pieces]


def _opened(name: str, part: str, table: Mapping[str, Any]) -> Model:
    if not table:
        raise ConfigError(
            f"models.{name}.{part} is missing.",
            param=f"models.{name}.{part}",
            remedy='Give a model\'s table, such as { kind = "local" }.',
        )
    rest = dict(table)
    opener = plugins.find(plugins.MODELS, str(rest.pop("kind", "chat")))
    model: Model = opener.open(f"{name}.{part}", rest)
    return model
