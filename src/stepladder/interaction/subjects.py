"""People's rights: what is kept of a person is found, exported and erased, in the ledger and in what was learnt from it."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stepladder.core import BadRequest, Config, Progress, Right, Tenant
from stepladder.interaction.compose import House, open_registry
from stepladder.interaction.describing import takes
from stepladder.interaction.doors import AdminRoute
from stepladder.interaction.http import decoded, json_of
from stepladder.interaction.knowing import open_knowledge
from stepladder.interaction.settings import Settings
from stepladder.registry import forget, held
from stepladder.store import Store

_MOST_BYTES = 16 * 1024
_SHORTEST_NAME = 4
"""Of a person's id that is looked for in documents: a number such as 12 is in every one of them."""


class People:
    """The three rights, for the command line and the admin API alike. Blocking."""

    def __init__(self, store: Store, settings: Settings, config: Config) -> None:
        self._store = store
        self._settings = settings
        self._config = config
        self._registry = open_registry(store, settings, config)

    def find(self, id: str, tenant: str | None) -> dict[str, Any]:
        """How much there is, and where; no texts."""
        kept = self._store.subjects.find(id, tenant)
        found = held(self._store.catalogue, self._registry, kept.ids)
        return {**self._summary(kept, found), "documents": self._naming(id, tenant)}

    def export(self, id: str, tenant: str | None) -> dict[str, Any]:
        """The same with every word."""
        kept = self._store.subjects.find(id, tenant)
        found = held(self._store.catalogue, self._registry, kept.ids)
        said = {"documents": self._naming(id, tenant), "kept": list(kept.requests)}
        return {**self._summary(kept, found), **said}

    def erase(self, id: str, tenant: str | None, who: str, *, documents: bool = False) -> dict[str, Any]:
        """Erase it, with the `documents` that name the person where that is wanted; what went, and the proof of it.

        The datasets come first: after a failure there, the ledger still knows which rows are to go.
        """
        kept = self._store.subjects.find(id, tenant)
        found = forget(self._store.catalogue, self._registry, kept.ids)
        named = self._naming(id, tenant)
        if documents:
            self._remove(named)
        also = f"{found}, documents: {len(named)} {'removed' if documents else 'name it and stay'}"
        gone = self._store.subjects.erase(id, tenant, who, also)
        proof = self._store.journal.newest(1, "subject erase")[0]
        return {**self._summary(gone, found), "documents": named, "proof": proof}

    def _naming(self, id: str, tenant: str | None) -> list[dict[str, str]]:
        """Documents whose words hold the person's id, such as an address of e-mail."""
        if len(id) < _SHORTEST_NAME or not self._documented():
            return []
        with closing(open_knowledge(self._settings, self._config, embedding=False)) as knowledge:
            names = knowledge.naming(id, tenant)
        return [dict(zip(("tenant", "collection", "id"), one, strict=True)) for one in names]

    def _remove(self, named: list[dict[str, str]]) -> None:
        if not named:
            return
        with closing(open_knowledge(self._settings, self._config, embedding=False)) as knowledge:
            for one in named:
                knowledge.remove(one["collection"], [one["id"]], tenant=one["tenant"])

    def _documented(self) -> bool:
        return (self._settings.folder(self._config) / "knowledge.db").exists()

    def erase_tenant(self, tenant: str, who: str, progress: Progress) -> dict[str, Any]:
        """Erase a whole tenant: its words, its keys, what was learnt from it; what was erased, and the journal's proof."""
        found = forget(self._store.catalogue, self._registry, self._store.erasure.requests(tenant))
        gone = self._store.erasure.tenant(tenant, who, progress, str(found))
        proof = self._store.journal.newest(1, "tenant erase")[0]
        return {**asdict(gone), "examples": found.examples, "releases": list(found.releases), "proof": proof}

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
    documents: bool = False


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
        """POST /admin/subjects/erase {id, tenant?, documents?}: gone when the response leaves, from this worker's cache too."""
        person, people = await self._read(request)
        done = await asyncio.to_thread(_erasing(people, person, tenant.key))
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


def _erasing(people: People, person: _Person, who: str) -> Callable[[], dict[str, Any]]:
    return lambda: people.erase(person.id, person.tenant, who, documents=person.documents)
