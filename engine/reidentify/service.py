"""What each request comes to: who asks, what for, what is answered. Plain calls in one thread; no sockets
here.

    POST /requests                {"token": …, "purpose": …, "ticket": …}   200 shown, 202 waits
    GET  /requests                                                          mine, and those that wait for me
    POST /requests/ID/approval    {}                                        by another person
    POST /requests/ID/refusal     {}
    POST /requests/ID/answer      {}                                        200 shown, once

No token stands in an address, and nothing is asked for in one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from engine.access import Certificate
from engine.access.jwt import read_json
from engine.errors import Unavailable
from engine.people.words import Person
from engine.privacy.tokens import DOMAINS
from engine.privacy.vault import read_identifier
from engine.reidentify.desk import Desk
from engine.reidentify.gate import Gate
from engine.reidentify.requests import Request, Shown
from engine.reidentify.words import PURPOSES, Denied, Moment, Purpose

__all__ = ["MAX_BODY", "Answer", "Call", "Service", "said"]

MAX_BODY: Final = 4096
"""Bytes of a request's body, at most."""

_ONE: Final = re.compile(rb"/requests/([A-Za-z0-9_-]{8,64})/(approval|refusal|answer)")
_TICKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#:-]{1,63}")
_DOMAINS: Final = {letter: word for word, letter in DOMAINS.items()}


class Call(NamedTuple):
    """A request as it came: `path` as on the wire, `headers` with names in lower case, each as often as it
    was sent. Has no `repr`: it may hold a key."""

    method: str
    path: bytes
    query: bytes
    headers: Mapping[str, tuple[str, ...]]
    body: bytes
    peer: Certificate | None

    def __repr__(self) -> str:
        return f"Call({self.method})"


class Answer(NamedTuple):
    """Status, JSON, and headers of its own. Has no `repr`: it may hold an identifier."""

    status: int
    body: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Answer({self.status})"


class Service:
    """Belongs to one thread. `clock` tells the moment; `may_go_on` raises `Unavailable` when nothing may be
    done here any more."""

    def __init__(
        self, gate: Gate, desk: Desk, clock: Callable[[], Moment], may_go_on: Callable[[], None]
    ) -> None:
        self._gate, self._desk, self._clock, self._may_go_on = gate, desk, clock, may_go_on

    def answer(self, call: Call) -> Answer:
        """What is answered; nothing is raised but what is a bug."""
        try:
            verb, id_ = _routed(call)
            now = self._clock()
            person = self._gate.admit(_only(call.headers, "authorization"), call.peer, now)
            self._may_go_on()
            return verb(self._desk, person, id_, call, now)
        except _Wrong as wrong:
            return said(wrong.status, wrong.error, wrong.text, *wrong.headers)
        except Denied as denied:
            return _denied(denied)
        except Unavailable:
            text = "nothing was shown or decided: it cannot be looked up and written down at the moment"
            return said(503, "unavailable", text, ("Retry-After", "5"))

    def tidy(self) -> None:
        """End what is over, also when nobody comes. Raises `Unavailable`."""
        self._may_go_on()
        self._desk.tidy(self._clock())


class _Wrong(Exception):
    """A request that says nothing here; `text` is fixed."""

    def __init__(self, status: int, error: str, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(error)
        self.status, self.error, self.text, self.headers = status, error, text, headers


Verb = Callable[[Desk, Person, str, Call, Moment], Answer]


def said(status: int, error: str, text: str, *headers: tuple[str, str]) -> Answer:
    """A refusal: a closed word and a fixed text."""
    return Answer(status, {"error": error, "text": text}, headers)


def _routed(call: Call) -> tuple[Verb, str]:
    if call.query:
        raise _Wrong(400, "query", "nothing is asked for in an address")
    if "origin" in call.headers:
        raise _Wrong(403, "origin", "this is not for pages in a browser")
    found = _ONE.fullmatch(call.path)
    if found is None and call.path != b"/requests":
        raise _Wrong(404, "no-such-place", "there is nothing here")
    verbs = {"POST": _VERBS[found[2]]} if found else {"POST": _ask, "GET": _list}
    if call.method not in verbs:
        raise _Wrong(405, "method", "not in this way", ("Allow", ", ".join(sorted(verbs))))
    return verbs[call.method], found[1].decode() if found else ""


def _ask(desk: Desk, person: Person, _: str, call: Call, now: Moment) -> Answer:
    token, purpose, ticket = _asked(_body(call))
    found = desk.ask(person, token, purpose, ticket, now)
    return _shown(found) if isinstance(found, Shown) else Answer(202, _request(found, person, now))


def _list(desk: Desk, person: Person, _: str, call: Call, now: Moment) -> Answer:
    if call.body:
        raise _Wrong(400, "body", "there is nothing to say in this request")
    return Answer(200, {"requests": [_request(one, person, now) for one in desk.seen_by(person, now)]})


def _approve(desk: Desk, person: Person, id_: str, call: Call, now: Moment) -> Answer:
    _nothing(call)
    return Answer(200, _request(desk.approve(person, id_, now), person, now))


def _decline(desk: Desk, person: Person, id_: str, call: Call, now: Moment) -> Answer:
    _nothing(call)
    return Answer(200, _request(desk.decline(person, id_, now), person, now))


def _collect(desk: Desk, person: Person, id_: str, call: Call, now: Moment) -> Answer:
    _nothing(call)
    return _shown(desk.collect(person, id_, now))


_VERBS: Final[dict[bytes, Verb]] = {b"approval": _approve, b"refusal": _decline, b"answer": _collect}


def _asked(data: dict[str, Any]) -> tuple[str, Purpose, str]:
    if data.keys() != {"token", "purpose", "ticket"} or not all(
        isinstance(one, str) for one in data.values()
    ):
        raise _Wrong(400, "body", "a request has a token, a purpose and a ticket, each a text")
    if data["purpose"] not in list(Purpose):
        raise _Wrong(400, "purpose", f"purpose is one of {', '.join(PURPOSES)}")
    if not _TICKET.fullmatch(data["ticket"]):
        text = "a ticket has 2 to 64 letters and digits of ASCII and . _ / # : -, as INC-2026-118"
        raise _Wrong(400, "ticket", text)
    return data["token"], Purpose(data["purpose"]), data["ticket"]


def _nothing(call: Call) -> None:
    if _body(call):
        raise _Wrong(400, "body", "there is nothing to say in this request: {}")


def _body(call: Call) -> dict[str, Any]:
    if _only(call.headers, "content-type").partition(";")[0].strip().lower() != "application/json":
        raise _Wrong(415, "content-type", "a request is application/json")
    if "content-encoding" in call.headers:
        raise _Wrong(415, "content-encoding", "a request is not compressed")
    try:
        data = read_json(call.body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise _Wrong(400, "body", "the body is no JSON object, or says a thing twice")
    return data


def _only(headers: Mapping[str, tuple[str, ...]], name: str) -> str:
    """A header that may be there once: which of two would count is nobody's guess."""
    found = headers.get(name, ())
    if len(found) > 1:
        raise _Wrong(400, "header", f"{name} is there twice")
    return found[0] if found else ""


def _denied(denied: Denied) -> Answer:
    headers: list[tuple[str, str]] = []
    if denied.status == 401:
        headers.append(("WWW-Authenticate", 'Bearer realm="re-identification"'))
    if denied.wait:
        headers.append(("Retry-After", str(max(1, -int(-denied.wait // 1)))))
    return said(denied.status, denied.why, denied.text, *headers)


def _request(request: Request, person: Person, now: Moment) -> dict[str, Any]:
    """A request as both may see it: no identifier."""
    return {
        "request": request.id,
        "state": request.state.value,
        "asker": request.asker,
        "approver": request.approver,
        "mine": request.asker == person.name,
        "token": request.token,
        "purpose": request.purpose.value,
        "ticket": request.ticket,
        "asked_at": request.at,
        "seconds_left": max(0, round(request.until - now.steady)),
    }


def _shown(shown: Shown) -> Answer:
    found = read_identifier(shown.identifier)
    return Answer(
        200,
        {
            "request": shown.request,
            "state": "shown",
            "token": shown.token,
            "merged_into": shown.merged_into,
            "identifier": {
                "domain": _DOMAINS.get(found.domain, found.domain),
                "authority": found.authority,
                "type": found.type,
                "value": found.value,
            },
        },
    )
