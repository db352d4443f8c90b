"""The three errors of the house, each with a fate.

`Unacceptable` is about content: never retried, shown to a person with its place.
`Unavailable` is about the world: tried again. `Misconfigured` is about us: refuse to start.

No message of any of them may hold a field value (content has no voice, ARCHITECTURE.md).
"""

from __future__ import annotations

__all__ = ["Misconfigured", "Unacceptable", "Unavailable", "WardlineError"]


class WardlineError(Exception):
    """Root of the errors this project raises on purpose."""


class Unacceptable(WardlineError):
    """The content cannot be used and never will be as it stands.

    `code` is a word of `engine.model.ReasonCode`; `place` a field path such as `FT1[2]-10`;
    `text` a fixed phrase; `hl7` the number of HL7 table 0357 that an ERR segment would carry. `lacks` is the
    channel's table and the code that it lacks: never part of the text.
    """

    def __init__(
        self, code: str, place: str, text: str, *, hl7: int = 207, lacks: tuple[str, str] | None = None
    ) -> None:
        super().__init__(f"{place}: {text}" if place else text)
        self.code = code
        self.place = place
        self.text = text
        self.hl7 = hl7
        self.lacks = lacks


class Unavailable(WardlineError):
    """Something outside did not answer or could not take it now: try again later."""


class Misconfigured(WardlineError):
    """A setting or a channel file is wrong: refuse to start, say where and what to do."""

    def __init__(self, text: str, *, where: str = "", hint: str = "") -> None:
        self.text, self.where, self.hint = text, where, hint
        message = f"{where}: {text}" if where else text
        super().__init__(f"{message} ({hint})" if hint else message)
