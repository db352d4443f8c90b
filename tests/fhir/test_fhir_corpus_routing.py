"""Every SupplyRequest, SupplyDelivery and ChargeItem of the corpus through a channel: effects, or a reason
that is no bug, and nothing of what a sender wrote for people goes out."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fhir_channel import CHANNEL, channel_in, packed

from engine.config.cases.aliases import AliasBook
from engine.effects import encode
from engine.fhir.stored import Stored, pack
from engine.gathering import gather
from engine.model import Dead, Filtered, ReasonCode, Routed, StoredMessage
from engine.pipeline import route
from engine.resources import ResourceKey, Version
from tests.fhir.fhir_corpus import files, needs_corpus, resources

TYPES = ("SupplyRequest", "SupplyDelivery", "ChargeItem", "Patient")
WORDS = frozenset(
    {"display", "text", "div", "family", "given", "line", "city", "birthDate", "note", "author"}
)
"""Elements that hold what people read."""


LOOSE = (
    ("Concept[items]", "Concept or SupplyRequest.item"),
    ("itemReference->Medication.code", "itemReference->Medication.code or literal(X)"),
    ("deliverTo[Location]", "deliverTo[Location] or literal(WH)"),
    ("quantity: ChargeItem.quantity", "quantity: ChargeItem.quantity | default(1)"),
    ("ChargeItem.encounter\n", "ChargeItem.encounter or ChargeItem.account\n"),
    ("location: SupplyDelivery.destination", "location: literal(WH)"),
)
"""A channel that insists on little: what stands in the sample, what stands there instead."""


def samples() -> Iterator[dict[str, Any]]:
    for _, body in files(".json", *(f'"{type_}"'.encode() for type_ in TYPES[:3])):
        try:
            read = json.loads(body)
        except ValueError:
            continue
        yield from (one for one in resources(read) if one["resourceType"] in TYPES)


def said(node: Any, under: bool = False) -> Iterator[str]:
    """Texts for people, long enough to be nobody's code."""
    if isinstance(node, dict):
        for name, part in node.items():
            yield from said(part, name in WORDS)
    elif isinstance(node, list):
        for part in node:
            yield from said(part, under)
    elif under and isinstance(node, str) and len(node) > 5 and not node.isdecimal():
        yield node


@pytest.mark.corpus
@needs_corpus
@pytest.mark.parametrize("release", ["R4", "R5"])
def test_whatever_is_stored_becomes_effects_or_a_reason(tmp_path: Path, release: str) -> None:
    text = CHANNEL
    for before, after in LOOSE:
        assert before in text
        text = text.replace(before, after)
    program = channel_in(tmp_path, text.replace("systems: {items: 'urn:i'}\n", "")).program
    came: dict[str, int] = {}
    for number, sample in enumerate(samples(), 1):
        raw = packed(sample["resourceType"], f"id-{number}", sample, release=release)
        (routing,) = route([StoredMessage(number, "supply", raw, 0.0)], program, AliasBook())
        result = routing.result
        came[type(result).__name__] = came.get(type(result).__name__, 0) + 1
        assert isinstance(result, Routed | Filtered | Dead)
        if isinstance(result, Dead):
            assert result.reason.code != ReasonCode.INTERNAL, sample["resourceType"]
        out = b"".join(map(encode, result.effects)).decode() if isinstance(result, Routed) else str(result)
        assert not [text for text in said(sample) if text in out]
    assert came["Routed"] > 10
    assert sum(came.values()) > 30


JUNK: list[Any] = [
    None, True, 0, -1, 3.5, "", "x", "#", "#p", "Patient/7", [], {}, [None], [[1]], {"value": {}},
    {"reference": "Patient/7"}, {"coding": 5}, {"identifier": "x"}, {"type": {"coding": [7]}, "value": 3},
]  # fmt: skip


def spoilt(node: Any, dice: random.Random) -> Any:
    """The same with junk somewhere in it."""
    if isinstance(node, dict) and node and dice.random() < 0.9:
        name = dice.choice(list(node))
        return {**node, name: dice.choice(JUNK) if dice.random() < 0.4 else spoilt(node[name], dice)}
    if isinstance(node, list) and node:
        at = dice.randrange(len(node))
        return [*node[:at], spoilt(node[at], dice), *node[at + 1 :]]
    return dice.choice(JUNK)


@pytest.mark.corpus
@needs_corpus
def test_a_spoilt_resource_or_link_meets_no_bug(tmp_path: Path) -> None:
    program, dice, there = channel_in(tmp_path).program, random.Random(7), list(samples())

    def fetch(keys: Sequence[ResourceKey]) -> dict[ResourceKey, Version]:
        bodies = [json.dumps(spoilt(dice.choice(there), dice)).encode() for _ in keys]
        return {
            key: Version(key, 1, 0.0, False, 1, 1, "", "", "", b"", body)
            for key, body in zip(keys, bodies, strict=True)
        }

    for number in range(1, 1000):
        sample = dice.choice(there)
        type_, body = sample["resourceType"], spoilt(spoilt(sample, dice), dice)
        raw = pack(Stored("R4", type_, f"id-{number}", 1, dice.random() < 0.1, json.dumps(body).encode()))
        batch = [StoredMessage(number, "supply", raw, 0.0)]
        (routing,) = route(batch, program, AliasBook(), links=gather(batch, program, fetch))
        if isinstance(routing.result, Dead):
            assert routing.result.reason.code != ReasonCode.INTERNAL, json.dumps(body)
