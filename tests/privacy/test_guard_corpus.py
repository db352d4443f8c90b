"""The guard over the public corpus: what it would stop if every place that passes were sent out as it is.

`found_in_passing.csv` lists each place where a value that identifies stands, and was gone through by hand:
the same number out of place, a person in the wrong field, or a made-up patient called like a system (`ISO`).
None of it comes through a shipped channel.

WARDLINE_FOUND=FILE writes what is found now."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from corpus_messages import CORPUS, all_messages

from engine.config.cases.aliases import AliasBook
from engine.config.loading import load_channels
from engine.egress import leak_of
from engine.errors import Unacceptable
from engine.hl7.document import Document
from engine.model import StoredMessage
from engine.pipeline import route
from engine.privacy.harvest import Harvester
from engine.privacy.matching import Identities
from engine.privacy.policy import Policy

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout"),
]

TABLE = Path(__file__).with_name("found_in_passing.csv")
CHANNELS = Path(__file__).parents[2] / "channels"
POLICY = Policy()


@cache
def passes(segment: str, field: int, component: int, subcomponent: int) -> bool:
    return POLICY.treatment(segment, field, component, subcomponent).treatment == "keep"


def passing(document: Document) -> Iterator[tuple[str, str]]:
    """Place and value of every leaf that a channel may send out as it is."""
    for fields in document.segments():
        for field in range(1, len(fields)):
            if fields[0] != "MSH":
                for text in document.repetitions(fields, field):
                    yield from leaves(document, fields[0], field, text)


def leaves(document: Document, segment: str, field: int, text: str) -> Iterator[tuple[str, str]]:
    for component, part in enumerate(document.components(text), 1):
        for subcomponent in range(1, len(document.subcomponents(part)) + 1):
            value = document.part(text, component, subcomponent)
            if isinstance(value, str) and passes(segment, field, component, subcomponent):
                yield f"{segment}-{field}.{component}.{subcomponent}", value


def test_whatever_is_found_in_a_place_that_passes_was_looked_at() -> None:
    harvester, found, compared = Harvester(POLICY), dict[tuple[str, str], str](), 0
    for message in all_messages():
        with suppress(Unacceptable):
            document = Document.parse(message.raw, default_charset="latin-1")
            known = Identities(harvester.of(document))
            for place, value in passing(document):
                compared += 1
                row = known.row_in(value)
                if row:
                    found.setdefault((place, row), message.name)
    assert compared > 100_000
    written = io.StringIO()
    rows = [("place", "row", "first"), *((place, row, name) for (place, row), name in sorted(found.items()))]
    csv.writer(written, lineterminator="\n").writerows(rows)
    if target := os.environ.get("WARDLINE_FOUND"):
        Path(target).write_text(written.getvalue())
    assert written.getvalue() == TABLE.read_text()


@pytest.mark.parametrize("channel", load_channels(CHANNELS), ids=lambda channel: channel.spec.channel)
def test_no_shipped_channel_lets_anybody_of_the_corpus_out(channel) -> None:  # type: ignore[no-untyped-def]
    if channel.program.fhir:
        pytest.skip("samples of FHIR go through tests/fhir/test_fhir_corpus_shipped.py")
    for number, message in enumerate(all_messages(), 1):
        stored = StoredMessage(number, channel.program.channel, message.raw, 1.79e9)
        (routing,) = route([stored], channel.program, AliasBook())
        assert leak_of(routing, stored, channel.program, date.max, {}, set()) is None, message.name
