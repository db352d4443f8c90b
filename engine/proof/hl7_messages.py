"""HL7 v2 messages with a canary in every place that the table of PHI does not let pass (spec: PHI, P01 and
P02).

Every field of every segment of the table, several repetitions, all components that its datatypes ever had and
one more, two sub-components, two fields beyond the last, Z segments, unknown segments, escapes, lines that
are no segment. What a channel needs to go on (codes, quantities, dates that go out) is real; with `passing`
what the table lets pass has canaries too, of their own kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from engine.privacy.table import Row, components_of, v2_table
from engine.proof.canaries import Canaries

__all__ = ["CORE", "EVERYTHING", "FEW", "FIELDS", "PASSES", "VERSIONS", "Writer", "exists_in", "treatment_of"]

VERSIONS: Final = (
    "2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2",
    "2.9", "2.9.1",
)  # fmt: skip
PASSES: Final = frozenset({"keep", "keep-code", "keep-loc", "opdate"})
NUMERIC: Final = frozenset({"NM", "SI", "DT", "TM", "TS", "DTM"})

_DATES: Final = frozenset({"DT", "TS", "DTM"})

_TABLE: Final = v2_table()


def _fields() -> dict[str, dict[int, Row]]:
    found: dict[str, dict[int, Row]] = defaultdict(dict)
    for (segment, number), row in _TABLE.fields.items():
        found[segment][number] = row
    return dict(found)


FIELDS: Final = _fields()
NEVER_INSIDE: Final = frozenset({"MSH", "MSA", "FHS", "BHS", "BTS", "FTS", "DSC", "ADD"})
"""Each begins something, ends something, or makes the message a piece: they come in messages of their own."""

CORE: Final = [
    "EVN", "PID", "PD1", "NK1", "PV1", "PV2", "MRG", "SCH", "TQ1", "NTE", "RGS", "AIS", "AIL", "AIG", "AIP",
    "FT1", "OBX", "AL1", "DG1", "PR1", "ROL", "GT1", "IN1", "IN2", "ACC",
]  # fmt: skip
FEW: Final = [
    "EVN", "PID", "NK1", "PV1", "MRG", "SCH", "NTE", "RGS", "AIS", "AIL", "FT1", "OBX"
]  # fmt: skip
EVERYTHING: Final = CORE + sorted(set(FIELDS) - set(CORE) - NEVER_INSIDE)

_GIVEN: Final = {
    "MSH-3": "+^+^+", "MSH-4": "+^+", "MSH-5": "+", "MSH-6": "+", "MSH-7": "20261121120000",
    "MSH-14": "", "EVN-2": "20261121115900", "EVN-6": "",
    "MSH-10": "@", "MSH-11": "P", "MSH-15": "", "MSH-16": "", "MSH-22": "", "MSH-23": "",
    "PID-3": "@^^^HOSP^SS~@^^^HOSP^MR~@^^^^NI",
    "PV1-2": "I", "PV1-3": "ICU^@^@^HOSP^^^@^@^@",
    "FT1-1": "1", "FT1-4": "20261121", "FT1-6": "CG", "FT1-7": "270001^@^L^^@", "FT1-10": "2",
    "FT1-12": "10.50", "FT1-16": "ICU^@^@^^^^@",
    "AIS-1": "1", "AIS-2": "A", "AIS-3": "47562^@^CPT^^@", "AIS-4": "20261124093000", "AIL-3": "OR1^@^@^^^^@",
}  # fmt: skip
"""Fields that are not filled from the table: what channels read, and MSH-3 to -6, which an answer repeats."""


def exists_in(row: Row, version: str) -> bool:
    """Whether a place is there in this version. What was withdrawn is still sent by those who always did."""
    return not row.since or _order(row.since) <= _order(version)


class Writer:
    """Writes messages full of canaries."""

    def __init__(self, canaries: Canaries, *, repetitions: int = 3, passing: bool = False) -> None:
        self.canaries = canaries
        self._repetitions, self._passing = repetitions, passing
        self._name = ""
        self._version = VERSIONS[-1]

    def message(
        self,
        name: str,
        message_type: str,
        changes: Mapping[str, str] | None = None,
        *,
        segments: Sequence[str] = FEW,
        charset: str = "",
        version: str = "",
    ) -> bytes:
        """A message of this type; `changes` are whole fields, in which `@` becomes a canary, `#` one of
        digits alone, `+` one that may pass. With a `version` it has that version's fields, else all there
        ever were, as 2.5.1."""
        self._name, self._version = name, version or VERSIONS[-1]
        given = {**_GIVEN, "MSH-12": version or "2.5.1", **(changes or {})}
        given |= {"MSH-9": message_type, "MSH-18": charset or given.get("MSH-18", "")}
        present = [one for one in ("MSH", "SFT", *segments) if self._numbers(one)]
        lines = [self._segment(segment, given) for segment in present]
        if "FT1" in present:
            other = given["FT1-7"].replace("270001", "270002")
            lines.append(self._segment("FT1", {**given, "FT1-1": "2", "FT1-7": other}))
        return "".join(line + "\r" for line in (*lines, *self._strange())).encode()

    def segment(self, name: str, segment: str, changes: Mapping[str, str] | None = None) -> str:
        """One segment alone, such as those that stand around messages."""
        self._name = name
        return self._segment(segment, changes or {})

    def text(self, text: str, place: str) -> str:
        """The text with canaries in it."""
        made = {"@": self._word, "#": self._digits, "+": self._known}
        return "".join(made[mark](place) if mark in made else mark for mark in text)

    def _numbers(self, segment: str) -> list[int]:
        """The fields of a segment that this version has."""
        return [number for number, row in FIELDS[segment].items() if exists_in(row, self._version)]

    def _strange(self) -> list[str]:
        """What no version has, and what is no segment."""
        escaped = f"\\E\\{self._word('NTE-3 escaped')}\\X{self._word('NTE-3 in hex').encode().hex()}\\"
        neither = self._word("a line that is no segment")
        return [
            *(self._unknown(segment) for segment in ("ZPI", "ZZZ", "XYZ", "Q")),
            f"NTE|9||{escaped}",
            f"{neither} {self._word('a line that is no segment')}",
        ]

    def _segment(self, segment: str, given: Mapping[str, str]) -> str:
        rows, there = FIELDS[segment], self._numbers(segment)
        fields = [segment]
        for number in range(1, max(there) + 3):
            path = f"{segment}-{number}"
            if segment in ("MSH", "FHS", "BHS") and number <= 2:
                fields.append("")  # the delimiters
            elif path in given:
                fields.append(self.text(given[path], path))
            elif number in there or number not in rows:
                fields.append(self._field(rows.get(number), path))
            else:  # later versions have it: their rows speak of it, in their messages
                fields.append("")
        if segment in ("MSH", "FHS", "BHS"):
            fields[1:3] = [r"^~\&"]
        return "|".join(fields)

    def _field(self, row: Row | None, path: str) -> str:
        if row is None:
            return self._word(f"{path} beyond the table")
        times = range(1, self._repetitions + 1)
        if set(row.datatypes) <= NUMERIC:
            return "~".join(filter(None, (self._number(row, f"{path}[{time}]") for time in times)))
        parts = _parts(row.path)
        return "~".join(
            "^".join(
                self._component(row, path, time, component, passes)
                for component, passes in enumerate(parts, 1)
            ).rstrip("^")
            for time in times
        )

    def _number(self, row: Row, place: str) -> str:
        passes = row.treatment in PASSES
        if passes and not self._passing:
            return ""
        if not passes and place.endswith("[1]") and not _DATES.isdisjoint(row.datatypes):
            return f"{self.canaries.day(f'{self._name}: {place}'):%Y%m%d}"
        return self.canaries.digits(f"{self._name}: {place}", passes=passes)

    def _component(self, row: Row, path: str, time: int, component: int, passes: bool) -> str:
        if passes and not self._passing:
            return ""
        place = f"{path}[{time}].{component}"
        if passes:
            return self.canaries.word(f"{self._name}: {place}", passes=True)
        return self._word(place) + (f"&{self._below(row, f'{place}.2', component)}" if component % 2 else "")

    def _below(self, row: Row, place: str, component: int) -> str:
        """The second sub-component: of an EIP the authority of its number, which passes (row EI.2)."""
        passes = component <= 2 and "EIP" in row.datatypes
        return self.canaries.word(f"{self._name}: {place}", passes=passes)

    def _unknown(self, segment: str) -> str:
        fields = (self.text("@^@&@~@", f"{segment}-{number}") for number in range(1, 9))
        return "|".join([segment, *fields])

    def _word(self, place: str) -> str:
        return self.canaries.word(f"{self._name}: {place}")

    def _known(self, place: str) -> str:
        return self.canaries.word(f"{self._name}: {place}", passes=True)

    def _digits(self, place: str) -> str:
        return self.canaries.digits(f"{self._name}: {place}")


@cache
def _parts(path: str) -> list[bool]:
    """Of each component that a field's datatypes ever had, and of one more, whether it passes."""
    segment, _, number = path.partition("-")
    row = FIELDS[segment][int(number)]
    last = max([len(components_of(kind)) for kind in row.datatypes] + [1]) + 1
    return [treatment_of(row, component) in PASSES for component in range(1, last + 1)]


def treatment_of(row: Row, component: int) -> str:
    """The table's word for a component: its own row, else its datatype's, else its field's; what lies
    beyond the datatype is denied."""
    segment, _, field = row.path.partition("-")
    own = _TABLE.components.get((segment, int(field), component))
    if own is not None:
        return own.treatment
    if component > max([len(components_of(kind)) for kind in row.datatypes] + [1]):
        return "deny"
    if row.treatment in ("keep-code", "keep-loc", "token"):
        kinds = {"keep-code": ["CWE"], "keep-loc": ["PL"]}.get(row.treatment, row.datatypes)
        typed = [_TABLE.types.get((row.treatment, kind, component)) for kind in kinds]
        return next((found.treatment for found in typed if found), "deny")
    return row.treatment


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
