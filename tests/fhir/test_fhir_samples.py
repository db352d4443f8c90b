"""Every SupplyRequest, SupplyDelivery and ChargeItem of the corpus, in each release: `samples.csv` says what
becomes of it, and was gone through by hand against the standard.

WARDLINE_SAMPLES=FILE writes what is found now."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.fhir.issues import Issue, Rejected
from engine.fhir.json_text import load
from engine.fhir.reading import read
from engine.fhir.releases import RELEASES, Release
from engine.fhir.validation import check, status_of
from tests.fhir.fhir_corpus import files, needs_corpus, resources

TABLE = Path(__file__).with_name("samples.csv")
TYPES = ("SupplyRequest", "SupplyDelivery", "ChargeItem")
WORDS = tuple(word.encode() for word in TYPES)


def _said(status: int, issues: list[Issue] | tuple[Issue, ...]) -> str:
    return f"{status} {issues[0].code} {issues[0].expression}"


def _verdict(resource: dict[str, Any], release: Release) -> str:
    issues = check(resource, release)
    return _said(status_of(issues), issues) if issues else "accepted"


def _verdict_of_xml(body: bytes, release: Release) -> tuple[str, str]:
    try:
        resource = read(body, "xml", release)
    except Rejected as refused:
        return "", _said(refused.status, refused.issues)
    return resource["resourceType"], _verdict(resource, release)


def _rows() -> Iterator[list[str]]:
    for name, body in files(".json", *WORDS):
        try:
            found = [part for part in resources(load(body)) if part["resourceType"] in TYPES]
        except Rejected:
            continue
        for number, part in enumerate(found, 1):
            verdicts = [_verdict(part, release) for release in RELEASES]
            yield [f"{name}#{number}", part["resourceType"], *verdicts]
    for name, body in files(".xml", *(b"<" + word for word in WORDS)):
        read_as = [_verdict_of_xml(body, release) for release in RELEASES]
        type_ = next((type_ for type_, _ in read_as if type_), "")
        if type_ in TYPES:
            yield [name, type_, *(verdict for _, verdict in read_as)]


@pytest.mark.corpus
@needs_corpus
def test_every_sample_becomes_what_the_table_says() -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["sample", "type", *RELEASES], *_rows()])
    if target := os.environ.get("WARDLINE_SAMPLES"):
        Path(target).write_text(text.getvalue())
    assert text.getvalue().splitlines() == TABLE.read_text().splitlines()


@pytest.mark.corpus
@needs_corpus
def test_each_release_accepts_its_own_samples() -> None:
    rows = list(csv.DictReader(TABLE.read_text().splitlines()))
    for type_ in TYPES:
        for release in RELEASES:
            assert any(row["type"] == type_ and row[release] == "accepted" for row in rows) or (
                (type_, release) == ("SupplyRequest", "R5")  # the corpus has none
            )
    older = [
        row
        for row in rows
        if any(word in row["sample"] for word in ("stu3", "Stu3", "R2ToR3", "r3r4.fhir.input"))
    ]
    assert older
    assert all(row[release].startswith("400 ") for row in older for release in RELEASES)
