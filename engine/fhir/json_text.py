"""JSON as FHIR wants it (FHIR R4/R5, 2.6.2; RFC 8259): exact, and nothing guessed.

Decimals keep the text that was sent (`1.10` is not `1.1`: precision is information). Refused are a name
that stands twice in an object, NaN and infinities, numbers beyond any use, a byte order mark, other
encodings than UTF-8, half surrogates, and what is nested deeper than anything real.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring
from typing import Any, Final, NoReturn

from engine.fhir.issues import Issue, Rejected

__all__ = ["MAX_DEPTH", "Number", "Step", "Twice", "dump", "load", "number"]

MAX_DEPTH: Final = 64

Step = str | int
"""A name in an object, or an index in an array."""

_DIGITS: Final = 40  # R4 2.24.0.1 wants 18 to be kept; no quantity or price of a hospital needs more
_EXPONENT: Final = 30
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_LEVELS: Final = bytes.maketrans(b"[{]}", b"(())")
_FIRST: Final = 16_384  # what is meant to hurt is deep at once
_TOO_DEEP: Final = b"(" * (MAX_DEPTH + 1)
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in b"[{]}")


class Number(Decimal):
    """A decimal that is written as it was read."""

    __slots__ = ("text",)
    text: str

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return "Number()"

    def __reduce__(self) -> tuple[Any, ...]:
        return number, (self.text,)


class Twice(Rejected):
    """An object has a name twice (400); `steps` lead to it from the top, which says to be of `type`."""

    def __init__(self, type_: str = "", steps: tuple[Step, ...] = ()) -> None:
        super().__init__(400, Issue("structure", "a name stands twice in one object"))
        self.type, self.steps = type_, steps


class _Doubled(dict[str, Any]):
    """An object that had the name `twice` twice."""

    twice: str


def number(text: str) -> Number:
    """A number as written. Raises `Rejected` (400, `value`) when it is beyond any use."""
    try:
        value = Number(text[: _DIGITS + 1])
    except InvalidOperation:
        value = Number("NaN")
    value.text = text
    if len(text) > _DIGITS or not value.is_finite() or abs(value.adjusted()) > _EXPONENT:
        raise _refusal("value", "a number is too large, too small or too long")
    return value


def load(body: bytes) -> dict[str, Any]:
    """The object that a body holds. Raises `Rejected` (400) and, for a name that stands twice, `Twice`."""
    if _deeper(body[:_FIRST]) or (len(body) > _FIRST and _deeper(body)):
        raise _refusal("structure", f"nested deeper than {MAX_DEPTH}")
    text = _text(body)
    value = _decode(text)
    if not isinstance(value, dict):
        raise _refusal("structure", "not a JSON object")
    if "\\u" in text:
        _surrogates(value)
    return value


def dump(value: Any) -> bytes:
    """As JSON in UTF-8, without blanks, numbers as they were read."""
    parts: list[str] = []
    _write(value, parts.append)
    return "".join(parts).encode()


def _text(body: bytes) -> str:
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _refusal("structure", "starts with a byte order mark")
    try:
        return body.decode()
    except UnicodeDecodeError as bad:
        raise _refusal("structure", f"not UTF-8 at byte {bad.start + 1}") from None


def _deeper(body: bytes) -> bool:
    """More than `MAX_DEPTH` levels? Found without parsing, by taking away the innermost level at a time."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    levels = _STRINGS.sub(b"", body).translate(_LEVELS, _OTHERS)
    if _TOO_DEEP in levels:
        return True
    for _ in range(MAX_DEPTH):
        length, levels = len(levels), levels.replace(b"()", b"")
        if len(levels) == length:
            break
    return b"()" in levels or levels.count(b"(") > MAX_DEPTH


def _decode(text: str) -> Any:
    try:
        return _STRICT.decode(text)
    except Twice:
        return _find_twice(text)
    except json.JSONDecodeError as bad:
        raise _misspelt(bad) from None


def _find_twice(text: str) -> NoReturn:
    """Reads it again to tell where a name stands twice."""
    try:
        top = _MARKING.decode(text)
    except json.JSONDecodeError as bad:  # and what comes after is wrong as well
        raise _misspelt(bad) from None
    type_ = top.get("resourceType") if isinstance(top, dict) else None
    raise Twice(type_ if isinstance(type_, str) else "", next(_doubled(top, ()), ()))


def _misspelt(bad: json.JSONDecodeError) -> Rejected:
    return _refusal("structure", f"not JSON at line {bad.lineno}, column {bad.colno}")


def _surrogates(value: dict[str, Any]) -> None:
    """An escape may name half a character, which no text can hold."""
    try:
        dump(value)
    except UnicodeEncodeError:
        raise _refusal("structure", "half a surrogate pair") from None


def _doubled(value: Any, steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    if isinstance(value, _Doubled):
        yield (*steps, value.twice)
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _doubled(item, (*steps, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _doubled(item, (*steps, index))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Twice
    return made


def _mark(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = _Doubled(pairs)
    if len(made) == len(pairs):
        return dict(made)
    seen: set[str] = set()
    made.twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return made


def _integer(text: str) -> int | Number:
    return int(text) if len(text) < _DIGITS and text != "-0" else number(text)


def _constant(_name: str) -> NoReturn:
    raise _refusal("value", "NaN and infinities are no JSON numbers")


def _refusal(code: Any, text: str) -> Rejected:
    return Rejected(400, Issue(code, text))


def _write(value: Any, put: Any) -> None:
    if isinstance(value, str):
        put(encode_basestring(value))
    elif isinstance(value, dict):
        comma = "{"
        for name, item in value.items():
            put(f"{comma}{encode_basestring(name)}:")
            _write(item, put)
            comma = ","
        put("}" if value else "{}")
    elif isinstance(value, list):
        _write_list(value, put)
    elif value is None:
        put("null")
    elif isinstance(value, bool):
        put("true" if value else "false")
    else:
        put(str(value))


def _write_list(value: list[Any], put: Any) -> None:
    comma = "["
    for item in value:
        put(comma)
        _write(item, put)
        comma = ","
    put("]" if value else "[]")


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=number, parse_int=_integer, parse_constant=_constant
)
_MARKING: Final = json.JSONDecoder(
    object_pairs_hook=_mark, parse_float=number, parse_int=_integer, parse_constant=_constant
)
