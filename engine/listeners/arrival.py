"""What a listener makes of a message before it is stored: an `Arrival`, known by keyed digests."""

from __future__ import annotations

import re
from functools import lru_cache
from time import time
from typing import Protocol

from engine.hl7.header import Header
from engine.model import Answered, Arrival, Reason

__all__ = ["BATCH", "Fingerprinting", "make_arrival", "make_envelope"]

BATCH = "batch"
"""The step of what is around the messages of a batch."""

_WORDS = re.compile(r"[A-Z]{3}\^([A-Z][0-9A-Z]{2})?")


class Fingerprinting(Protocol):
    """Keyed digests that make a resend the same message (`engine.store`)."""

    def of(self, channel: str, msh3: bytes, msh4: bytes, msh10: bytes) -> bytes: ...
    def digest(self, raw: bytes) -> bytes: ...


def make_arrival(
    channel: str,
    keys: Fingerprinting,
    raw: bytes,
    header: Header | None,
    answered: Answered,
    reason: Reason | None = None,
    edition: int = 0,
) -> Arrival:
    """The arrival of `raw` at `channel`, which takes it by the rules of an `edition`; without a header it is
    known by its bytes alone."""
    digest = keys.digest(raw)
    if header is None:
        fingerprint, kind = keys.of(channel, b"", b"", b""), ""
    else:
        # Without a control id only the same bytes are the same message (spec: acknowledgement, 6).
        control_id = header.control_id if header.has_control_id else header.field(7) + digest
        fingerprint = keys.of(channel, header.field(3), header.field(4), control_id)
        kind = _words(header.type, header.event)
    return Arrival(channel, raw, fingerprint, digest, time(), answered, reason, kind, edition=edition)


def make_envelope(
    channel: str,
    keys: Fingerprinting,
    raw: bytes,
    header: Header,
    reason: Reason | None,
    refused: Answered = "",
    edition: int = 0,
) -> Arrival:
    """What is around the messages of a batch, `header` its first segment (`envelope_header`): kept as
    filtered; or a whole batch that is `refused`."""
    digest = keys.digest(raw)
    # Apart from messages: a batch may have the control id of one of them.
    control_id = b"BHS" + (header.control_id if header.has_control_id else digest)
    fingerprint = keys.of(channel, header.field(3), header.field(4), control_id)
    kind = _words(header.type, header.event)
    if refused:
        return Arrival(channel, raw, fingerprint, digest, time(), refused, reason, kind, edition=edition)
    return Arrival(
        channel, raw, fingerprint, digest, time(), "accepted", reason, kind, step=BATCH, edition=edition
    )


@lru_cache(maxsize=512)
def _words(kind: str, event: str) -> str:
    """MSH-9 for people's eyes: only what has the form of the standard's words, never free text."""
    return f"{kind}^{event}".rstrip("^") if _WORDS.fullmatch(f"{kind}^{event}") else ""
