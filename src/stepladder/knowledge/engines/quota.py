"""How often an engine may be asked, in this process."""

import threading
import time
from collections import deque

_MINUTE = 60.0
_DAY = 86_400.0


class Quota:
    """At most so many requests in any minute and in any day; 0: as many as one likes."""

    def __init__(self, per_minute: int, per_day: int) -> None:
        self._spans = [(seconds, most) for seconds, most in ((_MINUTE, per_minute), (_DAY, per_day)) if most]
        self._asked: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether there is one left, which is then taken."""
        now = time.monotonic()
        with self._lock:
            longest = max((seconds for seconds, _ in self._spans), default=0.0)
            while self._asked and self._asked[0] <= now - longest:
                self._asked.popleft()
            for seconds, most in self._spans:
                if sum(at > now - seconds for at in self._asked) >= most:
                    return False
            if self._spans:
                self._asked.append(now)
        return True
