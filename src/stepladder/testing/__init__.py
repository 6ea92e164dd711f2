"""For those who test against Stepladder, strangers included: doubles, and contract suites for plug-ins.

The doubles are whole little rungs, models and a clock that behave in one known way. The suites are in
`stepladder.testing.contracts`: subclass one, say how to make your plug-in, and pytest runs it. This room
knows `core` only, so that what it checks cannot lean on what it checks.
"""

from stepladder.testing.doubles import (
    BrokenRung,
    EchoModel,
    EchoRung,
    FakeClock,
    SlowRung,
    SureRung,
    UnsureRung,
)

__all__ = ["BrokenRung", "EchoModel", "EchoRung", "FakeClock", "SlowRung", "SureRung", "UnsureRung"]
