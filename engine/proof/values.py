"""What identified somebody in messages that were sent, and the search for it: for a database that has seen
real traffic, where no canaries were sent."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Final

from engine.errors import Unacceptable
from engine.fhir.document import Resource
from engine.hl7.document import Document
from engine.privacy.fhir_harvest import fhir_harvest
from engine.privacy.harvest import Harvester, Seen
from engine.privacy.policy import Policy
from engine.privacy.tokens import PATTERN, parse

__all__ = ["Values", "identifying"]

_SHORTEST: Final = 6
"""Characters: what is shorter is found in any database by chance."""

_NOBODY: Final = frozenset({"UNKNOWN"})
"""Written for the part of a name that is not known."""

_BYTES: Final = re.compile(rb"\\+x([0-9a-f]{12,})")
_TOKEN: Final = re.compile(PATTERN.encode())
_DATE: Final = re.compile(r"([12][0-9]{3})([01][0-9])([0-3][0-9])")


def identifying(messages: Iterable[bytes]) -> set[str]:
    """Names, numbers, days, addresses, phones in messages of HL7 v2 and resources of FHIR as they are stored,
    each of six characters or more."""
    harvester, found = Harvester(Policy()), set[str]()
    for raw in messages:
        try:
            seen = (
                fhir_harvest(Resource.parse(raw))
                if raw.startswith(b"fhir ")
                else harvester.of(Document.parse(raw))
            )
        except Unacceptable:
            continue
        found.update(
            text for one in seen if one.kind != "text" for text in _texts(one) if len(text) >= _SHORTEST
        )
    return found


class Values:
    """Looks for identifying values in bytes: in either case, days with and without dashes, bytes of a
    PostgreSQL column (written as hexadecimal) too. Not within a token, whose random characters hold a short
    number by chance."""

    def __init__(self, values: Iterable[str]) -> None:
        spelled = sorted({text for value in values for text in _spelled(value)}, key=len, reverse=True)
        self.count = len(spelled)
        self._width = min([_SHORTEST, *map(len, spelled)])
        self._by_head: dict[bytes, list[str]] = {}
        for text in spelled:
            self._by_head.setdefault(text.encode().lower()[: self._width], []).append(text)

    def found_in(self, blob: bytes) -> set[str]:
        """Those that stand in these bytes, in small letters."""
        written = b"\n".join(binascii.unhexlify(run[: len(run) // 2 * 2]) for run in _BYTES.findall(blob))
        return {text for part in (blob, written) for text in self._found(_without_tokens(part).lower())}

    def _found(self, blob: bytes) -> Iterator[str]:
        """In two steps, for there may be thousands of values: which beginnings stand there at all, then those
        values."""
        width = self._width
        pieces = (blob[at : at + width] for at in range(len(blob) - width + 1))
        for head in set(self._by_head).intersection(pieces) if self.count else ():
            words = "|".join(_alone(text.lower()) for text in self._by_head[head])
            yield from (match[0].decode() for match in re.finditer(words.encode(), blob))


def _without_tokens(blob: bytes) -> bytes:
    return _TOKEN.sub(lambda match: b" " if parse(match[0].decode()) else match[0], blob)


def _texts(seen: Seen) -> list[str]:
    """The value, and the words of a name."""
    words = seen.text.split() if seen.kind == "name" else []
    return [seen.text.strip(), *(word for word in words if word.upper() not in _NOBODY)]


def _spelled(value: str) -> list[str]:
    date = _DATE.match(value)
    return [value, f"{date[1]}-{date[2]}-{date[3]}", value[:8]] if date else [value]


def _alone(value: str) -> str:
    """A pattern of the value; of digits only as a number of its own."""
    return re.escape(value) if any(map(str.isalpha, value)) else rf"(?<!\d){re.escape(value)}(?!\d)"
