"""Leaks planted on purpose, so that a test can see that the search for canaries finds them.

Patched into one engine's process by `faulty.py`: the patient's name gets out at one place, each time in
another spelling.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import Counter

from engine import routing
from engine.listeners.exchange import Pen
from engine.model import Dead, Reason, ReasonCode, Routing
from engine.privacy.sealing import Sealer
from engine.telemetry import REGISTRY
from mllp.connection import Arrived

PLACES = ("log", "metric", "file", "reason", "column", "answer", "words")


def plant(place: str, folder: Path) -> None:
    """Let the name out at `place`, one of `PLACES`, of the engine that runs in `folder`."""
    if place == "answer":
        _in_answers()
    elif place == "words":
        _in_words()
    elif place == "column":
        _unsealed()
    else:
        _in_routing(place, folder)


def name_of(raw: bytes) -> bytes:
    """PID-5, first component."""
    return raw.partition(b"\rPID|")[2].split(b"|")[4].split(b"&")[0]


def _in_routing(place: str, folder: Path) -> None:
    route = routing.route
    names = Counter("wardline_names", "A planted leak.", ["name"], registry=REGISTRY)

    def leaking(batch: Any, program: Any, book: Any, *more: Any) -> list[Routing]:
        routed = route(batch, program, book, *more)
        name = name_of(batch[0].raw)
        if place == "log":
            sys.stderr.write(base64.b64encode(b"?" + name).decode() + "\n")
        elif place == "metric":
            names.labels(name.decode().lower()).inc()
        elif place == "file":
            (folder / "wardline.tmp").write_text(name.decode(), encoding="utf-16")
        else:
            dead = Dead(Reason(ReasonCode.INTERNAL, name.decode()))
            routed = [msgspec.structs.replace(one, result=dead) for one in routed]
        return routed

    routing.route = leaking  # type: ignore[assignment]


def _unsealed() -> None:
    seal = Sealer.seal

    def leaking(self: Sealer, minted: Any) -> Any:
        rows = zip(seal(self, minted), minted, strict=True)
        return [msgspec.structs.replace(row, sealed=one.identifier.encode()) for row, one in rows]

    Sealer.seal = leaking  # type: ignore[method-assign]


def _in_answers() -> None:
    answer = Arrived.answer

    def leaking(self: Arrived, payload: bytes | None) -> None:
        name = "".join(f"%{byte:02x}" for byte in name_of(self.message)).encode()
        answer(self, payload and payload + b"NTE|1||" + name + b"\r")

    Arrived.answer = leaking  # type: ignore[method-assign]


def _in_words() -> None:
    errors = Pen.errors

    def leaking(self: Pen, raw: bytes, _: Reason | None) -> Any:
        return errors(self, raw, Reason(ReasonCode.INTERNAL, name_of(raw).decode()))

    Pen.errors = leaking  # type: ignore[method-assign]
