"""Which passwords are taken, after NIST SP 800-63B, 5.1.1.2: long enough, not among those that everybody
tries, not made of the account's own words; nothing is asked of their composition, and none ever expires."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from engine.errors import Misconfigured

__all__ = ["LONGEST", "SHORTEST", "check_password", "normal"]

SHORTEST: Final = 12
LONGEST: Final = 256
"""Characters."""

_COMMON: Final = Path(__file__).with_name("common_passwords.txt")
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
)
_PLAINLY: Final = str.maketrans("013457@$!", "oieastasi")  # how words are disguised
_BEHIND: Final = "0123456789!?.-_#*"


def normal(password: str) -> str:
    """One way to write what looks the same, whichever keyboard wrote it (NFKC, as the standard has it)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *own: str) -> None:
    """Raises `Misconfigured` for a password that will not do; `own` are words of the account and the service,
    which it must not be made of."""
    if not SHORTEST <= len(normal(password)) <= LONGEST:
        raise _refused(f"must have {SHORTEST} to {LONGEST} characters")
    plain = normal(password).casefold()
    stem = plain.rstrip(_BEHIND)
    if not _common().isdisjoint({plain, stem, plain.translate(_PLAINLY), stem.translate(_PLAINLY)}):
        raise _refused("is among those that everybody tries")
    if min(_left(plain, own), _left(plain.translate(_PLAINLY), own)) < SHORTEST // 2:
        raise _refused("is made of the account's own words")
    if len(set(plain)) < 5 or _in_a_row(plain):
        raise _refused("is one thing over and over")


def _refused(why: str) -> Misconfigured:
    return Misconfigured(why, where="password", hint="some words that only you put together do well")


def _left(form: str, own: tuple[str, ...]) -> int:
    """How many characters are left when the account's words are taken out."""
    words = {word for text in own for word in _words(text) if len(word) > 3}
    for word in sorted(words, key=len, reverse=True):
        form = form.replace(word, "")
    return len(form)


def _words(text: str) -> list[str]:
    return "".join(one if one.isalnum() else " " for one in normal(text).casefold()).split()


def _in_a_row(form: str) -> bool:
    """Whether it is a run of the keyboard or of the alphabet, or a short piece again and again."""
    halves = [form[: len(form) // 2], form[len(form) // 2 :]]
    runs = all(any(half in row or half in row[::-1] for row in _ROWS) for half in halves)
    return runs or any(form == (form[:size] * len(form))[: len(form)] for size in range(1, 7))


@cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text("utf-8").split())
