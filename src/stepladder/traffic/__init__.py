"""Who asks, how much of it, and whether it was answered before: keys, limits, budgets, the line, the cache.

It does not know what is asked, how it is answered, or where keys are kept. What all workers of a machine must agree on
is on the board, in memory that they share; what was spent is in the store, beside the answers it was spent on.
"""

from stepladder.traffic.admission import Admission, Permit
from stepladder.traffic.bans import Bans
from stepladder.traffic.board import Board, Standing
from stepladder.traffic.cache import Cache
from stepladder.traffic.gate import Gate
from stepladder.traffic.keys import Keys, allow
from stepladder.traffic.outside import strikes_of
from stepladder.traffic.strikes import Strikes, mark_of

__all__ = [
    "Admission",
    "Bans",
    "Board",
    "Cache",
    "Gate",
    "Keys",
    "Permit",
    "Standing",
    "Strikes",
    "allow",
    "mark_of",
    "strikes_of",
]
