"""What Odoo's errors mean: the world was not ready, or the row will never be taken.

`Unavailable`: nothing is wrong with the effect, try again. `KeyRefused`: the same, for everything,
until a person renews the key. `ServerError`: this very call makes Odoo stumble; others may pass.
`Unacceptable`: a refusal, of business (`refused`, `conflict`) or of rights (`not-allowed`).
Odoo's `debug` (a traceback with data) is never read; its messages are told without their values.
"""

from __future__ import annotations

import re

from engine.errors import Unacceptable, Unavailable
from engine.model import Owner, Reason, ReasonCode

__all__ = ["KeyRefused", "ServerError", "busy", "complaint", "fault", "plain", "reason_of", "refusal"]


class KeyRefused(Unavailable):
    """Odoo does not accept the login or the API key (wrong, expired, withdrawn)."""


class ServerError(Unavailable):
    """Odoo answered with an error of its own (HTTP 500) to this call."""


_BUSY = re.compile(
    r"could not serialize access|deadlock detected|could not obtain lock|lock timeout|LockNotAvailable"
    r"|SerializationFailure|DeadlockDetected|ConcurrencyError|current transaction is aborted"
    r"|Unknown database error|canceling statement|server closed the connection|connection already closed",
    re.IGNORECASE,
)
_LOGIN = {"AccessDenied", "SessionExpiredException", "Unauthorized"}
_RIGHTS = {"AccessError", "Forbidden"}
_GONE = {"MissingError"}
_UNKNOWN_MODEL = {"NotFound"}
_BUSINESS = {"UserError", "ValidationError", "RedirectWarning", "UnprocessableEntity", "Warning", "CacheMiss"}
_LATER = {429, 502, 503, 504}
_GROUPS = re.compile(r"^\s*-\s+(?P<listed>.{1,80})$|^Groups: .*?(?P<quoted>'.*')$", re.MULTILINE)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”|«[^»]*»|\[[^\]]*\]")
_WORD = re.compile(r"\(?[^\W\d_]+(?:['’-][^\W\d_]+)*[.,:;!?)]*")
_NO_RIGHT = re.compile(r"enough rights|not allowed to|allowed for the following groups|top-secret records")


def busy(message: str) -> bool:
    """Whether a message is PostgreSQL's way of saying: again, please."""
    return bool(_BUSY.search(message))


def fault(name: str, message: str, status: int = 0) -> Unavailable | Unacceptable:
    """The error that Odoo's exception (its dotted `name`, `message`, HTTP status) amounts to."""
    word = name.rpartition(".")[2]
    if status == 401 or word in _LOGIN:
        return KeyRefused("Odoo refuses the login or the API key")
    if status in _LATER or name.startswith("psycopg2") or busy(name) or busy(message):
        return Unavailable("Odoo's database was busy or Odoo is not ready")
    if word in _RIGHTS or status == 403:
        return refusal(ReasonCode.NOT_ALLOWED, _rights(message))
    if word in _GONE:
        return refusal(ReasonCode.CONFLICT, "a record was deleted in Odoo meanwhile")
    if word in _UNKNOWN_MODEL:
        return refusal(
            ReasonCode.NOT_ALLOWED, "Odoo lacks a model: is its module installed? (wardline doctor)"
        )
    if word in _BUSINESS or status == 422:
        return refusal(ReasonCode.REFUSED, f"Odoo refuses: {plain(message)}")
    return ServerError(f"Odoo failed with {word if word.isidentifier() else 'an error'}")


def refusal(code: ReasonCode, text: str, place: str = "") -> Unacceptable:
    """A refusal with a code of the closed list."""
    return Unacceptable(code.value, place, text)


def reason_of(error: Unavailable | Unacceptable) -> Reason:
    """The reason to settle a delivery with."""
    if isinstance(error, Unacceptable):
        code = ReasonCode(error.code)
        owner = Owner.TECHNICAL if code is ReasonCode.NOT_ALLOWED else Owner.BUSINESS
        return Reason(code, error.text, error.place, owner)
    code = ReasonCode.NOT_ALLOWED if isinstance(error, KeyRefused) else ReasonCode.UNAVAILABLE
    return Reason(code, str(error))


def complaint(message: str, field: str = "") -> Unacceptable:
    """What a message of `load` amounts to: a missing right, or a refusal of the row."""
    if _NO_RIGHT.search(message):
        return refusal(ReasonCode.NOT_ALLOWED, _rights(message))
    return refusal(ReasonCode.REFUSED, f"Odoo refuses: {plain(message)}", field)


def _rights(message: str) -> str:
    """Odoo names the groups that would do: one `- Name` a line, or `Groups: … 'Name', 'Name'`."""
    groups = [found["listed"] or found["quoted"] for found in _GROUPS.finditer(message)]
    if not groups:
        return "the Odoo user lacks a right (wardline doctor says which)"
    return f"the Odoo user lacks a right; one of these groups gives it: {', '.join(groups[:6])}"[:300]


def plain(message: str) -> str:
    """The first line of Odoo's message with whatever could be a value taken out."""
    line = next((part.strip() for part in message.splitlines() if part.strip()), "")
    line = _QUOTED.sub("…", line)
    text = " ".join(word if _WORD.fullmatch(word) else "…" for word in line.split())
    while "… …" in text:
        text = text.replace("… …", "…")
    return text[:160]
