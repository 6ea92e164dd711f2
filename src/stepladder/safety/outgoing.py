"""The guards of one answer: windows over what is streamed, whole texts, and what is only observed."""

from collections.abc import Sequence
from functools import cached_property

from stepladder.core import Action, Blocked, Side, Streams
from stepladder.safety.judging import Judgement, judge_now
from stepladder.safety.numbers import NumbersGuard
from stepladder.safety.panel import Ruling
from stepladder.safety.stream import Replaced, Windows
from stepladder.safety.watch import Watch

_STEP = 200
"""Characters of a stream after which guards that need whole texts are asked again, where they may cut."""
_STOPS = (Action.BLOCK, Action.HOLD)


class Stopped(Exception):
    """Nothing more of this answer may leave, because of this judgement."""

    def __init__(self, judgement: Judgement) -> None:
        super().__init__(judgement.action)
        self.judgement = judgement


class Outgoing:
    """What judges an answer. `windows` can watch a stream through a window, `wholes` cannot; `observers` only look.

    `rare`: nothing watches it but guards that `lazily` knows. What is not asked for is not made.
    """

    def __init__(self, watch: Watch, *, recalled: bool = False) -> None:
        """Of a `recalled` answer everything has been judged that does not depend on who asks."""
        panel = watch.outs
        self.watch = watch
        self.rare = panel.rare_again if recalled else panel.rare
        self.observers, self.wholes = ((), ()) if recalled else (panel.observers, panel.ended)
        self.known = len(watch.vault) if watch.vault is not None else 0
        self._rulings = panel.personal if recalled else panel.streamed
        self._judged = 0

    @cached_property
    def windows(self) -> tuple[Ruling, ...]:
        """What watches through a window, with what it must know of the asker."""
        return tuple(_for(self.watch, each) for each in self._rulings)

    @cached_property
    def streamed(self) -> Windows:
        """The windows' buffers."""
        return Windows(self._pieces, self.watch.outs.tail)

    @property
    def buffers(self) -> bool:
        """Whether nothing may leave before the answer is whole."""
        return bool(self.wholes) and self.watch.policy.streams is Streams.BUFFER

    @property
    def own(self) -> bool:
        """Whether the answer has placeholders that its question had not: nobody else could have them restored."""
        return self.watch.vault is not None and len(self.watch.vault) > self.known

    async def text(self, text: str, *, whole: bool = True) -> str:
        """A text as it may leave; one that is no `whole` (a name) is for windows only. Raises Stopped, GuardFailed."""
        rulings = (*self.windows, *self.wholes) if whole else self.windows
        judgement = self._passed(
            await self.watch.judged("all" if whole else "windows", rulings, text, Side.OUT)
        )
        return self.watch.pen.written(text, judgement.cuts, asked=False) if judgement.cuts else text

    def piece(self, text: str) -> str:
        """The same at once, for windows only. Raises Stopped."""
        key = object()
        return self.streamed.feed(key, text) + self.streamed.finish(key)

    async def grown(self, text: str, *, last: bool = False) -> None:
        """A streamed text as long as it is now: ask the guards that need all of it. Raises Stopped, GuardFailed."""
        if self.wholes and text and (last or len(text) - self._judged >= _STEP):
            self._judged = len(text)
            judgement = self._passed(await self.watch.judged("wholes", self.wholes, text, Side.OUT))
            if judgement.cuts:  # what has left cannot be replaced any more
                raise Stopped(judgement)

    def knows(self, text: str) -> bool:
        """Whether those that only look are known to have nothing to say of a text."""
        return self.watch.knows("observers", self.observers, text, Side.OUT)

    async def observe(self, text: str) -> None:
        """Ask those that only look."""
        await self.watch.judged("observers", self.observers, text, Side.OUT)

    def _pieces(self, text: str) -> Sequence[Replaced]:
        if not self.windows:
            return ()
        return self.watch.pen.replaced(
            self._passed(self.watch.note(judge_now(self.watch.policy, self.windows, text, Side.OUT))).cuts
        )

    def _passed(self, judgement: Judgement) -> Judgement:
        if judgement.action in _STOPS:
            raise Stopped(judgement)
        return judgement


def _for(watch: Watch, ruling: Ruling) -> Ruling:
    """The ruling with what its guard must know of the asker."""
    guard = ruling.guard
    return Ruling(guard.knowing(watch.given), ruling.table) if isinstance(guard, NumbersGuard) else ruling


def stopped(error: Stopped | Blocked) -> Judgement:
    """What a stream was stopped for."""
    if isinstance(error, Stopped):
        return error.judgement
    return Judgement(Action.BLOCK, categories=error.categories)
