"""Ways to spoil a resource, its bytes, its markup, a path: what clients with faults send, and attackers."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

__all__ = ["CANARY", "ODD", "canary", "spoil_bytes", "spoil_markup", "spoil_path", "spoiled"]

CANARY: Final = "zqCanary"


def canary(dice: Random) -> str:
    """A word that nobody else says."""
    return f"{CANARY}{dice.randrange(1 << 20):05x}"


ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1e308,
    10**30,
    10**400,
    -0.0,
    1.10,
    "",
    " ",
    CANARY,
    f"{CANARY}\x00",
    "\ud800",
    "a" * 5000,
    [],
    {},
    [None],
    [[]],
    {"": ""},
    {CANARY: CANARY},
    {"extension": []},
    {"reference": "#"},
    {"reference": "urn:uuid:x"},
    {"reference": f"http://127.0.0.1:9/{CANARY}"},
    "2026-13-45",
    "9999-99-99T99:99:99Z",
    "0000",
    "../..",
    "1e5",
    "https://hospital.example/items",
    {"resourceType": CANARY},
    {"resourceType": "Bundle"},
    [{"value": CANARY}],
    {"coding": [{"system": CANARY, "code": CANARY}]},
    {"value": "2"},
    {"value": 1e-30},
    {"value": -2},
    "<!--",
    "]]>",
    "\ufeff",
    "\u202e",
)


def spoiled(dice: Random, value: Any, chance: float = 0.7) -> Any:
    """A value with a few of its parts replaced, gone, doubled or renamed."""
    if dice.random() > chance:
        return value
    for _ in range(dice.choice([1, 1, 1, 2, 5])):
        holders = list(_holders(value))
        if holders:
            _spoil_one(dice, dice.choice(holders), holders)
    return value


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list) and value:
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _holders(item)


def _spoil_one(dice: Random, holder: Any, holders: list[Any]) -> None:
    at: Any = dice.choice(list(holder)) if isinstance(holder, dict) else dice.randrange(len(holder))
    other = deepcopy(dice.choice([*ODD, *holders[:20]]))
    match dice.randrange(6):
        case 0:
            del holder[at]
        case 1 | 2:
            holder[at] = other
        case 3:
            holder[at] = [holder[at], other] if dice.random() < 0.5 else [holder[at]]
        case 4 if isinstance(holder, dict):
            holder[dice.choice([f"_{at}", f"{at}x", CANARY, "id", "extension", "value", "valueQuantity"])] = (
                other
            )
        case _ if isinstance(holder, dict):
            holder[dice.choice([CANARY, "modifierExtension", "contained", "meta", "implicitRules"])] = other
        case _:
            holder.append(other)


def spoil_bytes(dice: Random, body: bytes) -> bytes:
    """Bytes with a stretch gone, doubled or changed."""
    if not body:
        return dice.choice([b"", b"{", b"\0", b"null", b"[]", b"\xff\xfe", b'"' + CANARY.encode() + b'"'])
    at = dice.randrange(len(body))
    end = min(len(body), at + dice.choice([1, 1, 4, 50]))
    match dice.randrange(5):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + body[end:]
        case 2:
            return body[:end] + body[at:]
        case 3:
            return body[:at] + dice.randbytes(end - at) + body[end:]
    return (
        body[:at]
        + dice.choice([b"{", b"}", b"[", b'"', b",", b"<", b"&", b"\0", b"[" * 3000, b"\\u0000"])
        + body[at:]
    )


def spoil_markup(dice: Random, body: bytes) -> bytes:
    """XML with something in it that a parser might do."""
    head = dice.choice(
        [
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
            b'<!DOCTYPE a [<!ENTITY x "y">]>',
            b'<?xml version="1.0" encoding="utf-7"?>',
            b'<?xml version="1.1"?>',
            b"<?x y?>",
            b"<!-- x -->",
            b"\xef\xbb\xbf",
            b"",
        ]
    )
    inner = dice.choice(
        [
            b"&x;",
            b"&#0;",
            b"<![CDATA[x]]>",
            b"<x/>",
            b'<xi:include href="file:///etc/passwd"/>',
            b'<status value="active"/>',
            b'<status xmlns="urn:x" value="a"/>',
            CANARY.encode(),
            b'<extension url="zqCanary"><valueString value=""/></extension>',
        ]
    )
    at = body.find(b">", dice.randrange(max(1, len(body)))) + 1
    return head + body[:at] + inner + body[at:]


def spoil_path(dice: Random, path: str) -> str:
    parts = path.split("/")
    at = dice.randrange(len(parts))
    parts[at] = dice.choice(
        [
            "..",
            ".",
            "",
            "%2e%2e",
            "%00",
            "%",
            "%ff",
            canary(dice),
            "$everything",
            "_history",
            "a" * 3000,
            "_search",
            "R4",
            "R6",
            "metadata",
            "SupplyRequest",
        ]
    )
    return "/".join(parts) if parts[0] or len(parts) > 1 else "/"
