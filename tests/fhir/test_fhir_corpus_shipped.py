"""Every SupplyRequest, SupplyDelivery and ChargeItem of the corpus through the shipped channels, in each
release that takes it: `shipped.csv` says what comes of it, and was gone through by hand.

WARDLINE_SHIPPED=FILE writes what is found now."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhir_corpus import files, needs_corpus, resources

from engine.config.cases.fhir_rehearsal import ResourceTrial
from engine.config.loading import LoadedChannel, load_channel
from engine.fhir.issues import Rejected
from engine.fhir.json_text import dump, load
from engine.fhir.reading import read
from engine.fhir.releases import RELEASES, Release
from engine.fhir.stored import Stored, pack

TABLE = Path(__file__).with_name("shipped.csv")
CHANNELS = Path(__file__).parents[2] / "channels"
TYPES = {
    "SupplyRequest": "supply-requests",
    "SupplyDelivery": "supply-requests",
    "ChargeItem": "charge-items",
}
WORDS = tuple(word.encode() for word in TYPES)


def _verdict(channel: LoadedChannel, body: bytes, type_: str, release: Release) -> str:
    """What comes of a sample that is created, with nothing else stored."""
    tried = ResourceTrial(channel).say(pack(Stored(release, type_, "sample", 1, False, body)))
    if tried.state == "refused":
        return "refused"
    if tried.state == "effects":
        return "+".join(word for effect in tried.effects for word in effect)
    if tried.state == "filtered":
        return f"filtered {tried.step}"
    assert tried.reason is not None
    return f"{tried.reason.code} {tried.reason.place}"


def _samples() -> Iterator[tuple[str, str, bytes]]:
    for name, body in files(".json", *WORDS):
        try:
            found = [one for one in resources(load(body)) if one["resourceType"] in TYPES]
        except Rejected:
            continue
        for number, one in enumerate(found, 1):
            yield f"{name}#{number}", one["resourceType"], dump(one)
    for name, body in files(".xml", *(b"<" + word for word in WORDS)):
        one = _read_xml(body)
        if one is not None and one["resourceType"] in TYPES:
            yield name, one["resourceType"], dump(one)


def _read_xml(body: bytes) -> dict[str, Any] | None:
    """The resource, as the first release that knows its elements reads it."""
    for release in RELEASES:
        try:
            return read(body, "xml", release)
        except Rejected:
            continue
    return None


def _rows() -> Iterator[list[str]]:
    channels = {name: load_channel(CHANNELS / f"{name}.yaml") for name in sorted(set(TYPES.values()))}
    for name, type_, body in _samples():
        verdicts = [_verdict(channels[TYPES[type_]], body, type_, release) for release in RELEASES]
        if set(verdicts) != {"refused"}:
            yield [name, type_, *verdicts]


@needs_corpus
def test_every_sample_becomes_effects_or_a_stated_reason() -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sample", "type", *RELEASES])
    writer.writerows(_rows())
    if "WARDLINE_SHIPPED" in os.environ:
        Path(os.environ["WARDLINE_SHIPPED"]).write_text(text.getvalue())
    assert text.getvalue() == TABLE.read_text()
