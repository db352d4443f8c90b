"""One allow-list for all versions: nowhere laxer than that of the version a message says it has (P14).

A place that several versions have is read for nothing that one of them would not let it be read for. What a
version itself says is worked out here from its own tables: the datatype that the field has in it, and what
its components are called.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache

import pytest
from hl7apy import SUPPORTED_LIBRARIES

from engine.errors import Misconfigured
from engine.fhir.models import shape
from engine.fhir.path import Path
from engine.fhir.releases import Release
from engine.fhir.resource_types import TYPES
from engine.privacy.fhir_datatypes import inside
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_table import fhir_table
from engine.privacy.policy import MAY_READ, Policy
from engine.privacy.table import Row, v2_table

POLICY, TABLE = Policy(), v2_table()
VERSIONS = sorted(SUPPORTED_LIBRARIES, key=lambda version: [int(part) for part in version.split(".")])

SAME_AS = {"CE": "CWE", "CNE": "CWE", "CF": "CWE", "CM_INTERNAL_LOCATION": "PL", "LA1": "LA2"}
"""Datatypes that the table spreads a treatment over under another name."""

HIDDEN = re.compile(
    r"(^|_)(ROOM|BED(?!_STATUS)|FLOOR|ETAGE|BUILDING|KLINIK|ZENTRUM|STREET|CITY|ZIP|FAMILY|GIVEN|SURNAME|"
    r"LAST_NAME|FIRST_NAME|MIDDLE|SUFFIX|DEGREE(?!_OF)|PHONE|E_MAIL|DESCRIPTION|OTHER_DESIGNATION)(_|$)"
    r"|^(ALTERNATE_|ORIGINAL_|SECOND_ALTERNATE_)?TEXT(_|$)"
)
"""Names of components that pass of no person's field, whatever the version."""


def uses(treatment: str) -> set[str]:
    """What a place may be read for; a token where the version keeps the value counts as less."""
    return {use for use, readable in MAY_READ.items() if treatment in readable}


def is_laxer(ours: str, own: str) -> bool:
    return not uses(ours) <= uses(own) or (own == "token" and ours != "token" and uses(ours) != set())


@cache
def components(version: str) -> list[tuple[str, int, str, int, str]]:
    """Segment, field, datatype, component, name: all that a version has."""
    fields = importlib.import_module(f"{SUPPORTED_LIBRARIES[version]}.fields").FIELDS
    found = []
    for name, reference in fields.items():
        segment, _, number = name.rpartition("_")
        for part in (reference[1] if reference[0] == "sequence" else None) or ():
            at = int(part[0].rsplit("_", 1)[1])
            found.append((segment, int(number), reference[2], at, part[1][3]))
    return found


def own_treatment(row: Row, datatype: str, component: int) -> str:
    """What the version says: the component's row when it is of this datatype, else how the field's
    treatment spreads over this datatype, else the field's own."""
    own = TABLE.components.get((*place_of(row), component))
    if own is not None and datatype in (own.datatypes[0], SAME_AS.get(datatype)):
        return own.treatment
    meant = SAME_AS.get(datatype, datatype)
    if (row.treatment, meant) in TABLE.typed:
        spread = TABLE.types.get((row.treatment, meant, component))
        return "deny" if spread is None else spread.treatment
    return own.treatment if own is not None else row.treatment


def place_of(row: Row) -> tuple[str, int]:
    segment, _, field = row.path.partition("-")
    return segment, int(field)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_one_list_is_nowhere_laxer_than_the_version(version: str) -> None:
    looked_at = 0
    for segment, field, datatype, component, name in components(version):
        row = TABLE.fields.get((segment, field))
        ours = POLICY.treatment(segment, field, component).treatment
        own = "deny" if row is None else own_treatment(row, datatype, component)
        assert not is_laxer(ours, own), (version, segment, field, component, datatype, ours, own)
        if row is not None and row.subject not in ("item-or-site", "system") and row.treatment != "keep":
            hidden = bool(HIDDEN.search(name)) and not name.startswith(("NAME_OF", "NAMESPACE"))
            readable = uses(ours) - {"test", "whether"} if row.treatment == "engine" else uses(ours)
            assert not (hidden and readable), (version, segment, field, component, name, ours)
        looked_at += 1
    assert looked_at > 290


@pytest.mark.parametrize("version", VERSIONS)
def test_below_a_component_it_is_no_laxer_either(version: str) -> None:
    """Sub-components by their names: a room, a family name or a text passes nowhere."""
    looked_at = 0
    for segment, field, component, at, name in subcomponents(version):
        row = TABLE.fields.get((segment, field))
        if row is None or row.scope != "in" or row.subject == "item-or-site" or row.treatment == "keep":
            continue
        ours = POLICY.treatment(segment, field, component, at).treatment
        hidden = bool(HIDDEN.search(name))
        assert not (hidden and uses(ours) - {"test", "whether"}), (
            version,
            segment,
            field,
            component,
            at,
            name,
            ours,
        )
        looked_at += 1
    assert looked_at > 20 or version in ("2.1", "2.2")


def subcomponents(version: str) -> Iterator[tuple[str, int, int, int, str]]:
    fields = importlib.import_module(f"{SUPPORTED_LIBRARIES[version]}.fields").FIELDS
    for name, reference in fields.items():
        segment, _, number = name.rpartition("_")
        for part in (reference[1] if reference[0] == "sequence" else None) or ():
            inner = part[1]
            for below in (inner[1] if inner[0] == "sequence" else None) or ():
                component, at = int(part[0].rsplit("_", 1)[1]), int(below[0].rsplit("_", 1)[1])
                yield segment, int(number), component, at, below[1][3]


def test_what_no_parser_knows_is_of_the_newest_version_and_typed() -> None:
    """2.9.1 has no tables in hl7apy: its fields are those of the table, each with its datatype."""
    newest = [row for row in TABLE.fields.values() if row.since == "2.9.1"]
    assert len(newest) > 150
    for row in newest:
        assert row.datatypes
        rule = POLICY.treatment(*place_of(row))
        assert rule.treatment == row.treatment


# FHIR


RELEASES = ("R4B", "R5")
ROWS = {place: row for place, row in fhir_table().rows.items() if (place[0],) in fhir_table().elements}


def types_in(row: Row, release: str) -> list[str]:
    """The datatypes that an element has in a release; those written without one hold for all."""
    entries = [entry.partition("@") for entry in row.types.split()]
    known = [name for name, _, start in entries if not start or start <= release]
    return known[-1:]


@pytest.mark.parametrize("release", RELEASES)
def test_the_one_list_of_fhir_is_nowhere_laxer_than_the_release(release: str) -> None:
    policy, looked_at = FhirPolicy(), 0
    for place, row in ROWS.items():
        if (
            len(place) < 2
            or place[0] not in TYPES["R4B"] | TYPES["R5"]
            or release not in row.since.split("/")
        ):
            continue
        own = inside(types_in(row, release), row.treatment, ())
        ours = policy.leaf(Path.parse(".".join(place))).rule.treatment
        if own.treatment != "deny" and ours in ("keep", "token", "opdate", "year"):
            assert not is_laxer(ours, own.treatment), (release, place, ours, own)
            looked_at += 1
    assert looked_at > 250


@pytest.mark.parametrize("release", ["R4", "R4B", "R5"])
def test_P14_every_element_the_parser_knows_has_a_row(release: Release) -> None:
    listed = sorted({place[0] for place in ROWS} & TYPES[release])
    assert len(listed) > 40
    missing = {".".join(place) for type_ in listed for place in elements(release, type_)}
    missing -= {".".join(place) for place in ROWS}
    assert missing == set()


EVERYWHERE = {
    "id",
    "meta",
    "implicitRules",
    "language",
    "text",
    "contained",
    "extension",
    "modifierExtension",
}
"""Elements of which generic rows speak."""


def elements(release: Release, type_: str) -> Iterator[tuple[str, ...]]:
    """The elements of a type, and those of its own structures."""
    waiting: list[tuple[tuple[str, ...], str]] = [((type_,), type_)]
    seen = set[str]()
    while waiting:
        place, kind = waiting.pop()
        seen.add(kind)
        for name, element in shape(release, kind).elements.items():
            if name in EVERYWHERE:
                continue
            yield (*place, name)
            row = ROWS.get((*place, name))
            if element.primitive or row is None:
                continue
            if (
                row.treatment == "recurse"
                and element.kind.startswith(type_)
                and element.kind not in {*seen, "Resource"}
            ):
                waiting.append(((*place, name), element.kind))


def test_an_element_that_no_release_has_is_no_element() -> None:
    with pytest.raises(Misconfigured):
        FhirPolicy().leaf(Path.parse("Patient.socialSecurity"))
