"""What each key and its tenant may do and have done, for people: the very numbers that the limits are held to."""

from collections.abc import Iterable
from typing import Any

from stepladder.core import Tenant
from stepladder.traffic import Admission, Standing


def standings(admission: Admission, tenants: Iterable[Tenant]) -> list[dict[str, Any]]:
    """A card for each key; money in the unit of the prices."""
    return [
        {
            "tenant": tenant.name,
            "key": tenant.key,
            "class": tenant.service.name,
            "limits": tenant.limits,
            "each_key": tenant.each_key,
            **dict(zip(("used", "key_used"), map(_shown, admission.standing(tenant)), strict=True)),
        }
        for tenant in tenants
    ]


def _shown(standing: Standing) -> dict[str, float | int]:
    return {
        "day": standing.spent_day / 1e9,
        "month": standing.spent_month / 1e9,
        "reserved": standing.reserved / 1e9,
        "under_way": standing.active,
    }
