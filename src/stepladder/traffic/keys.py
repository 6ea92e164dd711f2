"""Keys against a snapshot of their hashes. A secret is hashed at once and goes nowhere else."""

from collections.abc import Mapping
from hashlib import sha256

from stepladder.core import CLIENT, ROLES, Clock, NotAllowed, Right, StepladderError, Tenant, TooMany
from stepladder.traffic.bans import Bans

_SCHEME, _USUAL = b"bearer ", b"Bearer "


class Keys:
    """The keys that open the door right now: SHA-256 of the secret (hex) -> who it belongs to."""

    __slots__ = ("_bans", "_clock", "_tenants")

    def __init__(self, tenants: Mapping[str, Tenant], clock: Clock, bans: Bans | None = None) -> None:
        self._tenants = tenants
        self._clock = clock
        self._bans = bans

    def tenants(self) -> list[Tenant]:
        """Whose keys open the door, by name."""
        now = self._clock.time()
        valid = (tenant for tenant in self._tenants.values() if (tenant.expires_at or now + 1) > now)
        return sorted(valid, key=lambda tenant: (tenant.name, tenant.key))

    def identify(self, authorization: bytes | None, address: str = "", right: Right = Right.ASK) -> Tenant:
        """Whose `Authorization` header this is. Raises NotAllowed (401) when it is missing or wrong.

        Raises NotAllowed (403) for a key without the `right`, and TooMany (429) in the place of a 401 where too many wrong
        keys have come from this address.
        """
        if not authorization:
            raise NotAllowed(
                "There is no API key in the request.", remedy="Send `Authorization: Bearer sl-...`."
            )
        if not _bearer(authorization):
            raise NotAllowed("The Authorization header is no bearer key.", remedy="Write `Bearer sl-...`.")
        tenant = self.find(authorization)
        if tenant is None:
            raise self._wrong(address)
        if tenant.grant is not CLIENT or right is not Right.ASK:
            allow(tenant, right)
        return tenant

    def find(self, authorization: bytes) -> Tenant | None:
        """Whose bearer key this is; None for nobody's, or one that has ended. It counts as no wrong key."""
        if not _bearer(authorization):
            return None
        tenant = self._tenants.get(sha256(authorization[7:].strip()).hexdigest())
        if tenant is None or (tenant.expires_at is not None and tenant.expires_at <= self._clock.time()):
            return None
        return tenant

    def _wrong(self, address: str) -> StepladderError:
        banned = self._bans.wrong(address) if self._bans is not None else 0.0
        if banned:
            return TooMany(
                "Too many wrong keys have come from this address.", retry_after=banned, hopeless=True
            )
        return NotAllowed("This API key is not valid.", remedy="Make one: stepladder key create NAME.")


def _bearer(authorization: bytes) -> bool:
    return authorization.startswith(_USUAL) or authorization[:7].lower() == _SCHEME


def allow(tenant: Tenant, right: Right) -> None:
    """Raises NotAllowed (403) where the right is not among what was granted."""
    if tenant.grant.allows(right):
        return
    if not tenant.admin:
        raise NotAllowed("A client key cannot do this.", remedy="Use the admin key.", forbidden=True)
    holders = ", ".join(role for role, rights in ROLES.items() if right in rights)
    raise NotAllowed(
        f"The role {tenant.grant} has no right '{right}'.",
        remedy=f"Roles that have it: {holders}.",
        forbidden=True,
    )
