"""What a proof sends, all made before anything runs: the same for the same seed, and its hash says so."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from engine.config.loading import LoadedChannel
from engine.fhir import json_text
from engine.fhir.releases import RELEASES
from engine.fhir.resource_types import TYPES
from engine.privacy.fhir_table import fhir_table
from engine.proof import fhir_traffic, hl7_traffic
from engine.proof.canaries import Canaries
from engine.proof.channels import FILES, FORWARDS, READS, STRICT
from engine.proof.fhir_resources import resources_of
from engine.proof.fhir_traffic import Request
from engine.proof.hl7_messages import FIELDS
from engine.proof.hl7_traffic import Sent
from engine.proof.overlaid import overlaid_messages, overlaid_resources

__all__ = ["Plan", "make_plan"]

_ASKED: Final = ("SupplyRequest", "Patient")


class Plan(NamedTuple):
    """Messages, pieces that come in order, files with their names, requests, and messages by chance."""

    canaries: Canaries
    messages: list[Sent]
    files: list[tuple[str, Sent]]
    noise: list[bytes]
    creates: list[Request]
    requests: list[Request]
    chance: list[Sent]
    hash: str


def make_plan(seed: int, channels: Sequence[LoadedChannel], chance: int, rows: str = "*") -> Plan:
    """Everything that is sent with this seed to these channels; `rows` is a pattern of rows (`PID-*`)."""
    canaries = Canaries(seed)
    segments = frozenset(one for one in FIELDS if fnmatch.fnmatch(one, rows.partition("-")[0]))
    messages = list(hl7_traffic.table_messages(canaries, (FORWARDS, READS), only=segments))
    messages += hl7_traffic.table_messages(canaries, (STRICT,), only=segments & _SMALL)
    for door in (FORWARDS, STRICT):
        messages += hl7_traffic.unusual(canaries, door)
        messages += hl7_traffic.pieces(canaries, door)
        messages.append(hl7_traffic.batch(canaries, door))
    creates: list[Request] = []
    doors = [(FORWARDS, "ADT^A01")] if not channels else []
    for channel in channels:
        if channel.spec.source.fhir is None:
            messages += overlaid_messages(channel, canaries)
            doors += _door(channel)
        else:
            creates += _overlaid(channel, canaries)
    creates += _everything(canaries, rows)
    requests = [
        request
        for type_ in _ASKED
        for release in RELEASES
        for request in (
            *fhir_traffic.named_by_whom(canaries, type_, release),
            *fhir_traffic.around(canaries, type_, release),
        )
    ]
    files = list(hl7_traffic.files(canaries, FILES))
    noise = list(hl7_traffic.noise(canaries))
    by_chance = list(hl7_traffic.by_chance(canaries, doors, chance, seed))
    parts = [messages, files, noise, creates, requests, by_chance]
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    return Plan(canaries, messages, files, noise, creates, requests, by_chance, digest)


_SMALL: Final = frozenset({"EVN", "PID", "PD1", "NK1", "PV1", "PV2", "AL1", "DG1", "GT1", "IN1"})


def _door(channel: LoadedChannel) -> list[tuple[str, str]]:
    """A channel's name with the first type of message that it takes, if that comes over a socket."""
    source = channel.spec.source.mllp
    if source is None:
        return []
    kind = source.message_types[0]
    return [(channel.spec.channel, kind if "^" in kind else f"{kind}^A01")]


def _overlaid(channel: LoadedChannel, canaries: Canaries) -> list[Request]:
    return [
        Request(name, stored.release, "POST", f"/{stored.type}", json_text.dump(body))
        for name, stored, body in overlaid_resources(channel, canaries)
        if not stored.deleted
    ]


def _everything(canaries: Canaries, rows: str) -> list[Request]:
    """Every element of every type that the table knows, of every release that has it."""
    types = sorted({place[0] for place in fhir_table().elements})
    return [
        fhir_traffic.creates(made, release)
        for release in RELEASES
        for type_ in types
        if type_ in TYPES[release] and fnmatch.fnmatch(type_, rows.partition(".")[0])
        for made in resources_of(type_, release, canaries)
    ]
