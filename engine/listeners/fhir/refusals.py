"""Refusals that several interactions share: fixed words, with their status."""

from __future__ import annotations

from engine.fhir.issues import Issue, Rejected

__all__ = ["broken", "contended", "gone", "missing", "placed", "removed", "several", "unavailable"]


def unavailable() -> Rejected:
    """The refusal while nothing can be stored: nothing of the request happened."""
    return Rejected(
        503, Issue("transient", "nothing can be stored at the moment"), headers=(("Retry-After", "2"),)
    )


def several() -> Rejected:
    """The refusal of a condition that does not tell which one."""
    return Rejected(412, Issue("multiple-matches", "the condition matches more than one resource"))


def missing() -> Rejected:
    """The refusal for a resource that never was here."""
    return Rejected(404, Issue("not-found", "there is no such resource here"))


def gone() -> Rejected:
    """The refusal for a resource that was deleted."""
    return Rejected(410, Issue("deleted", "the resource was deleted"))


def removed() -> Rejected:
    """The refusal for a version whose content is gone for good: its time was over, or it was about somebody
    who was erased."""
    return Rejected(410, Issue("deleted", "the content of this version was removed for good"))


def contended() -> Rejected:
    """The refusal when what stands moved each time it was looked at."""
    text = "others change the same resources all the time: try again"
    return Rejected(409, Issue("lock-error", text), headers=(("Retry-After", "1"),))


def broken(request_id: str) -> Rejected:
    """The refusal when we have failed: nothing of why is told outside, but what the log calls the request."""
    text = f"an error of this server: its operator can find it by {request_id}"
    return Rejected(500, Issue("exception", text, severity="fatal"))


def placed(error: Rejected, place: str) -> Rejected:
    """The same refusal, its findings with a place."""
    issues = [Issue(one.code, one.text, one.expression or place, one.severity) for one in error.issues]
    return Rejected(error.status, *issues, headers=error.headers)
