"""The formats of primitive values (FHIR R4 and R5, 2.24.0.1), as they stand in JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from engine.fhir.json_text import Number
from engine.fhir.references import ID

__all__ = ["fault"]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_YEAR = r"(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_DAY = r"(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01]))"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_FORMATS: Final = {
    "id": re.compile(ID),
    "code": re.compile(r"[^\s]+(?:\s[^\s]+)*"),
    "uri": re.compile(r"\S+"),
    "oid": re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"),
    "uuid": re.compile(r"urn:uuid:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "date": re.compile(rf"({_YEAR})(?:-{_DAY}?)?"),
    "dateTime": re.compile(rf"({_YEAR})(?:-{_DAY}?(?:(?<=-[0-9][0-9]-[0-9][0-9])T{_CLOCK}{_ZONE})?)?"),
    "instant": re.compile(rf"({_YEAR})-{_DAY}T{_CLOCK}{_ZONE}"),
    "time": re.compile(_CLOCK),
}
_BASE64 = re.compile(r"(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?")
_FORMATS["canonical"] = _FORMATS["url"] = _FORMATS["uri"]
_INTEGERS: Final = {
    "integer": (-(2**31), 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
}


def fault(kind: str, value: Any) -> tuple[str, str] | None:
    """What is wrong with a value of this primitive type: an issue code (`structure`: no such JSON type;
    `value`: its form) and a fixed phrase; None when it is good."""
    return _CHECKS[kind](kind, value)


def _boolean(_kind: str, value: Any) -> tuple[str, str] | None:
    return None if isinstance(value, bool) else ("structure", "must be true or false")


def _decimal(_kind: str, value: Any) -> tuple[str, str] | None:
    if isinstance(value, Number) or (isinstance(value, int) and not isinstance(value, bool)):
        return None
    return "structure", "must be a number"


def _integer(kind: str, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return "structure", "must be a whole number"
    low, high = _INTEGERS[kind]
    return None if low <= value <= high else ("value", f"must be between {low} and {high}")


def _integer64(_kind: str, value: Any) -> tuple[str, str] | None:
    """A string in JSON (FHIR R5, 2.1.28.0.1), taken as a number too."""
    if isinstance(value, str) and re.fullmatch(r"0|[+-]?[1-9][0-9]{0,18}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return "structure", "must be a whole number"
    return None if -(2**63) <= value < 2**63 else ("value", "must fit 64 bits")


def _text(_kind: str, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "structure", "must be a string"
    if not value or value.isspace():
        return "value", "must not be empty"
    if _CONTROL.search(value):
        return "value", "holds characters that no text has"
    return None


def _formatted(kind: str, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "structure", "must be a string"
    return None if _FORMATS[kind].fullmatch(value) and not _CONTROL.search(value) else ("value", _FORM[kind])


def _base64(_kind: str, value: Any) -> tuple[str, str] | None:
    """Blanks and line ends are allowed between its characters."""
    if not isinstance(value, str):
        return "structure", "must be a string"
    packed = "".join(value.split())
    return None if packed and _BASE64.fullmatch(packed) else ("value", "must be base64")


def _dated(kind: str, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return "structure", "must be a string"
    found = _FORMATS[kind].fullmatch(value)
    if found is None:
        return "value", _FORM[kind]
    year, month, day = found.groups()
    if day:
        try:
            date(int(year), int(month), int(day))
        except ValueError:
            return "value", "is no day of the calendar"
    return None


_FORM: Final = {
    "id": "must be 1 to 64 letters, digits, hyphens and points",
    "code": "must be a code: no blanks around it, single blanks within",
    "uri": "must be a URI without blanks",
    "canonical": "must be a URI without blanks",
    "url": "must be a URL without blanks",
    "oid": "must have the form urn:oid:1.2.3",
    "uuid": "must have the form urn:uuid: and a UUID",
    "date": "must be a date: YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "must be a date, or a date and time with seconds and zone",
    "instant": "must be a date and time with seconds and zone",
    "time": "must be a time: hh:mm:ss",
}
_CHECKS: Final[dict[str, Callable[[str, Any], tuple[str, str] | None]]] = {
    "boolean": _boolean,
    "decimal": _decimal,
    "integer64": _integer64,
    "base64Binary": _base64,
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(("string", "markdown", "xhtml"), _text),
    **dict.fromkeys(_FORM, _formatted),
    **dict.fromkeys(("date", "dateTime", "instant"), _dated),
}
