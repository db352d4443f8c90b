"""Every SupplyRequest, SupplyDelivery and ChargeItem of the public corpus, sent to the running engine with
the shipped channels, in each release: what is valid is taken and becomes effects or a stated reason, the rest
is refused with the status and the path that `tests/fhir/samples.csv` has for it.

What became of them stands in `fhir_corpus.txt`; WARDLINE_FHIR_OUTCOMES=FILE writes what is found now."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fhir_engine import FhirEngine, outcome_of
from outcome_table import outcome_of as became

from engine.fhir.issues import Rejected
from engine.fhir.json_text import dump, load
from engine.fhir.releases import RELEASES, Release
from engine.fhir.stored import unpack
from engine.store.contracts.views import MessageView
from tests.fhir.fhir_corpus import files, needs_corpus, resources

TYPES = ("SupplyRequest", "SupplyDelivery", "ChargeItem")
WORDS = tuple(word.encode() for word in TYPES)
SAMPLES = Path(__file__).parents[1] / "fhir" / "samples.csv"
TABLE = Path(__file__).with_name("fhir_corpus.txt")
pytestmark = [pytest.mark.corpus, needs_corpus]


class Sent(NamedTuple):
    """A sample in a release, what was to be expected of it, and its answer."""

    name: str
    type: str
    release: Release
    expected: str
    answer: httpx.Response


def _samples() -> Iterator[tuple[str, str, str, bytes]]:
    """Name in the table, type, form and body of each sample."""
    for name, body in files(".json", *WORDS):
        try:
            found = [part for part in resources(load(body)) if part["resourceType"] in TYPES]
        except Rejected:
            continue
        for number, part in enumerate(found, 1):
            yield f"{name}#{number}", part["resourceType"], "json", dump(part)
    for name, body in files(".xml", *(b"<" + word for word in WORDS)):
        yield name, "", "xml", body


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FhirEngine]:
    running = FhirEngine(tmp_path_factory.mktemp("corpus"), identifiers="any")  # of examples
    running.start("loud")
    try:
        yield running
        assert running.stop() == 0
    finally:
        if running.runs:
            running.kill()


@pytest.fixture(scope="module")
def sent(engine: FhirEngine) -> list[Sent]:
    rows = {row["sample"]: row for row in csv.DictReader(SAMPLES.read_text().splitlines())}
    found = []
    for release in RELEASES:
        with engine.client(release) as client:
            for name, type_, form, body in _samples():
                if name in rows:
                    kind = type_ or rows[name]["type"]
                    mime = {"Content-Type": f"application/fhir+{form}"}
                    answer = client.post(f"/{kind}", content=body, headers=mime)
                    found.append(Sent(name, kind, release, rows[name][release], answer))
    assert len(found) == 3 * len(rows)
    return found


def test_each_is_answered_as_it_deserves(sent: list[Sent]) -> None:
    for one in sent:
        if one.expected == "accepted":
            assert one.answer.status_code == 201, (one.name, one.release, one.answer.text)
            continue
        issue = outcome_of(one.answer)
        said = f"{one.answer.status_code} {issue['code']} {issue.get('expression', [''])[0]}"
        assert said == one.expected, (one.name, one.release)


def test_what_was_taken_becomes_effects_or_a_reason(engine: FhirEngine, sent: list[Sent]) -> None:
    told: Counter[tuple[str, Release, str]] = Counter()
    views = _by_address(engine)
    for one in sent:
        if one.answer.status_code == 201:
            view = views[one.release, one.type, one.answer.json()["id"]]
            assert view.state.value in ("delivered", "filtered", "dead")
            assert view.reason is None or view.reason.code.value != "internal"
            told[one.type, one.release, became(view)] += 1
        else:
            told[one.type, one.release, f"refused {one.expected}"] += 1
    table = "".join(
        f"{type_:<15}{release:<5}{count:>3}  {what}\n"
        for (type_, release, what), count in sorted(told.items())
    )
    if target := os.environ.get("WARDLINE_FHIR_OUTCOMES"):
        Path(target).write_text(table)
    assert table == TABLE.read_text()


def _by_address(engine: FhirEngine) -> dict[tuple[str, str, str], MessageView]:
    """What became of each stored resource."""
    views = engine.settle()
    found = {}
    with engine.store() as store:
        for view in views:
            stored = unpack(store.content(view.id))
            found[stored.release, stored.type, stored.id] = view
    return found


@pytest.fixture(scope="module")
def whole(engine: FhirEngine, sent: list[Sent]) -> list[tuple[str, httpx.Response]]:
    """Every file of the corpus as it is, sent to where its root belongs, and its answer."""
    found = []
    with engine.client() as client:
        for form, root in (("json", rb'"resourceType"\s*:\s*"(\w+)"'), ("xml", rb"<([A-Z]\w+)[ >]")):
            for name, body in files(f".{form}", b""):
                kind = re.search(root, body[:5000])
                place = f"/{kind[1].decode()}" if kind and kind[1] != b"Bundle" else ""
                mime = {"Content-Type": f"application/fhir+{form}"}
                found.append((name, client.post(place, content=body, headers=mime)))
    return found


def test_every_file_is_taken_or_refused(engine: FhirEngine, whole: list[tuple[str, httpx.Response]]) -> None:
    for name, answer in whole:
        assert answer.status_code in (200, 201, 400, 404, 405, 413, 422), name
        if answer.status_code >= 400:
            assert outcome_of(answer)["severity"] == "error", name
    assert len(whole) > 1000
    views = engine.settle()
    assert {view.state.value for view in views} == {"delivered", "filtered", "dead"}
    assert not [view for view in views if view.reason and view.reason.code.value == "internal"]
    assert not [line for line in engine.logs if "request failed" in line or "Traceback" in line]


def test_nothing_that_people_read_goes_out(
    engine: FhirEngine, whole: list[tuple[str, httpx.Response]]
) -> None:
    """Names, displays, narratives of the corpus: not in logs, not in what left the engine."""
    words: set[str] = set()
    for _, body in files(".json", b""):
        with suppress(ValueError):
            words.update(_read(json.loads(body)))
    assert len(words) > 1000
    metrics = re.sub(r"^# HELP .*$", "", engine.metrics(), flags=re.MULTILINE)  # our own words
    said = "\n".join([*engine.logs, metrics, *map(str, engine.ledger())])
    assert [word for word in words if word in said] == []


def _read(node: Any, under: bool = False) -> Iterator[str]:
    if isinstance(node, dict):
        for name, part in node.items():
            yield from _read(part, name in ("display", "text", "div", "family", "given", "note"))
    elif isinstance(node, list):
        for part in node:
            yield from _read(part, under)
    elif under and isinstance(node, str) and len(node) > 8:
        yield node
