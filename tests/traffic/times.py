"""A clock to set."""

START = 1_795_219_200.0  # 2026-11-21, 00:00 UTC


class Time:
    """A clock whose wall time may be set back, as they are."""

    def __init__(self) -> None:
        self.passed = 1000.0
        self.stepped = 0.0

    def time(self) -> float:
        return START + self.passed + self.stepped

    def monotonic(self) -> float:
        return self.passed
