"""Which answers a sender waits for: original and enhanced mode, and the conditions of MSH-15 and
MSH-16 (HL7 v2.9.1 chapter 2, sections 2.8.2 and 2.8.3, table 0155; spec: ack, section 2.2)."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import msgspec

from engine.hl7.header import Header
from engine.model import Acknowledge

__all__ = ["AckMode", "AnswerPlan", "Code", "Result", "plan"]

AckMode = Literal["auto", "original", "enhanced", "never", "always"]
"""A channel's choice. `auto` follows the message. `original` and `enhanced` force the mode (enhanced
without MSH-15 and -16 gives a CA). `always` keeps the message's mode but answers whatever the conditions
say; `never` says nothing at all."""

Code = Literal["AA", "AE", "AR", "CA", "CE", "CR"]
"""Table 0008."""

Result = Literal["accepted", "error", "rejected"]

_APPLICATION: dict[Result, Code] = {"accepted": "AA", "error": "AE", "rejected": "AR"}
_ACCEPT: dict[Result, Code] = {"accepted": "CA", "error": "CE", "rejected": "CR"}


class AnswerPlan(msgspec.Struct, frozen=True):
    """When the accept answer and the application answer are due, each one of table 0155: AL, NE, ER,
    SU. In original mode only the application answer exists. `quirks` may hold `unknown_condition`."""

    enhanced: bool
    accept: str
    application: str
    quirks: tuple[str, ...] = ()

    def waits(self, acknowledge: Acknowledge) -> bool:
        """Whether the application answer depends on what becomes of the message, on a channel that
        answers after that step. In enhanced mode it always does: safe storage has its own answer, asked
        for or not (section 2.8.3.2)."""
        return self.application != "NE" and (self.enhanced or acknowledge != "storage")

    def stored(self) -> Code | None:
        """The answer to safe storage: CA, when enhanced mode asks for it."""
        return _ACCEPT["accepted"] if _is_due(self.accept, "accepted") else None

    def refused(self, result: Literal["error", "rejected"]) -> Code | None:
        """The answer to a message that is not taken: CE or CR, in original mode AE or AR.

        A sender that asked for application answers alone gets AE or AR too, for nothing else would
        ever tell it."""
        if _is_due(self.accept, result):
            return _ACCEPT[result]
        return self.applied(result) if self.accept == "NE" else None

    def unstored(self) -> Code | None:
        """The answer to a message that safe storage could not take, on a channel that does not simply
        close: CE, in original mode AR. The conditions do not matter (row 16), but NE in both does."""
        if self.accept == self.application == "NE":
            return None
        return "AR" if self.accept == "NE" else "CE"

    def applied(self, result: Result) -> Code | None:
        """The application answer: AA, AE or AR, when it is due."""
        return _APPLICATION[result] if _is_due(self.application, result) else None


def plan(header: Header, mode: AckMode = "auto") -> AnswerPlan:
    """The answers that this message's sender waits for.

    An acknowledgement gets none, except a CA when its MSH-15 says AL or SU (row 20)."""
    accept, application = header.accept_acknowledgement, header.application_acknowledgement
    return _plan(accept[:3], application[:3], mode, answer=header.is_answer)  # cut: keys stay small


@lru_cache(maxsize=256)
def _plan(accept: str, application: str, mode: AckMode, *, answer: bool) -> AnswerPlan:
    if mode == "never":
        return AnswerPlan(enhanced=False, accept="NE", application="NE")
    if answer:
        return AnswerPlan(enhanced=True, accept="SU" if accept in ("AL", "SU") else "NE", application="NE")
    enhanced = bool(accept or application) if mode in ("auto", "always") else mode == "enhanced"
    if not enhanced:
        return AnswerPlan(enhanced=False, accept="NE", application="AL")
    if not accept and not application:
        return AnswerPlan(enhanced=True, accept="AL", application="NE")
    conditions = _condition(accept), _condition(application)
    quirks = ("unknown_condition",) if _UNKNOWN in conditions else ()
    first, second = ("AL" if word == _UNKNOWN else word for word in conditions)
    if mode == "always":
        first, second = "AL", "NE" if second == "NE" else "AL"
    return AnswerPlan(enhanced=True, accept=first, application=second, quirks=quirks)


_UNKNOWN = "?"


def _condition(word: str) -> str:
    """The condition as it counts: an empty one of the two is NE."""
    if not word:
        return "NE"
    return word if word in ("AL", "NE", "ER", "SU") else _UNKNOWN


def _is_due(condition: str, result: Result) -> bool:
    if condition in ("AL", "NE"):
        return condition == "AL"
    return (condition == "SU") == (result == "accepted")
