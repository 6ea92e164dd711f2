"""What is no ordinary use: configuration of a class of service, and the event of a ban."""

from dataclasses import dataclass, fields

from stepladder.core.toml_tables import between


@dataclass(frozen=True, slots=True)
class Abuse:
    """`[classes.x.abuse]`: how much of what within an hour gets an asker banned for `ban_minutes`; 0: it is not looked for.

    An asker is a user whom the request names (`safety_identifier`, `user`), else the key. `extractions` are questions in
    which a guard sees that the system prompt is to be got out; `walks` are questions that differ only in numbers, names and
    what stands in quotation marks; `questions` are those of any kind. One that repeats the one before it is not counted.
    Each further ban lasts twice as long, up to a day.
    """

    extractions: int = 0
    walks: int = 0
    questions: int = 0
    ban_minutes: float = 10.0

    @property
    def watched(self) -> bool:
        """Whether anything is looked for."""
        return bool(self.extractions or self.walks or self.questions)


@dataclass(frozen=True, slots=True)
class Banned:
    """Somebody gets no hearing for a while. `who` is an address, or names tenant and key, and the user by a hash."""

    who: str
    why: str
    seconds: float


def check_abuse(abuse: Abuse, where: str) -> None:
    """Raises ConfigError naming the key that is wrong."""
    for item in fields(Abuse):
        least = item.name != "ban_minutes"
        most = 1e9 if least else 1440
        between(getattr(abuse, item.name), 0, most, f"{where}.{item.name}", closed=least)
