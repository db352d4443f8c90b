"""What is shown to one person at one terminal, once: past standard output, so that no pipe, file or log has
it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO, TextIOWrapper
from typing import Final, TextIO

from engine.errors import Misconfigured

__all__ = ["plainly", "show_once", "terminal"]

_TERMINAL: Final = "/dev/tty"
_ASIDE, _BACK = "\x1b[?1049h\x1b[H\x1b[2J", "\x1b[2J\x1b[?1049l"  # xterm: the alternate screen


@contextmanager
def terminal() -> Iterator[TextIO]:
    """The terminal that this command was started at. Raises `Misconfigured` when there is none: ask before
    anything is done that cannot be done again."""
    try:
        found = TextIOWrapper(FileIO(_TERMINAL, "r+"), encoding="utf-8", errors="replace")
    except OSError:
        raise Misconfigured(
            "this is shown on a terminal only, and here is none", hint="log in, and run it without a pipe"
        ) from None
    with found:
        yield found


def show_once(where: TextIO, lines: Sequence[str]) -> None:
    """Show lines on a screen of their own until Enter: nothing of them stays where one could scroll back."""
    try:
        where.write(_ASIDE + "\n".join(map(plainly, lines)) + "\n\nEnter clears this. ")
        where.flush()
        where.readline()
    finally:
        where.write(_BACK)
        where.flush()


def plainly(text: str) -> str:
    """A text that does nothing to a terminal: what cannot be printed is written out."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
