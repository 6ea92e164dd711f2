"""Who asks: turns an `Authorization` header into a Tenant, or refuses.

It does not know what is asked, how it is answered, or where keys are kept: it is handed a snapshot of their
hashes, and answers from memory.
"""

from stepladder.traffic.keys import Keys

__all__ = ["Keys"]
