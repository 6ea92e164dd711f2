"""Which low answers are also put to the top rung: a coin all workers throw alike and no caller sees."""

from __future__ import annotations

from hashlib import blake2b

from stepladder.promise.inputs import InvalidPromiseInput, probability

_SIDES = 2**64


def audited(request_id: str, chance: float, seed: str) -> bool:
    """Whether the low answer to `request_id` is audited, with probability `chance`.

    A keyed BLAKE2b hash (RFC 7693) of the id: stateless, the same on every worker and after a restart, and
    not to be foreseen without the secret `seed`. Ids must be ours and unique; a caller who chooses them
    repeats his coin. A larger chance audits the same requests and more.
    """
    if not seed:
        raise InvalidPromiseInput("seed", seed, "give a secret of at least one character")
    key = blake2b(seed.encode(), digest_size=32).digest()
    digest = blake2b(request_id.encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") < round(probability("chance", chance) * _SIDES)
