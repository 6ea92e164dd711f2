"""Configuration of how answers say that a machine wrote them: `[disclosure]`. See docs/people.md."""

from dataclasses import dataclass

from stepladder.core.errors import ConfigError

VISIBLE = {"": "", "zh": "AI生成", "en": "AI-generated"}
"""The wording of a visible label, by language; the Chinese one is that of GB 45438-2025."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """`[disclosure]`: what tells that an answer is AI-generated.

    `header` sends `x-stepladder-ai-generated: true` with every answer that was written. `implicit` adds the metadata of
    GB 45438-2025 for the service provider named by `producer`. `visible` ("zh" or "en") sends the wording of the label that
    is to be shown beside the answer; `text` is a wording of one's own in its place. With `place = "text"` answers that are
    prose end with that wording, and have no header with it.
    """

    header: bool = True
    implicit: bool = False
    producer: str = ""
    visible: str = ""
    text: str = ""
    place: str = "header"

    @property
    def wording(self) -> str:
        """The visible label, "" for none."""
        return self.text.strip() or VISIBLE[self.visible]


def check_disclosure(found: Disclosure) -> None:
    """Raises ConfigError naming the key that is wrong."""
    if found.visible not in VISIBLE:
        raise ConfigError(
            f"disclosure.visible is {found.visible!r}.",
            param="disclosure.visible",
            remedy='Write "zh" or "en"; "" sends no label.',
        )
    if found.place not in ("header", "text"):
        raise ConfigError(
            f"disclosure.place is {found.place!r}.",
            param="disclosure.place",
            remedy='Write "header" or "text".',
        )
    if found.place == "text" and not found.wording:
        raise ConfigError(
            "There is no label to write into texts.",
            param="disclosure.visible",
            remedy='Write visible = "zh" or "en", or a text of your own.',
        )
    if found.implicit and not found.producer.strip():
        raise ConfigError(
            "disclosure.producer is missing.",
            param="disclosure.producer",
            remedy="Name the service provider: GB 45438-2025 wants its name or code in the metadata.",
        )
