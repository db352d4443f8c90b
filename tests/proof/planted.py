"""`wardline` with leaks in it: `python planted.py ARGUMENTS …`. Each lets another field of one patient out at
another place, each time in another spelling; only this process is patched."""

from __future__ import annotations

import base64
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import Counter

from demo.session import Session
from engine import cli, routing
from engine.app import node
from engine.model import Dead, Reason, ReasonCode, Routed, Routing
from engine.telemetry import REGISTRY
from mllp.connection import Arrived

FIELDS = {
    "log": 5, "metric": 6, "answer": 9, "effect key": 11, "effect value": 12, "exception": 13, "reason": 14,
    "page": 20, "file name": 21, "memory": 23, "Odoo field": 19,
}  # fmt: skip
"""Where it gets out → which field of PID."""

SPOILED = {
    ("proof-reads", b"2.4"): "effect key",
    ("proof-reads", b"2.5"): "effect value",
    ("proof-strict", b"2.9"): "reason",
}
"""What can be spoiled once a message only: in which channel, in the message of which version."""

_seen: list[str] = []
_written: list[str] = []


def value_of(raw: bytes, place: str) -> str:
    """The field's first component."""
    fields = raw.partition(b"\rPID|")[2].partition(b"\r")[0].split(b"|")
    number = FIELDS[place]
    text = fields[number - 1] if len(fields) >= number else b""
    return text.partition(b"~")[0].partition(b"^")[0].partition(b"&")[0].decode()


def spoil(route: Callable[..., list[Routing]]) -> Callable[..., list[Routing]]:
    names = Counter("wardline_names", "A planted leak.", ["name"], registry=REGISTRY)

    def leaking(batch: Any, *more: Any, **named: Any) -> list[Routing]:
        routed = route(batch, *more, **named)
        for at, (message, one) in enumerate(zip(batch, routed, strict=True)):
            routed[at] = _spoiled(message.channel, one, message.raw)
            if message.channel != "proof-strict" or not value_of(message.raw, "log"):
                continue
            sys.stderr.write(base64.b64encode(b"?" + value_of(message.raw, "log").encode()).decode() + "\n")
            names.labels(value_of(message.raw, "metric").lower()).inc()
            traceback.print_exception(ValueError(value_of(message.raw, "exception")))
            Path(os.environ["TMPDIR"], f"{value_of(message.raw, 'file name')}.part").touch()
            _seen.append(value_of(message.raw, "page"))
            if "PLANTED_ODOO" in os.environ and not _written:
                _written.append(_into_odoo(value_of(message.raw, "Odoo field")))
        return routed

    return leaking


def _spoiled(channel: str, one: Routing, raw: bytes) -> Routing:
    place = SPOILED.get((channel, (raw.split(b"|", 12) + [b""] * 12)[11]), "")
    if place == "reason":
        return msgspec.structs.replace(
            one, result=Dead(Reason(ReasonCode.INTERNAL, value_of(raw, place)[::-1]))
        )
    if not place or not isinstance(one.result, Routed) or not one.result.effects:
        return one
    field = {"effect key": "key", "effect value": "name"}[place]
    spoiled = {field: f"for {value_of(raw, place).lower()}"}
    effects = tuple(msgspec.structs.replace(effect, **spoiled) for effect in one.result.effects)
    return msgspec.structs.replace(one, result=msgspec.structs.replace(one.result, effects=effects))


def _into_odoo(value: str) -> str:
    """A note of a partner; the environment says how to get in."""
    with Session(*json.loads(os.environ["PLANTED_ODOO"])) as admin:
        admin.call("res.partner", "create", [{"name": "Ward", "comment": value[::-1]}])
    return value


def main() -> None:
    routing.route = spoil(routing.route)  # type: ignore[assignment]
    answer, parts = Arrived.answer, node.Node.parts

    def answered(self: Arrived, payload: bytes | None) -> None:
        name = "".join(f"%{byte:02x}" for byte in value_of(self.message, "answer").encode()).encode()
        answer(self, payload and payload + b"NTE|1||" + name + b"\r")

    def shown(self: Any) -> dict[str, Any]:
        return {
            **parts(self),
            **dict.fromkeys(("".join(f"&#{ord(one)};" for one in name) for name in _seen), "ready"),
        }

    Arrived.answer = answered  # type: ignore[method-assign]
    node.Node.parts = shown  # type: ignore[method-assign]
    cli.main()


if __name__ == "__main__":
    main()
