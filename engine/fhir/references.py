"""What a reference says (FHIR R4/R5, Reference.reference; RESTful URLs in 3.1.0.1.1). Nothing is fetched."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

__all__ = ["ID", "Reference", "is_id", "parse"]

ID = r"[A-Za-z0-9\-.]{1,64}"
"""FHIR data type id."""

_REST = re.compile(rf"([A-Z][A-Za-z]{{1,63}})/({ID})(?:/_history/({ID}))?")
_ABSOLUTE = re.compile(r"[hH][tT]{2}[pP][sS]?://[^\s<>\"]+")
_TAIL = re.compile(rf"/{_REST.pattern}$")
_URN = re.compile(
    r"urn:(?:uuid:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|oid:[0-2](?:\.(?:0|[1-9][0-9]*))+)"
)
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]{1,63})\?[^\s=]+=[^\s]+")
_ID = re.compile(ID)


class Reference(NamedTuple):
    """`type`, `id` and `version` are empty where the text does not say them; the id of a contained one
    that is empty means the resource around it (`#`); that of an urn is the whole urn."""

    kind: Literal["literal", "contained", "absolute", "urn", "conditional"]
    type: str = ""
    id: str = ""
    version: str = ""


def is_id(text: str) -> bool:
    """Whether a resource can have this id."""
    return _ID.fullmatch(text) is not None


def parse(text: str) -> Reference | None:
    """What `text` points to; None when it is no reference at all (`javascript:…`, `../Patient/1`, words)."""
    if found := _REST.fullmatch(text):
        return Reference("literal", found[1], found[2], found[3] or "")
    if text.startswith("#"):
        return Reference("contained", id=text[1:])
    if _URN.fullmatch(text):
        return Reference("urn", id=text)
    if _ABSOLUTE.fullmatch(text):
        found = _TAIL.search(re.split(r"[?#]", text, maxsplit=1)[0].rstrip("/"))
        return (
            Reference("absolute", *(part or "" for part in found.groups()))
            if found
            else Reference("absolute")
        )
    if found := _CONDITIONAL.fullmatch(text):
        return Reference("conditional", found[1])
    return None
