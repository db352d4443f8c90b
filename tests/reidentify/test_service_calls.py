"""The service against whatever a request may be: it always answers, and shows only what is in the audit."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from reidentify.desk_kit import Kit, token
from reidentify.test_person_keys import made, somebody

from engine.privacy.tokens import parse
from engine.reidentify import gate as gates
from engine.reidentify.gate import Gate
from engine.reidentify.service import Call, Service
from engine.reidentify.words import ERRORS, Steps

WORDS = {"body", "purpose", "ticket", "query", "origin", "no-such-place", "method", "content-type",
         "content-encoding", "header"}  # fmt: skip
KEYS = [b"", b"x", made("maria")[0].encode(), made("jon")[0].encode(), b"wrk1_maria_" + b"x" * 43]
HEADERS = st.dictionaries(
    st.sampled_from(
        ["authorization", "content-type", "content-encoding", "origin", "x-forwarded-for", "host"]
    ),
    st.lists(
        st.sampled_from(["application/json", "application/json; charset=utf-8", "text/json", "", "gzip"])
        | st.sampled_from([f"Bearer {key.decode()}" for key in KEYS])
        | st.text(max_size=30),
        min_size=1,
        max_size=2,
    ).map(tuple),
)
RIGHT = st.sampled_from(KEYS[2:4]).map(
    lambda key: {"authorization": (f"Bearer {key.decode()}",), "content-type": ("application/json",)}
)
PATHS = st.sampled_from(
    [b"/requests", b"/requests/", b"/requests/r1/answer", b"/requests/00000001/approval", b"//requests",
     b"/requests/00000001/answer", b"/requests/00000002/refusal", b"/", b"/requests/../requests", b"*"]
) | st.binary(max_size=40)  # fmt: skip
ASKS = st.fixed_dictionaries(
    {
        "token": st.sampled_from([token(1), token(2), token(50), token(1).upper(), token(1)[:-1]])
        | st.text(),
        "purpose": st.sampled_from(["legal", "payment", "LEGAL", ""]),
        "ticket": st.sampled_from(["INC-1", "x" * 65, "Jane Doe", "\n"]),
    }
)
NESTED = st.recursive(st.none() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one))
BODIES = (ASKS | NESTED).map(lambda one: json.dumps(one).encode()) | st.just(b"{}") | st.binary(max_size=200)
STATUSES = {200, 202, 400, 403, 404, 405, 415, *(status for status, _ in ERRORS.values())}
RIGHT_CALL = Call(
    "POST", b"/requests", b"",
    {"authorization": (f"Bearer {made('maria')[0]}",), "content-type": ("application/json",)},
    json.dumps({"token": token(1), "purpose": "legal", "ticket": "INC-1"}).encode(), None,
)  # fmt: skip
CALLS = st.builds(
    Call, method=st.sampled_from(["POST", "GET", "PUT", "DELETE", "HEAD", "TRACE", "post", "CONNECT"]),
    path=PATHS, query=st.just(b"") | st.binary(max_size=9), headers=HEADERS | RIGHT, body=BODIES,
    peer=st.none(),
)  # fmt: skip
LIKELY = st.builds(
    Call, method=st.just("POST"), path=st.just(b"/requests") | PATHS, query=st.just(b""), headers=RIGHT,
    body=BODIES, peer=st.none(),
)  # fmt: skip


@settings(max_examples=200)
@example([(RIGHT_CALL, 0.0), (RIGHT_CALL._replace(query=b"a"), 1.0), (RIGHT_CALL, 1.0)])
@given(st.lists(st.tuples(CALLS | LIKELY, st.floats(0, 2000)), max_size=8))
def test_it_answers_everything_and_shows_only_what_was_written_down(calls: list[tuple[Call, float]]) -> None:
    kit = Kit(known=3)
    people = {name: somebody(name) for name in ("maria", "jon")}
    gate = Gate(lambda: people, kit.record, kit.alarm)
    service = Service(gate, kit.desk, lambda: kit.now, lambda: None)
    for call, seconds in calls:
        kit.later(seconds)
        before = [step.step for step in kit.steps].count(Steps.SHOWN)
        answer = service.answer(call)
        after = [step.step for step in kit.steps].count(Steps.SHOWN)
        shown = "identifier" in answer.body
        assert after - before == shown
        assert answer.status in {200, 202, 400, 403, 404, 405, 415} | {
            status for status, _ in ERRORS.values()
        }
        assert answer.body.get("error", "body") in WORDS | set(ERRORS)
        said = json.dumps(answer.body)
        assert not any(key.decode() in said for key in KEYS[2:])
        assert all(parse(step.token) for step in kit.steps if step.token)
        assert not [text for step in kit.steps for text in _texts(step) if len(text) > 64]


def _texts(step: Any) -> list[str]:
    return [step.who, step.token, step.ticket, step.purpose, step.request, step.why, step.other]


def setup_module() -> None:
    """Comparisons of keys are slow, and always come out the same."""
    from functools import cache

    gates.holds = cache(gates.holds)  # type: ignore[attr-defined]
    hashed = made("nobody")[1]
    gates.hash_of = lambda _: hashed  # type: ignore[attr-defined]


def teardown_module() -> None:
    from engine import slow_hashes

    gates.holds, gates.hash_of = slow_hashes.holds, slow_hashes.hash_of  # type: ignore[attr-defined]
