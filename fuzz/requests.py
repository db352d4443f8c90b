"""Requests to the FHIR door, each a mixture of right and wrong that one number stands for.

A request is built from valid parts and then spoiled: at random places of its resource, of the bytes of its
body, its path, query, headers. What a sender would call content is `CANARY` with something behind it, so that
an answer or a log that repeats any of it is recognised.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple

from engine.fhir.releases import RELEASES
from fuzz.kinds import KINDS
from fuzz.right import Node
from fuzz.spoiling import CANARY, spoil_bytes, spoil_path
from fuzz.words import UNFRAMED, authority, wishes

__all__ = ["Request", "make"]

_METHODS: Final = f"HEAD OPTIONS TRACE GET POST PUT PATCH DELETE {CANARY.upper()}".split()
_ENCODINGS: Final = ["gzip", "gzip", "deflate", CANARY]


class Request(NamedTuple):
    """One request as it goes over the wire. `framed` is whether its head says truly how long it is: after
    one that does not, the connection is of no use."""

    method: str
    target: str
    headers: list[str]
    body: bytes = b""
    framed: bool = True

    @property
    def raw(self) -> bytes:
        """As it goes over the wire."""
        lines = [f"{self.method} {self.target} HTTP/1.1", *self.headers, "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + self.body


def make(dice: Random, key: str, known: Sequence[str], samples: Sequence[Node] = ()) -> Request:
    """A request. `key` is one that opens the door, `known` are addresses of resources that are there
    (`SupplyRequest/1`), `samples` are resources of others beside our own."""
    release = dice.choice(RELEASES)
    kind = dice.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
    method, path, headers, body = KINDS[kind][1](dice, release, known, samples)
    headers = {"Host": "fuzz", **authority(dice, key), **headers, **wishes(dice)}
    if body and dice.random() < 0.05:
        body, headers["Content-Encoding"] = gzip.compress(body, 1, mtime=0), dice.choice(_ENCODINGS)
    if dice.random() < 0.06:
        body = spoil_bytes(dice, body)
    if dice.random() < 0.03:
        method = dice.choice(_METHODS)
    target = path if kind in ("token", "smart") else f"/fhir/{release}{path}"
    if dice.random() < 0.03:
        target = spoil_path(dice, target)
    return _framed(dice, method, target, headers, body)


def _framed(dice: Random, method: str, target: str, headers: dict[str, str], body: bytes) -> Request:
    """With the length of its body; one in a hundred lies about it, or has a head that is none."""
    lines = [f"{name}: {_printable(value)}" for name, value in headers.items()]
    if dice.random() < 0.01:
        spoiled = dice.choice([*UNFRAMED, f"Content-Length: {len(body) + 10}"])
        return Request(method, target, [*lines, spoiled], body, framed=False)
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return Request(method, target, lines, body)


def _printable(value: str) -> str:
    return "".join(letter for letter in value if letter >= " " and letter != "\x7f")
