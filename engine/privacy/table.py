"""The reviewed table of what is PHI and what becomes of it: `phi.csv.gz`, packed as it was written.

Repack after a review with `python -m engine.privacy.table ../shared/spec/phi.csv`; a test keeps the
two equal. `datatypes.csv` lists the components each datatype ever had (regenerate it as
`tests/privacy/datatypes_from_hl7apy.py` says); what lies beyond it is denied.
"""

from __future__ import annotations

import csv
import gzip
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import msgspec

__all__ = ["Row", "V2Table", "components_of", "fhir_rows", "pack", "v2_rows", "v2_table"]


class Row(NamedTuple):
    """One line of the table; the columns are explained in the specification (PHI, section 1)."""

    kind: str
    path: str
    name: str
    types: str  # `ID@2.1 CE@2.2`: the datatype and the version where it starts
    since: str
    withdrawn: str
    repeats: str
    subject: str
    phi_class: str
    letter: str  # of the 18 identifiers of 45 CFR 164.514(b)(2)(i)
    gdpr: str
    treatment: str
    option: str  # the most that a channel may do instead
    domain: str  # the token domain's word
    scope: str
    source: str
    note: str

    @property
    def datatypes(self) -> list[str]:
        """The datatypes this place ever had, oldest first."""
        return [entry.partition("@")[0] for entry in self.types.split()]


class V2Table(msgspec.Struct, frozen=True):
    """The v2 rows by what they speak of."""

    fields: dict[tuple[str, int], Row]
    components: dict[tuple[str, int, int], Row]
    types: dict[tuple[str, str, int], Row]  # treatment of the field, datatype, component
    typed: frozenset[tuple[str, str]]  # the (treatment, datatype) pairs that `types` spells out


@cache
def v2_table() -> V2Table:
    """The v2 half of the table, read once (about 15 ms)."""
    fields: dict[tuple[str, int], Row] = {}
    components: dict[tuple[str, int, int], Row] = {}
    types: dict[tuple[str, str, int], Row] = {}
    for row in v2_rows():
        if row.kind == "v2field":
            segment, field = row.path.split("-")
            fields[segment, int(field)] = row
        elif row.kind == "v2comp":
            segment, _, rest = row.path.partition("-")
            field, component = rest.split(".")
            components[segment, int(field), int(component)] = row
        elif row.kind == "v2type":
            place, _, treatment = row.path.partition(" when field is ")
            datatype, component = place.split(".")
            types[treatment, datatype, int(component)] = row
    return V2Table(fields, components, types, frozenset((treatment, type_) for treatment, type_, _ in types))


def v2_rows() -> list[Row]:
    """Every row about HL7 v2, as written."""
    return _rows("v2")


def fhir_rows() -> list[Row]:
    """Every row about FHIR, as written."""
    return _rows("fhir")


@cache
def components_of(datatype: str) -> tuple[tuple[str, ...], ...]:
    """Per component of a composite datatype the datatypes it ever had; empty for a primitive one."""
    return _datatypes().get(datatype, ())


def pack(source: Path, target: Path) -> None:
    """Pack the table: the same bytes in, the same file out."""
    target.write_bytes(gzip.compress(source.read_bytes(), 9, mtime=0))


@cache
def _datatypes() -> dict[str, tuple[tuple[str, ...], ...]]:
    lines = files(__package__).joinpath("datatypes.csv").read_text().splitlines()[1:]
    split = (line.split(",") for line in lines)
    return {name: tuple(tuple(entry.split()) for entry in listed.split(";")) for name, listed in split}


def _rows(kind: str) -> list[Row]:
    packed = files(__package__).joinpath("phi.csv.gz").read_bytes()
    lines = gzip.decompress(packed).decode().splitlines()
    return [Row(*columns) for columns in csv.reader(line for line in lines if line.startswith(kind))]


if __name__ == "__main__":
    pack(Path(sys.argv[1]), Path(__file__).with_name("phi.csv.gz"))
