"""People's rights: what is kept of a person is found, exported and erased, in the ledger and in what was learnt from it."""

import asyncio
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stepladder.core import BadRequest, Config, Right, Tenant
from stepladder.interaction.compose import House, open_registry
from stepladder.interaction.describing import takes
from stepladder.interaction.doors import AdminRoute
from stepladder.interaction.http import decoded, json_of
from stepladder.interaction.settings import Settings
from stepladder.registry import forget, held
from stepladder.store import Store

_MOST_BYTES = 16 * 1024


class People:
    """The three rights, for the command line and the admin API alike. Blocking."""

    def __init__(self, store: Store, settings: Settings, config: Config) -> None:
        self._store = store
        self._registry = open_registry(store, settings, config)

    def find(self, id: str, tenant: str | None) -> dict[str, Any]:
        """How much there is, and where; no texts."""
        kept = self._store.subjects.find(id, tenant)
        return self._summary(kept, held(self._store.catalogue, self._registry, kept.ids))

    def export(self, id: str, tenant: str | None) -> dict[str, Any]:
        """The same with every word."""
        kept = self._store.subjects.find(id, tenant)
        found = held(self._store.catalogue, self._registry, kept.ids)
        return {**self._summary(kept, found), "kept": list(kept.requests)}

    def erase(self, id: str, tenant: str | None, who: str) -> dict[str, Any]:
        """Erase it; what was erased, and the journal's line that proves it.

        The datasets come first: after a failure there, the ledger still knows which rows are to go.
        """
        kept = self._store.subjects.find(id, tenant)
        found = forget(self._store.catalogue, self._registry, kept.ids)
        gone = self._store.subjects.erase(id, tenant, who, str(found))
        return {**self._summary(gone, found), "proof": self._store.journal.newest(1, "subject erase")[0]}

    @staticmethod
    def _summary(kept: Any, found: Any) -> dict[str, Any]:
        return {
            "pseudonyms": list(kept.pseudonyms),
            "requests": len(kept.requests),
            "digest": kept.digest,
            "examples": found.examples,
            "releases": list(found.releases),
        }


class _Person(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    tenant: str | None = None


class SubjectPages:
    """The endpoints under /admin/subjects. The person's id is in the body, so that no log of addresses holds it."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """Where they are."""
        route = partial(AdminRoute, self._house, Right.PEOPLE, "POST")
        return [
            route("/admin/subjects/find", self.find, changes=False),
            route("/admin/subjects/export", self.export, changes=False),
            route("/admin/subjects/erase", self.erase),
        ]

    @takes(_Person)
    async def find(self, request: Request, tenant: Tenant) -> Response:
        """POST /admin/subjects/find {id, tenant?}."""
        person, people = await self._read(request)
        return json_of(await asyncio.to_thread(people.find, person.id, person.tenant))

    @takes(_Person)
    async def export(self, request: Request, tenant: Tenant) -> Response:
        """POST /admin/subjects/export {id, tenant?}."""
        person, people = await self._read(request)
        return json_of(await asyncio.to_thread(people.export, person.id, person.tenant))

    @takes(_Person)
    async def erase(self, request: Request, tenant: Tenant) -> Response:
        """POST /admin/subjects/erase {id, tenant?}: gone when the response leaves, from this worker's cache too."""
        person, people = await self._read(request)
        done = await asyncio.to_thread(people.erase, person.id, person.tenant, tenant.key)
        await self._house.refresh()
        return json_of(done)

    async def _read(self, request: Request) -> tuple[_Person, People]:
        person = await decoded(request, _Person, _MOST_BYTES)
        if not person.id:
            raise BadRequest(
                "id is empty.", param="id", remedy="Give the id that the questions were sent with."
            )
        house = self._house
        return person, await asyncio.to_thread(
            People, house.store, house.settings, house.gateway.snapshot.config
        )
