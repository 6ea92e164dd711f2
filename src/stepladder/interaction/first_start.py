"""What the first start of an installation makes: the admin key, and the seed of the coin that draws questions."""

import secrets

from stepladder.store import Store


def first_admin_key(store: Store) -> str | None:
    """Make the admin key if there is none, and the coin's seed, before several workers look for them."""
    coin_seed(store)
    if any(key.admin and key.revoked_at is None for key in store.keys.list()):
        return None
    secret = store.keys.create("admin", admin=True)
    store.journal.note("server", "key create", "admin (owner)")
    return secret


def coin_seed(store: Store) -> str:
    """The seed, made if there is none."""
    seed = store.setting("coin seed")
    if seed is None:
        store.set_setting("coin seed", seed := secrets.token_hex(32))
    return seed
