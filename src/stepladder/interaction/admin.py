"""The admin API: what the tasks do, the kill switch, roll back, and the dictionary's entries."""

import asyncio
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stepladder.core import BadRequest, Clock, Mode, Right, StepladderError, StoreError, Tenant, UnknownModel
from stepladder.interaction.banning import lift, standing
from stepladder.interaction.compose import House
from stepladder.interaction.describing import takes
from stepladder.interaction.doors import AdminRoute
from stepladder.interaction.http import decoded, json_of
from stepladder.rollout import how_inputs_stand
from stepladder.safety import checked_word
from stepladder.service import ServedTask
from stepladder.store import EVERYWHERE, WORD, Journal
from stepladder.traffic import Strikes


class _Switch(msgspec.Struct, forbid_unknown_fields=True):
    mode: Mode | None


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    answer: str
    kind: str = "exact"


class _Word(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    deed: str = "block"


class _Ban(msgspec.Struct, forbid_unknown_fields=True):
    id: str


class _Undo(msgspec.Struct, forbid_unknown_fields=True):
    id: int | None = None


class _Key(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    kind: str = "exact"


class AdminPages:
    """The endpoints under /admin. Each change is in force before its response leaves."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where they are."""
        route = partial(AdminRoute, self._house)
        task = "/admin/tasks/{name}"
        return [
            route(Right.SEE, "GET", "/admin/tasks", self.tasks),
            route(Right.SEE, "GET", "/admin/tenants", self.tenants),
            route(Right.AUDIT, "GET", "/admin/journal", self.journal),
            route(Right.OPERATE, "GET", "/admin/bans", self.bans),
            route(Right.OPERATE, "DELETE", "/admin/bans", self.lift_ban),
            route(Right.OPERATE, "POST", "/admin/reload", self.reload),
            route(Right.OPERATE, "POST", f"{task}/mode", self.mode),
            route(Right.OPERATE, "POST", f"{task}/rollback", self.rollback),
            route(Right.OPERATE, "GET", f"{task}/dictionary", self.entries),
            route(Right.OPERATE, "PUT", f"{task}/dictionary", self.put_entry),
            route(Right.OPERATE, "DELETE", f"{task}/dictionary", self.remove_entry),
            route(Right.OPERATE, "GET", "/admin/words", self.words),
            route(Right.OPERATE, "PUT", "/admin/words", self.put_word),
            route(Right.OPERATE, "DELETE", "/admin/words", self.remove_word),
            route(Right.OPERATE, "GET", f"{task}/dictionary/history", self.history),
            route(Right.OPERATE, "POST", f"{task}/dictionary/undo", self.undo),
        ]

    async def tasks(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/tasks: mode, rollout and figures of every task."""
        served = self._house.gateway.snapshot.tasks.values()
        return json_of({"tasks": await asyncio.to_thread(lambda: [self._card(task) for task in served])})

    async def tenants(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/tenants: each key with its tenant's class, limits, and what is spent, reserved and under way."""
        return json_of({"tenants": self._house.standings()})

    async def journal(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/journal: who changed what, the newest first."""
        return json_of({"journal": await asyncio.to_thread(self._house.store.journal.latest)})

    async def bans(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/bans: who gets no hearing just now, in any worker, why, and for how long yet."""
        return json_of({"bans": await asyncio.to_thread(standing, *self._banning())})

    @takes(_Ban)
    async def lift_ban(self, request: Request, tenant: Tenant) -> Response:
        """DELETE /admin/bans: a ban ends now, in every worker."""
        given = await self._read(request, _Ban)
        await asyncio.to_thread(lift, *self._banning(), given.id, tenant.key)
        return await self.bans(request, tenant)

    def _banning(self) -> tuple[Strikes, Journal, Clock]:
        return self._house.gateway.admission.board.strikes, self._house.store.journal, self._house.clock

    async def reload(self, request: Request, tenant: Tenant) -> Response:
        """POST /admin/reload: the configuration is read again; a bad one is a 400 that says why, and the old one stays."""
        try:
            changed = await self._house.take()
        except StoreError:
            raise
        except StepladderError as error:
            raise BadRequest(error.message, param=error.param, remedy=error.remedy) from error
        return json_of({"config": self._house.gateway.snapshot.config.hash, "changed": changed})

    @takes(_Switch)
    async def mode(self, request: Request, tenant: Tenant) -> Response:
        """POST /admin/tasks/{name}/mode: the kill switch; null lets the configuration decide again."""
        task = self._task(request)
        switch = await self._read(request, _Switch)
        await asyncio.to_thread(self._house.switch, task.task.name, switch.mode, tenant.key)
        await self._house.refresh()
        return await self._now(request)

    async def rollback(self, request: Request, tenant: Tenant) -> Response:
        """POST /admin/tasks/{name}/rollback: to the release before, else to the top alone."""
        task = self._task(request)
        await asyncio.to_thread(self._house.roll_back, task.task.name, tenant.key)
        await self._house.refresh()
        return await self._now(request)

    async def entries(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/tasks/{name}/dictionary."""
        task = self._task(request)
        return json_of({"entries": await asyncio.to_thread(self._house.store.entries.list, task.task.name)})

    @takes(_Entry)
    async def put_entry(self, request: Request, tenant: Tenant) -> Response:
        """PUT /admin/tasks/{name}/dictionary: add an entry, or replace the one with this key and kind."""
        task = self._task(request)
        entry = await self._read(request, _Entry)
        await asyncio.to_thread(
            self._house.put_entry, task.task, (entry.key, entry.answer, entry.kind), tenant.key
        )
        await self._house.refresh()
        return await self.entries(request, tenant)

    @takes(_Key)
    async def remove_entry(self, request: Request, tenant: Tenant) -> Response:
        """DELETE /admin/tasks/{name}/dictionary."""
        task = self._task(request)
        key = await self._read(request, _Key)
        found = await asyncio.to_thread(self._house.remove_entry, task.task, key.key, key.kind, tenant.key)
        if not found:
            raise BadRequest(
                f"There is no such entry of kind {key.kind!r}.", param="key", remedy="GET lists them."
            )
        await self._house.refresh()
        return await self.entries(request, tenant)

    async def words(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/words: what guards of words look for beside their lists."""
        found = await asyncio.to_thread(self._house.store.entries.list, EVERYWHERE)
        return json_of({"words": [{"text": one.key, "deed": one.answer, "who": one.who} for one in found]})

    @takes(_Word)
    async def put_word(self, request: Request, tenant: Tenant) -> Response:
        """PUT /admin/words: add a word, or say otherwise what is done about it."""
        given = await self._read(request, _Word)
        word, deed = checked_word(given.text, given.deed)
        await asyncio.to_thread(self._house.store.entries.put, EVERYWHERE, word, deed, tenant.key, WORD)
        await self._house.refresh()
        return await self.words(request, tenant)

    @takes(_Word)
    async def remove_word(self, request: Request, tenant: Tenant) -> Response:
        """DELETE /admin/words: take a word out."""
        given = await self._read(request, _Word)
        entries = self._house.store.entries
        if await asyncio.to_thread(entries.remove, EVERYWHERE, given.text.strip(), WORD, tenant.key) is None:
            raise BadRequest("There is no such word.", param="text", remedy="GET lists them.")
        await self._house.refresh()
        return await self.words(request, tenant)

    async def history(self, request: Request, tenant: Tenant) -> Response:
        """GET /admin/tasks/{name}/dictionary/history: the latest edits, the newest first."""
        task = self._task(request)
        return json_of({"edits": await asyncio.to_thread(self._house.store.entries.history, task.task.name)})

    @takes(_Undo)
    async def undo(self, request: Request, tenant: Tenant) -> Response:
        """POST /admin/tasks/{name}/dictionary/undo: take back this edit, or the last one."""
        task, given = self._task(request), await self._read(request, _Undo)
        entries = self._house.store.entries
        if await asyncio.to_thread(entries.undo, task.task.name, tenant.key, given.id) is None:
            raise BadRequest("There is no such edit.", param="id", remedy="GET .../dictionary/history.")
        await self._house.refresh()
        return await self.entries(request, tenant)

    async def _now(self, request: Request) -> Response:
        task = self._task(request)
        return json_of(await asyncio.to_thread(self._card, task))

    def _task(self, request: Request) -> ServedTask:
        name = request.path_params["name"]
        tasks = self._house.gateway.snapshot.tasks
        if name not in tasks:
            raise UnknownModel(
                f"There is no task {name!r}.", param="name", remedy=f"Tasks: {', '.join(tasks) or 'none'}."
            )
        return tasks[name]

    async def _read(self, request: Request, kind: type[Any]) -> Any:
        return await decoded(request, kind, self._house.gateway.snapshot.config.server.max_body_kb * 1024)

    def _card(self, served: ServedTask) -> dict[str, Any]:
        store, name = self._house.store, served.task.name
        live = store.catalogue.get_ladder_release(served.rollout.live or "")
        return {
            "name": name,
            "mode": served.mode,
            "configured_mode": served.task.mode,
            "top": served.task.top,
            "promise": served.task.promise,
            "rollout": served.rollout,
            "certificate": live.certificate if live else None,
            "summary": store.ledger.summary(name),
            "feedback": store.sources.counts(name),
            "drift": how_inputs_stand(store, name),
            "history": store.rollouts.history(name)[-10:],
        }
