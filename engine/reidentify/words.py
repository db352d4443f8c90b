"""The closed words of re-identification: who may, what for, why not, and what was done."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, NamedTuple

import msgspec

from engine.errors import Unacceptable

__all__ = ["ERRORS", "PURPOSES", "Denied", "Moment", "Purpose", "Step", "Steps", "Why"]


class Purpose(StrEnum):
    """What somebody may be re-identified for: the closed list (`PURPOSES` says what each means)."""

    TREATMENT = "treatment"
    PAYMENT = "payment"
    OPERATIONS = "operations"
    PATIENT_REQUEST = "patient-request"
    PATIENT_SAFETY = "patient-safety"
    PUBLIC_HEALTH = "public-health"
    LEGAL = "legal"
    INCIDENT = "incident"


PURPOSES: Final[dict[Purpose, str]] = {
    Purpose.TREATMENT: "the patient is being treated, and who it is must be known for that",
    Purpose.PAYMENT: "an invoice or a claim has to be matched with its patient",
    Purpose.OPERATIONS: "stock, orders or data have to be put right, and the token does not do",
    Purpose.PATIENT_REQUEST: "the patient asks: access, correction, erasure",
    Purpose.PATIENT_SAFETY: "a recall or a warning has to reach whom it concerns",
    Purpose.PUBLIC_HEALTH: "a report that the law asks for",
    Purpose.LEGAL: "a court, a prosecutor or an authority with the right to ask",
    Purpose.INCIDENT: "a breach is being looked into",
}


class Moment(NamedTuple):
    """One moment on two clocks, in seconds: `wall` since the epoch, for people and the audit; `steady`, which
    nobody can set, for every limit and every end of time."""

    wall: float
    steady: float


class Steps(StrEnum):
    """What is written down: one word for each thing that happens to a request or at the door."""

    ASKED = "asked"  # within the limits: answered at once, `shown` follows in the same commit
    WAITING = "waiting"  # above a limit: waits for another person's approval
    APPROVED = "approved"
    DECLINED = "declined"
    SHOWN = "shown"  # written before the identifier leaves
    LAPSED = "lapsed"  # nobody approved, or nobody came for the answer, in time
    REFUSED = "refused"  # `why` says why
    KEY_FAILED = "key-failed"  # a key that is not the person's
    LOCKED = "locked"  # too many of those
    ALARM = "alarm"  # looks like enumeration, or like an approval of one's own
    PEOPLE = "people"  # the people file was read: who may what from now on


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened, on its way into the audit: never an identifier, never a key. `token` is empty
    unless its check characters hold: what somebody typed could be anything."""

    at: float
    step: Steps
    who: str
    role: str = ""
    token: str = ""
    purpose: str = ""
    ticket: str = ""
    request: str = ""
    why: str = ""
    other: str = ""  # the second person: of an approval the asker, of a look its approver


Why = Literal[
    "malformed", "unknown", "erased", "unreadable", "limit", "role", "own", "no-request", "waiting",
    "decided", "declined", "shown", "lapsed", "nobody", "locked",
]  # fmt: skip

ERRORS: Final[dict[Why, tuple[int, str]]] = {
    "malformed": (422, "this is no token: a character is wrong or missing"),
    "unknown": (404, "no such token is known here"),
    "erased": (410, "the person behind this token was erased: nobody can tell any more"),
    "unreadable": (500, "the sealed identifier does not open: tell the operator"),
    "limit": (429, "too many requests: wait"),
    "role": (403, "your role does not allow this"),
    "own": (403, "somebody else has to approve: never one's own request"),
    "no-request": (404, "there is no such request: it has ended, or the service was started anew"),
    "waiting": (409, "nobody has approved this request yet"),
    "decided": (409, "this request was decided already"),
    "declined": (410, "this request was declined"),
    "shown": (410, "the answer was shown: it is shown once"),
    "lapsed": (410, "the time of this request is over: ask again"),
    "nobody": (401, "a key is needed, and the certificate that belongs to it"),
    "locked": (429, "locked after wrong keys: wait"),
}
"""Why a request is not answered → its status over HTTP, and what is said."""


class Denied(Unacceptable):
    """A request that is not answered, with its closed word. `wait`: in so many seconds it may be tried again;
    `request` names the one it is about. Never a word of what was sent."""

    def __init__(self, why: Why, *, wait: float = 0.0) -> None:
        status, text = ERRORS[why]
        super().__init__("not-allowed", "", text)
        self.why: Why = why
        self.status, self.wait = status, wait
