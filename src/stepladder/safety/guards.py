"""The guards on a question's path: what goes in is cleared, what comes out is cleared, and the asker's own is put back."""

from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

from stepladder.core import (
    Action,
    Blocked,
    Clock,
    Config,
    Events,
    GuardFailed,
    Held,
    Hold,
    Part,
    Pictures,
    Piece,
    Refuse,
    Remark,
    Remarked,
    Shown,
    Text,
    TooMany,
)
from stepladder.privacy import SealedVaults, Vault
from stepladder.safety.answers import Instead, clear_answer, restore_answer
from stepladder.safety.clean import Clean
from stepladder.safety.desk import Desk, held_name
from stepladder.safety.doubts import reviewed
from stepladder.safety.eyes import Eyes
from stepladder.safety.judging import NOTHING, Judgement
from stepladder.safety.lazily import cleared_on, lazily, lazily_whole
from stepladder.safety.outgoing import Outgoing
from stepladder.safety.owners_words import owners_words
from stepladder.safety.pieces import clear_body, clear_chunks, observe_pieces, restore_pieces
from stepladder.safety.policy import Policies, Policy
from stepladder.safety.refusals import refusal
from stepladder.safety.screening import Screening
from stepladder.safety.watch import Watch, severer
from stepladder.store import Store, conversation_name

Parts = AsyncGenerator[Part | Piece]
_WITHHELD = "[withheld: a guard failed]"


class Guarded(Protocol):
    """A question on its way, as far as guards know it."""

    watch: Watch | None
    remarks: tuple[Remark, ...]
    cached: bool
    outcome: str
    approved: str
    waits: Held | None
    reserve: Callable[[float], None] | None  # money for guards that ask a model
    drafts: bool  # whether its answer may come with a draft for a person
    hands: Any  # the tools that may be used for it, whose `screen` is ours to give

    @property
    def id(self) -> str:
        """The request's."""
        ...

    @property
    def conversation(self) -> str:
        """The conversation that it belongs to, "" for none."""
        ...

    @property
    def confidential(self) -> bool:
        """Whether only private models may see it."""
        ...

    @property
    def question_text(self) -> str:
        """The question, as it may be kept."""
        ...

    def body(self) -> str:
        """The request as it may be kept, to be asked later; "" where it cannot be."""
        ...

    @property
    def asks(self) -> tuple[str, str, str, bool]:
        """Task ("" for a plain model), model or task as the caller named it, tenant, and whether a stream is wanted."""
        ...

    def forget(self) -> None:
        """This answer is not to be given again."""
        ...

    def confide(self) -> None:
        """Only private models and tools may see it. Raises BadRequest where none could answer."""
        ...

    def texts(self) -> Sequence[Text]:
        """Every text of the request."""
        ...

    def pictures(self) -> Sequence[Shown]:
        """Every picture of the request."""
        ...

    def put(self, texts: Sequence[str]) -> None:
        """Let the request say this instead."""
        ...

    def refusal(self, said: str, seen: str = "") -> Parts:
        """An answer that says only why there is none, or no more; `seen` is what the rung had said by then."""
        ...


class Guards:
    """Every question passes here three times. Where no guard watches, nothing is done."""

    def __init__(
        self, events: Events | None = None, policies: Policies | None = None, desk: Desk | None = None
    ) -> None:
        """Without a `desk` what is to be held is blocked, and no vault outlives its question."""
        self.policies = policies or Policies()
        self.desk = desk
        self._events = events or Events()
        self._eyes = Eyes()
        self._clean = Clean()
        self._under_way: WeakValueDictionary[str, Guarded] = WeakValueDictionary()

    def prepared(self, config: Config, store: Store, clock: Clock) -> tuple[Policies, Desk]:
        """What a configuration asks for, opened; what there is, where it is the same configuration. Slow: off the loop.

        Raises ConfigError, UnknownPlugin, MissingExtra or DataError for guards and keys that cannot be opened.
        """
        words = owners_words(store)
        if self.policies.config is config and self.desk is not None:
            same = self.policies.words == words
            return self.policies if same else self.policies.with_words(words), self.desk
        wanted, vaults = config.guards.overall, None
        if wanted.vault_key:
            lifetime = 3600 * (24.0 if wanted.vault_hours is None else wanted.vault_hours)
            vaults = SealedVaults(store.vaults, wanted.vault_key, clock=clock, lifetime=lifetime)
        policies = Policies(config)
        return policies.with_words(words) if words else policies, Desk(store.reviews, clock, vaults)

    def close(self) -> None:
        """End what works beside this process."""
        self._eyes.close()

    async def clear_in(self, entry: Guarded) -> Parts | None:
        """Let guards see the question, which from here on says only what may go on; what is said instead, or None.

        Raises Blocked where it may not be asked, Held where a person is to look first, GuardFailed where nobody knows,
        TooMany where a guard's model cannot be paid, BadRequest where it is found to be confidential and only a public
        model could answer.
        """
        task, name, tenant, _ = entry.asks
        policy = self.policies.of(name, tenant)
        if policy is None:
            return None
        vault = await self._vault(entry, policy) if policy.pseudonyms else None
        watch = entry.watch = Watch(
            policy, self._clean, vault, confidential=entry.confidential, reserve=entry.reserve
        )
        if task or entry.hands is not None:  # a chat with a model alone meets nothing that is to be screened
            self._enrol(entry, watch)
        texts = entry.texts()
        try:
            judgement, said = await watch.clear(texts)
            if said != [text.text for text in texts]:
                entry.put(said)
            judgement = severer(judgement, await self._look(entry, watch, judgement))
        except (GuardFailed, TooMany):
            entry.put([_WITHHELD] * len(texts))
            raise
        finally:
            self._tell(entry, watch)
        if watch.confidential and not entry.confidential:
            entry.confide()
        if vault is not None:
            await self._keep(entry, watch)
        return None if judgement is NOTHING else await self._answered(entry, watch, judgement)

    async def _look(self, entry: Guarded, watch: Watch, judgement: Judgement) -> Judgement:
        """What guards say of the pictures of a question whose words may pass."""
        if watch.policy.pictures is Pictures.OFF or judgement.action is Action.BLOCK:
            return NOTHING
        shown = entry.pictures()
        return await self._eyes.look(watch, shown) if shown else NOTHING

    async def _answered(self, entry: Guarded, watch: Watch, judgement: Judgement) -> Parts | None:
        """What is said instead of an answer to a question that was judged so, or None where it may be asked."""
        if judgement.action is Action.HOLD and self.desk is not None and entry.body():
            return None if entry.approved else await self._held(entry, watch, self.desk)
        if judgement.action in (Action.PASS, Action.REDACT):
            return None
        return self._refused(entry, watch, judgement)

    def _enrol(self, entry: Guarded, watch: Watch) -> None:
        """What comes from elsewhere meanwhile is screened by the same guards."""
        self._under_way[entry.id] = entry
        if entry.hands is not None:
            entry.hands.screen = Screening(watch)

    def clear_out(self, entry: Guarded, parts: Parts) -> Parts:
        """The answer's parts as they may leave: with placeholders, and without what guards object to.

        What its own documents do not support is put before a person, where the task says so.
        """
        cleared = self._clear_out(entry, parts)
        if not entry.drafts:
            return cleared
        _, name, tenant, _ = entry.asks
        vault = entry.watch.vault if entry.watch is not None else None
        return reviewed(entry, cleared, self.desk, self.policies.holding(name, tenant), vault)

    def _clear_out(self, entry: Guarded, parts: Parts) -> Parts:
        watch = entry.watch
        if watch is None or not watch.policy.outs.all:
            return parts
        out = Outgoing(watch, recalled=entry.cached)
        task, _, _, stream = entry.asks
        if task or not out.rare:
            return self._cleared(entry, out, parts)
        hand = lazily if stream else lazily_whole
        return hand(out, parts, partial(self._cleared, entry, out), partial(self._tell, entry, watch))

    async def screen(
        self, request: str, name: str, tenant: str, origin: str, texts: Sequence[str]
    ) -> list[str | None]:
        """Texts that came from elsewhere while a question is answered (a `core.Screen`): as a model may see them, or None.

        What guards remark stands in the question's row; where the question is over (an audit), nothing is written down.
        """
        entry = self._under_way.get(request)
        watch = entry.watch if entry is not None else None
        if watch is None:
            policy = self.policies.of(name, tenant)
            if policy is None:
                return list(texts)
            watch = Watch(policy, self._clean, Vault() if policy.pseudonyms else None)
        known = len(watch.vault) if watch.vault is not None else 0
        try:
            return [await _screened(watch, origin, text) for text in texts]
        finally:
            if entry is not None:
                self._tell(entry, watch)
                if watch.vault is not None and len(watch.vault) > known:
                    entry.forget()  # nobody else could have these placeholders restored

    def restore(self, entry: Guarded, parts: Parts) -> Parts:
        """What leaves, with the asker's own data in the place of placeholders."""
        return self._restored(entry, parts) if self.policies.pseudonyms else parts

    async def _cleared(self, entry: Guarded, out: Outgoing, parts: Parts, gone: str = "") -> Parts:
        """The parts, cleared; `gone` is what has left of a stream before the first of them."""
        watch, (task, _, _, stream) = out.watch, entry.asks

        stopped: list[tuple[Judgement, str]] = []

        def instead(judgement: Judgement, seen: str) -> str:
            stopped.append((judgement, seen))
            entry.outcome = "blocked"
            entry.forget()
            waits = judgement.action is Action.HOLD and self.desk is not None
            categories = () if waits else judgement.categories
            return refusal(watch.asked, categories, watch.policy.refusal, of="held" if waits else "answer")

        if task:
            cleared = clear_answer(out, parts, instead, entry.refusal)
        else:
            cleared = _by_hand(out, parts, instead, gone if stream else None)
        try:
            async for part in cleared:
                self._tell(entry, watch)
                if out.own:
                    entry.forget()
                if stopped and entry.waits is None and self.desk is not None:
                    await self._held_back(entry, watch, self.desk, *stopped[0])
                yield part
            if out.own:
                await self._keep(entry, watch)
        finally:
            self._tell(entry, watch)
            await cleared.aclose()
            await parts.aclose()

    async def _restored(self, entry: Guarded, parts: Parts) -> Parts:
        task, _, _, stream = entry.asks
        first = await anext(parts, None)
        vault = entry.watch.vault if entry.watch is not None else None
        rest = _with(first, parts)
        if vault is not None:
            rest = restore_answer(vault, rest) if task else restore_pieces(vault, rest, stream=stream)
        try:
            async for part in rest:
                yield part
        finally:
            await rest.aclose()
            await parts.aclose()

    def _refused(self, entry: Guarded, watch: Watch, judgement: Judgement) -> Parts:
        said = refusal(watch.asked, judgement.categories, watch.policy.refusal)
        entry.outcome = "blocked"
        if watch.policy.refuse is Refuse.ANSWER:
            return entry.refusal(said)
        found = ", ".join(judgement.categories)
        raise Blocked(said, remedy=f"(content_filter: {found})", categories=judgement.categories)

    async def _held(self, entry: Guarded, watch: Watch, desk: Desk) -> Parts:
        """The question waits. Nothing has been paid for it."""
        held = await desk.hold(entry, watch.policy, watch.vault, None)
        entry.outcome = "held"
        if watch.policy.holding.answer is Hold.WAIT:
            raise held
        return entry.refusal(held.message)

    async def _held_back(
        self, entry: Guarded, watch: Watch, desk: Desk, judgement: Judgement, seen: str
    ) -> None:
        """The answer waits, if that is what the guard wants. It was paid for, so its parts go their way to the ledger first."""
        if judgement.action is Action.HOLD and entry.body():
            held = await desk.hold(entry, watch.policy, watch.vault, seen)
            entry.outcome = "held"
            if watch.policy.holding.answer is Hold.WAIT:
                entry.waits = held

    async def _vault(self, entry: Guarded, policy: Policy) -> Vault | None:
        """What the placeholders of a conversation stand for, as far as that is known."""
        if not policy.pseudonyms:
            return None
        conversation, approved = entry.conversation, entry.approved
        names = [conversation_name(entry.asks[2], conversation)] if conversation else []
        names += [held_name(approved)] if approved else []
        return await self.desk.vault(names) if self.desk is not None and names else Vault()

    async def _keep(self, entry: Guarded, watch: Watch) -> None:
        if watch.grown and self.desk is not None and entry.conversation:
            await self.desk.keep(conversation_name(entry.asks[2], entry.conversation), watch.vault or Vault())

    def _tell(self, entry: Guarded, watch: Watch) -> None:
        """Let the row and whoever listens know what is new."""
        if len(watch.remarks) == len(entry.remarks):
            return
        task, name, _, _ = entry.asks
        for remark in watch.remarks[len(entry.remarks) :]:
            self._events.emit(Remarked(task, name, remark))
        entry.remarks = tuple(watch.remarks)


def _by_hand(out: Outgoing, parts: Parts, instead: Instead, gone: str | None) -> Parts:
    """A plain model's answer, cleared the cheapest way that does; `gone` is None where it is no stream."""
    if not out.windows and not out.wholes:
        return observe_pieces(out, parts)
    if gone is None:
        return clear_body(out, parts, instead)
    return cleared_on(out, parts, instead, gone) if gone else clear_chunks(out, parts, instead)


async def _with(first: Part | Piece | None, parts: Parts) -> Parts:
    if first is not None:
        yield first
    async for part in parts:
        yield part


async def _screened(watch: Watch, origin: str, text: str) -> str | None:
    try:
        return await watch.screen(origin, text)
    except Blocked:
        return None
