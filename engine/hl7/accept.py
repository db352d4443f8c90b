"""May this message come in on this channel? Answered from MSH alone, before anything is stored as
accepted (HL7 v2.9.1 chapter 2, section 2.8.2; spec: ack, section 3.2, rows 6 to 11 and 20)."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec

from engine.errors import Unacceptable
from engine.hl7.charset import decode
from engine.hl7.header import ANSWERS, REPEATING, Header, split
from engine.hl7.multibyte import is_plain
from engine.hl7.tables import read_version
from engine.model import Reason, ReasonCode

__all__ = ["AcceptRules", "Ruling", "check", "check_charset"]

OLDEST, NEWEST = (2, 1), (2, 9)


class AcceptRules(msgspec.Struct, frozen=True):
    """What a channel takes.

    `message_types` holds `ADT^A01` (that event) or `ADT` (every event of it); empty takes all.
    `versions` are exact (`2.5.1`); empty takes 2.1 to 2.9 in any third digit, known or not (`2.6.1`
    occurs). An empty MSH-12 counts as 2.5.1, an empty MSH-11 as allowed.
    """

    message_types: frozenset[str] = frozenset()
    processing_ids: frozenset[str] = frozenset({"P"})
    versions: frozenset[str] = frozenset()
    control_id: Literal["required", "optional"] = "required"
    charset: str = ""
    """Of 8-bit text that declares none (`engine.hl7.charset.decode`)."""
    charset_strict: bool = False
    """8-bit text has to declare its character set."""


class Ruling(msgspec.Struct, frozen=True):
    """Why a message is not taken. `answered` is `rejected` (AR, CR) or `error` (AE, CE); empty for
    what is an acknowledgement itself, which is never acknowledged."""

    answered: Literal["", "rejected", "error"]
    reason: Reason


def check(header: Header, rules: AcceptRules) -> Ruling | None:
    """The first refusal, in the order MSH-9, MSH-11, MSH-12, MSH-10; None when the message may come in."""
    if header.has_msa:
        return _ANSWER
    fields, delimiters = (header.field(9), header.field(11), header.field(12)), header.delimiters
    judge = _judge_again if sum(map(len, fields)) <= REPEATING else _judge
    ruling = judge(rules, *fields, delimiters.repetition, delimiters.component)
    if ruling is None and rules.control_id == "required" and not header.has_control_id:
        return _CONTROL_ID
    return ruling


def check_charset(raw: bytes, header: Header, rules: AcceptRules) -> tuple[Ruling | None, tuple[str, ...]]:
    """Are the bytes what MSH-18 says (row 14, A65)? The refusal, and what is odd: routing reads the
    message the same way."""
    if is_plain(raw):
        return None, ()
    try:
        decoded = decode(
            raw[header.start :],
            header.charsets,
            default=rules.charset,
            strict=rules.charset_strict,
            marked="byte_order_mark" in header.quirks,
        )
    except Unacceptable as error:
        return Ruling("error", Reason(ReasonCode.CHARSET, error.text, error.place, hl7=error.hl7)), ()
    return None, decoded.quirks


def _judge(
    rules: AcceptRules, kinds: bytes, processing: bytes, version: bytes, repetition: str, component: str
) -> Ruling | None:
    """The refusal of MSH-9, MSH-11, MSH-12."""
    kind, event, *_ = *split(kinds, repetition, component), ""
    if kind in ANSWERS:
        return _ANSWER
    types = rules.message_types
    if types and kind not in types and f"{kind}^{event}" not in types:
        known = any(word.partition("^")[0] == kind for word in types)
        return _UNKNOWN_EVENT if known else _UNKNOWN_TYPE
    processing_id = split(processing, repetition, component)[0]
    if processing_id and processing_id.upper() not in rules.processing_ids:
        return _PROCESSING_ID
    if not _takes_version(split(version, repetition, component)[0], rules.versions):
        return _VERSION
    return None


_judge_again = lru_cache(maxsize=1024)(_judge)
"""A sender's messages are of few kinds."""


def _takes_version(text: str, versions: frozenset[str]) -> bool:
    if text in versions:
        return True
    version = read_version(text)
    if version is None:
        return False
    if versions:
        return ".".join(map(str, version)) in versions
    return OLDEST <= version[:2] <= NEWEST


def _ruling(
    answered: Literal["", "rejected", "error"], code: ReasonCode, hl7: int, place: str, text: str
) -> Ruling:
    return Ruling(answered, Reason(code=code, text=text, place=place, hl7=hl7))


_UNKNOWN_TYPE = _ruling("rejected", ReasonCode.UNKNOWN_TYPE, 200, "MSH-9[1].1", "Unsupported message type")
_UNKNOWN_EVENT = _ruling("rejected", ReasonCode.UNKNOWN_EVENT, 201, "MSH-9[1].2", "Unsupported event code")
_PROCESSING_ID = _ruling("rejected", ReasonCode.PROCESSING_ID, 202, "MSH-11", "Unsupported processing id")
_VERSION = _ruling("rejected", ReasonCode.VERSION, 203, "MSH-12", "Unsupported version id")
_CONTROL_ID = _ruling("error", ReasonCode.MISSING_FIELD, 101, "MSH-10", "Required field missing")
_ANSWER = _ruling("", ReasonCode.UNKNOWN_TYPE, 200, "MSH-9", "an answer: never acknowledged")
