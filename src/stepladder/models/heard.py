"""Which version of itself an upstream says it is: the model's name in its answers, once it has been the same often enough."""

_ENOUGH = 20  # answers in a row: a provider that tries a version out on a few questions has not changed yet


class Heard:
    """Listens to the names in a model's answers. `version` is "" until there is one."""

    __slots__ = ("_next", "_times", "version")

    def __init__(self) -> None:
        self.version = ""
        self._next, self._times = "", 0

    def hear(self, name: object) -> None:
        """Note the name in one answer; what is no text says nothing."""
        if not isinstance(name, str) or not name:
            return
        self._times = self._times + 1 if name == self._next else 1
        self._next = name
        if self._times >= _ENOUGH:
            self.version = name
