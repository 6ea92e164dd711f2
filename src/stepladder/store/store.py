"""The store as a whole: one object that every process opens for itself."""

from sqlalchemy import delete, insert, select

from stepladder.core import Clock, SystemClock
from stepladder.store.accounts import Accounts
from stepladder.store.approved import Approved
from stepladder.store.catalogue import Catalogue
from stepladder.store.conversations import LAST_ERASURE, Conversations
from stepladder.store.data_keys import DataKeys
from stepladder.store.database import Database
from stepladder.store.drifts import Drifts
from stepladder.store.entries import Entries
from stepladder.store.erasure import Erasure
from stepladder.store.expiring import Expiring
from stepladder.store.journal import Journal
from stepladder.store.judged import Judged
from stepladder.store.keys import Keys
from stepladder.store.ledger import Ledger
from stepladder.store.packing import unseal_with
from stepladder.store.payload import Keep, Payload
from stepladder.store.presence import Presence
from stepladder.store.resealing import Resealing
from stepladder.store.retention import Retention
from stepladder.store.reviews import Reviews
from stepladder.store.rollouts import Rollouts, Switches
from stepladder.store.runs import Runs
from stepladder.store.schema import prepare
from stepladder.store.sources import Sources
from stepladder.store.spending import Spending
from stepladder.store.subjects import Subjects
from stepladder.store.tables import settings
from stepladder.store.trials import Trials
from stepladder.store.turning import Leases, Stages, Turns
from stepladder.store.vaults import Vaults


class Store:
    """Every table, by noun. Made by `open`; several processes may have one database file open."""

    def __init__(
        self, database: Database, presence: Presence, queue: int, payload: Payload, clock: Clock
    ) -> None:
        self._database = database
        self._presence = presence
        self.clock = clock
        self.data_keys = payload.keys
        self.subjects = Subjects(database, clock)
        self.ledger = Ledger(database, queue, payload, self.subjects.pseudonym)
        self.retention = Retention(database)
        self.expiring = Expiring(database)
        self.conversations = Conversations(database, self.ledger)
        self.keys = Keys(database, clock)
        self.rollouts = Rollouts(database, clock)
        self.switches = Switches(database, clock)
        self.entries = Entries(database, clock)
        self.catalogue = Catalogue(database)
        self.leases = Leases(database, clock)
        self.progress = Stages(database, clock)
        self.turns = Turns(database)
        self.spending = Spending(database)
        self.journal = Journal(database, clock)
        self.judged = Judged(database)
        self.reviews = Reviews(database, clock, payload)
        self.vaults = Vaults(database, clock)
        self.accounts = Accounts(database, clock)
        self.approved = Approved(database)
        self.drifts = Drifts(database)
        self.trials = Trials(database)
        self.runs = Runs(database, clock)
        self.sources = Sources(database, clock)
        self.resealing = Resealing(database, payload)
        self.erasure = Erasure(database, clock, payload.keys)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        durability: str = "process",
        queue: int = 10_000,
        clock: Clock | None = None,
        migrate: bool = True,
        keep: Keep | None = None,
    ) -> "Store":
        """Open "sqlite:///path/stepladder.db", or "sqlite://" in memory, made or migrated where need be.

        `durability` "process" survives kill -9, "power" also a power cut. `queue` bounds the rows that wait
        to be written. Raises StoreError when the database cannot be used, ConfigError for a bad URL or
        durability, or where texts are sealed with a key that `keep` does not name.
        """
        clock, keep = clock or SystemClock(), keep or Keep()
        database = Database(url, durability)
        presence = Presence(database.file)
        try:
            prepare(database, migrate=migrate)
            keys = DataKeys(database, clock, keep.envelope, keep.rotate_seconds)
            unseal_with(database.engine.dialect, keys.unseal)
        except BaseException:
            database.close()
            presence.leave()
            raise
        return cls(database, presence, queue, Payload(keep, keys), clock)

    def close(self) -> None:
        """Write what is waiting in the ledger's queue, then let go of the database. May be called twice."""
        self.ledger.close()
        self._database.close()
        self._presence.leave()

    def stamp(self) -> int:
        """A number that changes with rollouts, switches, entries and keys, whichever process changes them."""
        return self._database.stamp()

    def check(self) -> str:
        """What is wrong with the database file, "" where nothing is. Reads all of it."""
        return self._database.check()

    def setting(self, name: str) -> str | None:
        """A small string that was set for good, or None."""
        with self._database.read() as connection:
            return connection.scalar(select(settings.c.value).where(settings.c.name == name))

    def last_erasure(self) -> str:
        """Another text after every erasure; "" before the first."""
        return self.setting(LAST_ERASURE) or ""

    def setting_once(self, name: str, value: str) -> str:
        """A small string that whoever comes first sets for good."""
        known = self.setting(name)
        if known is not None:
            return known
        with self._database.write() as connection:
            known = connection.scalar(select(settings.c.value).where(settings.c.name == name))
            if known is None:
                connection.execute(insert(settings).values(name=name, value=value))
        return value if known is None else known

    def set_setting(self, name: str, value: str) -> None:
        """Set, or replace, a small string."""
        with self._database.write() as connection:
            connection.execute(delete(settings).where(settings.c.name == name))
            connection.execute(insert(settings).values(name=name, value=value))
