"""The real clock. Backtests and tests bring their own (see `stepladder.testing`)."""

import time as system


class SystemClock:
    """Wall time (Unix seconds) and monotonic time (seconds that never go back) of this machine."""

    time = staticmethod(system.time)
    monotonic = staticmethod(system.monotonic)
