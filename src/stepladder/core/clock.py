"""The real clock. Backtests and tests bring their own (see `stepladder.testing`)."""

import time


class SystemClock:
    """Wall time and monotonic time of this machine."""

    def time(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()
