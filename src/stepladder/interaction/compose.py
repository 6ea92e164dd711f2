"""The composition root: opens the store, the registry and the models, and keeps the gateway's snapshot up to date."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from stepladder.core import (
    CLIENT,
    SPLIT,
    BadRequest,
    Config,
    ConfigError,
    Events,
    Mode,
    Model,
    ModelConfig,
    Right,
    RolledOut,
    Rollout,
    StepladderError,
    StoreError,
    SystemClock,
    Task,
    Tenant,
    plugins,
)
from stepladder.gateway import Gateway
from stepladder.interaction.answering import Answering
from stepladder.interaction.banning import BanNotes
from stepladder.interaction.first_start import coin_seed, first_admin_key
from stepladder.interaction.knowing import OpenedKnowledge
from stepladder.interaction.ladders import Ladders, State
from stepladder.interaction.layout import differences
from stepladder.interaction.metrics import Metrics
from stepladder.interaction.noting import Noting
from stepladder.interaction.opening import open_shared_answers, open_store
from stepladder.interaction.people import People
from stepladder.interaction.platforms import Platforms
from stepladder.interaction.settings import Settings
from stepladder.interaction.standings import standings
from stepladder.models import checked_entry, entry_key, with_splits
from stepladder.registry import Registry, Remote
from stepladder.rollout import rollback_by_hand
from stepladder.safety import Desk, Guards, Policies
from stepladder.service import Auditor, OpenedTool, OpenedTools, Snapshot
from stepladder.store import FeedbackRow, Store
from stepladder.traffic import Admission, Bans, Board, Cache, Gate, Keys, allow

_log = logging.getLogger(__name__)
_OPENED_WITH = ("ledger.", "server.data:", "privacy.personal:", "privacy.key:", "privacy.sealing.")
"""What the open store was made for."""
_LOOK_SECONDS = 0.2
_RETIRE_SECONDS = 600.0


def open_registry(store: Store, settings: Settings, config: Config) -> Registry:
    """The registry of a configuration: its releases lie in the data folder, and perhaps elsewhere too."""
    return Registry(store.catalogue, settings.releases(config), remote=Remote.of(config.artefacts))


class House:
    """Everything that is open, and the gateway in front of it. Made by `open`, kept fresh by `watch`."""

    def __init__(self, settings: Settings, config: Config, store: Store, several: bool = False) -> None:
        """`several` says that other workers serve beside this one."""
        self.settings = settings
        self.store = store
        self.clock = SystemClock()
        self.events = Events()
        self.traces = self._traced(config)
        self.opened_at = self.clock.time()
        self.changed: list[Callable[[], None]] = []
        self.knowledge = OpenedKnowledge(settings)
        self.chats = Platforms()
        self._models: dict[str, tuple[ModelConfig, Model]] = {}
        self._retired: list[tuple[float, Model | OpenedTool]] = []
        self._tools = OpenedTools()
        self._refreshing, self._taking = asyncio.Lock(), asyncio.Lock()
        self._looking = asyncio.Lock()
        self._looked = float("-inf")
        self._state = State.read(store)
        guards = Guards(self.events)
        registry = open_registry(store, settings, config)
        self._answering = Answering(store, self.knowledge, guards.screen)
        self._ladders = Ladders(store, registry, self.events, coin_seed(store), self._answering)
        self._uses: set[tuple[str, str, int]] = set()
        auditor = Auditor(store.ledger, self.events, self.clock)
        self.gateway = Gateway(
            Snapshot(config, {}, {}),
            store.ledger,
            auditor,
            self._admission(config, several),
            Cache(0, self.clock, open_shared_answers(settings, config) if several else None),
            self.events,
            self.clock,
            guards,
        )
        strikes = self.gateway.admission.board.strikes
        self._bans = Bans(self.clock, strikes=strikes, events=self.events)
        self._ban_notes, self.noting = BanNotes(self.events, store.journal), Noting(store.journal, self.clock)
        self._keys = Keys(self._state.keys, self.clock, self._bans)
        self.people = People(store, self.clock, self._bans)
        self.metrics = Metrics(self.events, store, auditor.counts)
        if several:
            slot = self.gateway.admission.board.slot
            self.metrics.share(settings.folder(config) / "metrics" / f"{slot}.json")

    @classmethod
    async def open(cls, settings: Settings, *, several: bool = False) -> "House":
        """Open all of it. Raises ConfigError, MissingExtra or StoreError, and leaves nothing open then."""
        config = settings.load()
        store = await asyncio.to_thread(open_store, settings, config)
        house: House | None = None
        try:
            house = cls(settings, config, store, several)
            await house._adopt(config)
        except BaseException:
            if house is not None:
                house.gateway.cache.close()
            store.close()
            raise
        return house

    async def identify(self, authorization: bytes | None, address: str = "") -> Tenant:
        """Whose key this is. Raises NotAllowed, or TooMany for an address that guesses."""
        if authorization:
            tenant = self._keys.find(authorization)
            if tenant is not None and tenant.grant is CLIENT:
                return tenant  # the usual case: hashed once
            if tenant is None:
                await self._look_for_keys()
        return self._keys.identify(authorization, address)

    async def identify_admin(
        self, authorization: bytes | None, address: str = "", right: Right = Right.OWN
    ) -> Tenant:
        """The same for the admin API: a key, a session or a token with this right. Raises NotAllowed (403) without it."""
        person = await self.people.known(authorization, self.gateway.snapshot.config)
        if person is not None:
            allow(person, right)
            return person
        if authorization and self._keys.find(authorization) is None:
            await self._look_for_keys()
        return self._keys.identify(authorization, address, right)

    async def used(self, tenant: Tenant, address: str) -> None:
        """Write down the first use of a key in a day from an address, in this process."""
        use = (tenant.key, address, int(self.clock.time() // 86_400))
        if use not in self._uses:
            self._uses = {known for known in self._uses if known[2] == use[2]} | {use}
            await asyncio.to_thread(
                self.store.journal.note, tenant.key, "key use", f"{tenant.grant} from {address}"
            )

    async def first_admin_key(self) -> str | None:
        """Make the admin key if there is none: the secret, shown only now; else None."""
        secret = first_admin_key(self.store)
        if secret is not None:
            await self.refresh()
        return secret

    async def refresh(self) -> None:
        """Take in what has changed in the store. Raises StoreError."""
        await self._swap(self.gateway.snapshot.config)

    async def reload(self) -> bool:
        """Read the configuration again; a bad one is logged and the old one stays. True when it was taken."""
        try:
            await self.take()
        except StepladderError:
            return False
        return True

    async def take(self) -> list[str]:
        """The same; what has changed. Raises ConfigError, MissingExtra or StoreError for one that is not taken."""
        async with self._taking:
            try:
                config, now = self.settings.load(), self.gateway.snapshot.config
                changed = differences(now, config)
                if fixed := [one for one in changed if one.startswith(_OPENED_WITH)]:
                    raise ConfigError(f"{'; '.join(fixed)}.", remedy="Start the server anew for that.")
                said = f"{now.hash} to {config.hash}. {'; '.join(changed)}"
                # As the last thing before it is in force: what cannot be noted is not taken.
                await self._adopt(config, lambda: self.store.journal.note_once("server", "config", said))
            except StepladderError as error:
                _log.error("The configuration was not taken, the old one stays in force: %s", error)
                raise
            _log.info("New configuration %s in force.", config.hash)
            try:
                await asyncio.to_thread(self.settings.hold, config)
            except StoreError as error:
                _log.error("Processes beside this one stay with the configuration before: %s", error)
            for tell in self.changed:
                tell()
            return changed

    async def watch(self) -> None:
        """Until cancelled: look about twice a second whether the store or the configuration has changed."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                if self.settings.changed():
                    await self.reload()
                if await asyncio.to_thread(self.store.stamp) != self._state.stamp:
                    await self.refresh()
                await self.take_approvals()
                self.gateway.admission.board.recover()
                for save in (self.metrics.save, self._ban_notes.save, self.noting.save):
                    await asyncio.to_thread(save)
                await self._close_retired(self.clock.monotonic() - _RETIRE_SECONDS)
            except StepladderError as error:
                _log.error("Cannot see what has changed: %s", error)

    async def feedback(self, row: FeedbackRow, tenant: Tenant) -> None:
        """Write down feedback. Raises BadRequest for a request id that is unknown, or another client's."""
        asked = await asyncio.to_thread(self.store.ledger.get, row.request_id)
        if asked is None or (asked.tenant != tenant.name and not tenant.grant.allows(Right.REVIEW)):
            raise BadRequest(
                "There is no such request.",
                param="request_id",
                remedy="It is in the header x-stepladder-request-id of the answer.",
            )
        await self.store.ledger.commit_feedback(row)
        await self.take_approvals()

    async def take_approvals(self) -> None:
        """Give no kept answer again that what was just approved, corrected or taken back would change."""
        await asyncio.to_thread(self._answering.look)

    async def troubles(self) -> list[str]:
        """Why it is not ready; empty when it is."""
        snapshot = self.gateway.snapshot
        wrong = [
            f"Model {name} is not open." for name in snapshot.config.models if name not in snapshot.models
        ]
        for name, served in snapshot.tasks.items():
            wanted = {served.rollout.live, served.rollout.candidate} - {None}
            wrong += [
                f"Ladder release {id} of task {name} is not loaded." for id in wanted - set(served.released)
            ]
        if self.noting.waiting:
            wrong.append(f"{self.noting.waiting} acts are done and not in the journal yet.")
        if self.store.ledger.closed:
            wrong.append("The ledger takes no more rows.")
        try:
            await asyncio.to_thread(self.store.set_setting, "ready", "yes")
        except StepladderError as error:
            wrong.append(str(error))
        return wrong

    def switch(self, task: str, mode: Mode | None, who: str) -> None:
        """The kill switch."""
        self.store.switches.put(task, mode, who)

    def standings(self) -> list[dict[str, Any]]:
        """What each key and its tenant may do and have done: the very numbers that the limits are held to."""
        return standings(self.gateway.admission, self._keys.tenants())

    def roll_back(self, task: str, who: str) -> Rollout:
        """Back to the release before, else to the top alone. Raises BadRequest when nothing but the top answers."""
        return rollback_by_hand(self.store, task, who=who)

    def put_entry(self, task: Task, entry: tuple[str, str, str], who: str) -> None:
        """Add a dictionary entry (key, answer, kind). Raises BadRequest, also for an answer outside the contract."""
        key, answer, kind = entry
        key, said = checked_entry(task, kind, key, answer)
        versions = self.store.entries.put(task.name, key, said, who, kind)
        self._ladders.edit(task.name, kind, key, said, versions)

    def remove_entry(self, task: Task, key: str, kind: str, who: str) -> bool:
        """Take a dictionary entry out; False when there is none."""
        key = entry_key(kind, key)
        versions = self.store.entries.remove(task.name, key, kind, who)
        if versions is not None:
            self._ladders.edit(task.name, kind, key, None, versions)
        return versions is not None

    async def close(self) -> None:
        """Finish or drop what runs, write what waits, let go of everything."""
        drain = self.gateway.snapshot.config.server.drain_seconds
        await self.chats.close(drain)
        await self.gateway.auditor.close(drain)
        self._retired += [(0.0, model) for _, model in self._models.values()]
        self._retired += [(0.0, tool) for tool in self._tools.take({})]
        await self._close_retired(float("inf"))
        await asyncio.to_thread(self.knowledge.close)
        await asyncio.to_thread(self.gateway.guards.close)
        await asyncio.to_thread(self.gateway.cache.close)
        await asyncio.to_thread(self.store.close)
        self.metrics.save()
        self.gateway.admission.board.close()
        if self.traces is not None:
            await asyncio.to_thread(self.traces.close)

    async def _look_for_keys(self) -> None:
        """An unknown key may have been made a moment ago by another process: its first use is not a wrong guess.

        Of many that come at once one looks for all, so that guesses cost a read of one number.
        """
        came = self.clock.monotonic()
        async with self._looking:
            if self._looked > came:
                return
            looked = self.clock.monotonic()
            if await asyncio.to_thread(self.store.stamp) != self._state.stamp:
                await self.refresh()
            self._looked = looked

    async def _adopt(self, config: Config, note: Callable[[], object] | None = None) -> None:
        for rung in {rung for task in config.tasks.values() for rung in task.rungs}:
            plugins.find(plugins.RUNGS, rung)
        chats = self.chats.prepared(config)
        kept = {name: old for name, old in self._models.items() if config.models.get(name) == old[0]}
        opened: dict[str, tuple[ModelConfig, Model]] = {}
        before = self._models
        try:
            for name, wanted in config.models.items():
                if name not in kept and wanted.kind != SPLIT:
                    opener = plugins.find(plugins.MODELS, wanted.kind)
                    opened[name] = (wanted, opener.open(name, wanted.settings))
            self._models = kept | opened
            await self._swap(config, note)
        except BaseException:
            self._models = before
            for _, model in opened.values():
                await model.close()
            raise
        self.chats.take(chats)
        now = self.clock.monotonic()
        self._retired += [(now, model) for name, (_, model) in before.items() if name not in kept]

    async def _swap(self, config: Config, note: Callable[[], object] | None = None) -> None:
        async with self._refreshing:
            models = with_splits(config, {name: model for name, (_, model) in self._models.items()})
            before, gateway, guards = self._state.rollouts, self.gateway, self.gateway.guards

            def build() -> tuple[State, Snapshot, tuple[Policies, Desk]]:
                tools = self._tools.of(config)
                state, posts = State.read(self.store), guards.prepared(config, self.store, self.clock)
                tasks = self._ladders.build(config, models, state)
                if note is not None:
                    note()
                return state, Snapshot(config, tasks, models, tools), posts

            self._state, gateway.snapshot, (guards.policies, guards.desk) = await asyncio.to_thread(build)
            now = self.clock.monotonic()
            self._retired += [(now, tool) for tool in self._tools.take(gateway.snapshot.tools)]
            self._open_door(config)
        for task, rollout in self._state.rollouts.items():
            if before.get(task) not in (None, rollout):
                self.events.emit(RolledOut(task, rollout.live, rollout.candidate, "the store says so"))

    def _traced(self, config: Config) -> Any:
        if not config.server.traces:
            return None
        from stepladder.interaction.traces import Traces, collector

        return Traces(self.events, self.clock, collector())

    def _admission(self, config: Config, several: bool) -> Admission:
        in_memory = self.settings.store_url(config) == "sqlite://"  # which nobody else can open
        file = None if in_memory else self.settings.board(config)
        today = datetime.fromtimestamp(self.clock.time(), UTC)
        month = today.year * 10000 + today.month * 100
        board = Board(
            file,
            lambda slot: self.store.spending.since(month, slot=slot),
            month + today.day,
            eager=not several,
        )
        gate = Gate(config.traffic.at_once, config.traffic.queue)
        return Admission(board, gate, self.clock, self.events)

    def _open_door(self, config: Config) -> None:
        """Keys, limits and the cache's size, as the configuration and the store have them now."""
        tenants = {hash: config.tenant(known) for hash, known in self._state.keys.items()}
        self._keys = Keys(tenants, self.clock, self._bans)
        self._bans.after, self._bans.seconds = config.traffic.ban_after, config.traffic.ban_seconds
        self.metrics.config_hash = config.hash
        self.gateway.admission.configure(config.traffic)
        self.gateway.cache.adapt(int(config.traffic.cache_mb * 1e6), self._state.erasure)

    async def _close_retired(self, before: float) -> None:
        for retired in [retired for retired in self._retired if retired[0] <= before]:
            self._retired.remove(retired)
            await retired[1].close()
