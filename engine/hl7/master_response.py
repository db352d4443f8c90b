"""The application answer to a master file: MFK with an MFA for each record (HL7 v2.9.1 chapter 8, sections
8.4.1 and 8.5.3; response level: table 0179; record-level outcome: table 0181).

MFI-6 says whether the sender wants it: AL for every record, ER for those that failed, SU for the others, NE
not at all. Keys and event codes are repeated as they were sent; nothing else of the file is in it.
"""

from __future__ import annotations

from collections.abc import Collection

from engine.errors import Unacceptable
from engine.hl7.acknowledgement import Response
from engine.hl7.document import Document
from engine.hl7.header import Header
from engine.hl7.path import Path
from engine.hl7.reading import Fields
from engine.hl7.tables import DEFAULT_VERSION, read_version

__all__ = ["master_response"]

_TOLD = {"AL": ("S", "U"), "ER": ("U",), "SU": ("S",)}
_LEVEL = Path.parse("MFI-6")


def master_response(
    raw: bytes, header: Header, *, done: bool, charset: str = "", refused: Collection[str] = ()
) -> Response | None:
    """What an application answer to the master file in `raw` says. None for a message that is none, whose
    sender does not ask for it, or that cannot be read: then a general acknowledgement is all there is to say.

    `done`: every record was taken. Otherwise those failed whose key is a part of one of the `refused`
    effects' keys; all of them when none is, for then nothing of the file was taken, or nobody can tell.
    `charset` is that of 8-bit text whose MSH-18 is empty."""
    if header.type != "MFN":
        return None
    try:
        document = Document.parse(raw, default_charset=charset, header=header)
        level = document.value(_LEVEL)
        told = _TOLD.get(level.strip().upper() if isinstance(level, str) else "")
        files, records = document.all("MFI"), document.all("MFE")
        if told is None or not records:
            return None
        outcomes = _outcomes(document, records, done, refused)
        answers = [_answer(fields, one) for fields, one in zip(records, outcomes, strict=True) if one in told]
        segments = document.encode([files[0], *answers])
    except Unacceptable:
        return None
    version = read_version(header.version) or read_version(DEFAULT_VERSION) or ()
    parts = ["MFK", header.event, "MFK_M01"] if version >= (2, 3, 1) else ["MFK", header.event]
    return Response(header.delimiters.component.join(parts).encode("ascii"), segments)


def _outcomes(document: Document, records: list[Fields], done: bool, refused: Collection[str]) -> list[str]:
    """S or U for each record."""
    if done:
        return ["S"] * len(records)
    parts = {_plain(part) for key in refused for part in key.split("/")}
    failed = [_key(document, fields) in parts for fields in records]
    return ["U" if one or not any(failed) else "S" for one in failed]


def _key(document: Document, fields: Fields) -> str:
    """MFE-4.1, as the key of an effect holds it."""
    value = document.leaf(fields, 4)
    return value.strip() if isinstance(value, str) else ""


def _plain(part: str) -> str:
    """A part of an effect's key without its escapes (`engine.transforms.field`)."""
    return part.replace("%2A", "*").replace("%2F", "/").replace("%25", "%")


def _answer(fields: Fields, outcome: str) -> Fields:
    """MFA: the record's event and control id (MFE-1, -2), the outcome, its key and its type (-4, -5)."""
    event, control, key, kind = (fields[n] if n < len(fields) else "" for n in (1, 2, 4, 5))
    answer = ["MFA", event, control, "", outcome, key, kind]
    while not answer[-1]:
        answer.pop()
    return answer
