"""What the API says when it does not do something: problem details (RFC 9457), with what to do next."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.responses import Response

from engine.errors import Misconfigured, Unacceptable, Unavailable, WardlineError
from engine.operations.operation import Forbidden, NotThere

__all__ = ["MEDIA", "Problem", "problem", "problem_of"]

MEDIA: Final = "application/problem+json"

_TITLES: Final = {
    401: "Not logged in",
    403: "Not allowed",
    404: "Not there",
    405: "Not this method",
    409: "Not possible as it stands",
    413: "Too large",
    415: "Not this media type",
    422: "Not as it has to be",
    429: "Too many requests",
    500: "Our fault",
    503: "Not now",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why something was not done. `where` names the field, `code` a reason of the runbooks, `next` what to
    do. No value that was asked with is in it."""

    title: str
    status: int
    type: str = "about:blank"
    detail: str = ""
    where: str = ""
    code: str = ""
    next: str = ""


def problem(status: int, detail: str, *, headers: dict[str, str] | None = None, **more: str) -> Response:
    """The answer that says so."""
    said = Problem(title=_TITLES[status], status=status, detail=detail, **more)
    return Response(msgspec.json.encode(said), status, media_type=MEDIA, headers=headers)


def problem_of(error: WardlineError) -> Response:
    """The answer to an error of the house: each has one status."""
    match error:
        case Forbidden():
            return problem(
                403, str(error), next="Ask an administrator for a role, or use an account that has it."
            )
        case NotThere():
            return problem(404, str(error))
        case Misconfigured():
            return problem(422, error.text, where=error.where, next=error.hint)
        case Unacceptable():
            runbook = f"/manual/runbooks/{error.code}"
            return problem(409, error.text, where=error.place, code=error.code, next=f"See {runbook}.")
        case Unavailable():
            return problem(503, str(error), headers={"retry-after": "5"}, next="Try again in a few seconds.")
    return problem(500, "This went wrong, and it is not your fault.")
