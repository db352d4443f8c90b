"""The door and the process: slow bodies, bugs, dumps."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import MutableMapping
from typing import Any

import pytest

from engine.reidentify import door
from engine.reidentify.door import Door
from engine.reidentify.service import Answer, Call

SECRET = "ZQXW48151623WXQZ"


def answered(judge: Any, *events: MutableMapping[str, Any] | None) -> tuple[int, bytes]:
    """What the door says to a request whose body comes in these events (None: nothing more comes)."""
    scope = {"type": "http", "method": "POST", "raw_path": b"/requests", "query_string": b"", "headers": []}
    left, sent = list(events), list[MutableMapping[str, Any]]()

    async def receive() -> MutableMapping[str, Any]:
        event = left.pop(0)
        if event is None:
            await asyncio.Event().wait()
        assert event is not None
        return event

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    asyncio.run(Door(judge)(scope, receive, send))
    return (sent[0]["status"], sent[1]["body"]) if sent else (0, b"")


def part(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def never(_: Call) -> Answer:
    raise AssertionError("not to be asked")


def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "BODY_SECONDS", 0.01)
    assert answered(never, part(b"{", True), None)[0] == 408


def test_a_client_that_goes_before_its_body_is_here() -> None:
    assert answered(never, part(b"{", True), {"type": "http.disconnect"}) == (0, b"")


def test_a_body_too_large_in_pieces() -> None:
    assert answered(never, *[part(b"x" * 1000, True)] * 4, part(b"x" * 97))[0] == 413


def test_a_bug_says_nothing_of_what_it_knew(capfd: pytest.CaptureFixture[str]) -> None:
    async def broken(_: Call) -> Answer:
        raise ValueError(SECRET)

    status, body = answered(broken, part(b"{}"))
    assert status == 500
    assert SECRET not in body.decode() + "".join(capfd.readouterr())


def test_what_holds_a_secret_has_no_words() -> None:
    call = Call("POST", b"/requests", b"", {"authorization": (SECRET,)}, SECRET.encode(), None)
    assert SECRET not in repr(call) + repr(Answer(200, {"value": SECRET}))


def test_the_process_leaves_no_core_and_lets_nobody_look_into_it() -> None:
    told = (
        "import ctypes, resource; from engine.reidentify.process import without_dumps; without_dumps();"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True, timeout=60)
    assert done.stdout.split() == [b"(0,", b"0)", b"0"]
