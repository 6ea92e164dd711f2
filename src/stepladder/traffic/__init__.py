"""Who asks: turns an `Authorization` header into a Tenant, or refuses.

<<<<<<< HEAD
It does not know what is asked, how it is answered, or where keys are kept: it is handed a snapshot of their
hashes, and answers from memory.
=======
It does not know what is asked, how it is answered, or where keys are kept: it is handed a snapshot of their hashes,
and a secret leaves no trace here but the time it took to hash it.
>>>>>>> main
"""

from stepladder.traffic.keys import Keys

__all__ = ["Keys"]
