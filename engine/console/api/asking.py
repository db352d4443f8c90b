"""From a request to what an operation asks: query parameters, parts of the path, JSON or a form.

What does not fit is told by the name of the field and what it should be, never by what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar, get_args, get_origin
from urllib.parse import parse_qs

import msgspec

from engine.errors import Misconfigured
from engine.operations.operation import Operation

__all__ = ["LARGEST", "asked_by_body", "asked_by_query"]

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a body: an edited message, a set of channels."""

_PLACE: Final = re.compile(r" - at `\$\.?([^`]*)`")
_KNOWN: Final = re.compile(r"Expected `([a-z |]+)`|missing required field `([^`]+)`|(unknown field)")
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"

Asked = TypeVar("Asked")


def asked_by_query(
    operation: Operation[Asked, Any], path: Mapping[str, str], query: Sequence[tuple[str, str]]
) -> Asked:
    """What a GET asks: fields as parameters, lists by repetition. Raises `Misconfigured`."""
    given: dict[str, list[str]] = {}
    for name, value in query:
        given.setdefault(name, []).append(value)
    return _fitted(operation, path, given)


def asked_by_body(
    operation: Operation[Asked, Any], path: Mapping[str, str], media: str, body: bytes
) -> Asked:
    """What a POST asks: an object of JSON, or a form. Raises `Misconfigured`."""
    kind = media.partition(";")[0].strip().lower()
    if not body.strip():
        return _fitted(operation, path, {})
    if kind == _FORM:
        try:
            read = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=2000)
        except ValueError:
            raise Misconfigured("the form has more than 2000 fields") from None
        return _fitted(operation, path, {name: values for name, values in read.items() if name != "token"})
    if kind != _JSON:
        raise Misconfigured(f"is neither {_JSON} nor {_FORM}", where="Content-Type")
    try:
        read_json = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Misconfigured("the body is not JSON") from None
    if not isinstance(read_json, dict):
        raise Misconfigured("the body is not an object of JSON")
    return _converted(operation, {**read_json, **path}, strict=True, loose=frozenset(path))


def _fitted(
    operation: Operation[Asked, Any], path: Mapping[str, str], given: Mapping[str, Sequence[str]]
) -> Asked:
    """Texts as fields: what is a list is one however often it is given, all else is given once."""
    kinds = _kinds(operation)
    fields: dict[str, Any] = dict(path)
    for name, values in given.items():
        if _is_list(kinds.get(name)):
            fields[name] = list(values)
        elif len(values) > 1:
            raise Misconfigured("is given more than once", where=_plain(name))
        elif values[0] or kinds.get(name) is str:  # a field of a form that was left empty is not given
            fields[name] = values[0]
    return _converted(operation, fields, strict=False)


def _converted(
    operation: Operation[Asked, Any],
    fields: dict[str, Any],
    *,
    strict: bool,
    loose: frozenset[str] = frozenset(),
) -> Asked:
    kinds = _kinds(operation)
    strange = next((name for name in fields if name not in kinds), None)
    if strange is not None:
        hint = f"it has {', '.join(sorted(kinds)) or 'none'}"
        raise Misconfigured("is no field of this operation", where=_plain(strange), hint=hint)
    texts = {name: _one(name, fields[name], kinds[name]) for name in loose}
    fields = fields | texts  # parts of the path are texts, the body has types of its own
    try:
        return msgspec.convert(fields, type=operation.asks, strict=strict)
    except msgspec.ValidationError as error:
        raise _wrong(error) from None


def _kinds(operation: Operation[Any, Any]) -> dict[str, Any]:
    """What an operation asks: its fields and their types."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(operation.asks)}


def _one(name: str, text: str, kind: Any) -> Any:
    try:
        return msgspec.convert(text, type=kind, strict=False)
    except msgspec.ValidationError:
        raise Misconfigured("does not read as it should", where=name) from None


def _wrong(error: msgspec.ValidationError) -> Misconfigured:
    """The error without what was sent: msgspec tells a value in some of them."""
    said = str(error)
    place = _PLACE.search(said)
    expected = _KNOWN.search(said)
    if expected and expected[2]:
        return Misconfigured("is missing", where=expected[2])
    kind = (
        f"is not {expected[1].replace('|', 'or')}" if expected and expected[1] else "is not what it should be"
    )
    return Misconfigured(" ".join(kind.split()), where=place[1] if place else "")


def _is_list(kind: Any) -> bool:
    origin = get_origin(kind)
    if origin in (list, tuple, set, frozenset):
        return True
    return any(_is_list(part) for part in get_args(kind)) if origin is not None else False


def _plain(name: str) -> str:
    return "".join(one for one in name[:40] if one.isalnum() or one in "_-")
