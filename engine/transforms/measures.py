"""What units of messages and of Odoo measure: by a table of the channel, by Odoo's own names, by UCUM.

A table of units has the columns `unit` and, if wanted, `factor`: one of the code is so many of the unit,
which is a code of the table, a unit of Odoo or one of UCUM.

    code,unit,factor
    BX/SUP-1001,Box of 100,       the box of that item is Odoo's Box of 100
    Box of 100,Units,100
    mg/DRUG-100,Units,1/500       a tablet of that drug has 500 mg
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction

from engine.transforms.setting import Table
from engine.transforms.ucum import Measure, measure_of, ratio_of

__all__ = ["ODOO_UNITS", "Measures", "UnknownUnit", "named"]

ODOO_UNITS: Mapping[str, str] = {
    "Units": "1", "Unit(s)": "1", "Dozens": "12", "Dozen": "12", "Pack of 6": "6",
    "Minutes": "min", "Hours": "h", "Days": "8.h", "Working Time": "h",
    "ml": "ml", "m²": "m2", "m³": "m3", "Ton": "t", "KWH": "3600.kJ",
    "oz": "[oz_av]", "lb": "[lb_av]", "in": "[in_i]", "ft": "[ft_i]", "yd": "[yd_i]", "mi": "[mi_i]",
    "ft²": "[sft_i]", "in³": "[cin_i]", "ft³": "[cft_i]",
    "fl oz (US)": "[foz_us]", "qt (US)": "[qt_us]", "gal (US)": "[gal_us]",
}  # fmt: skip
"""Units that Odoo comes with, in UCUM; its others (g, kg, L, m, cm, mm, km) have the same name there. A day
of Odoo's is a working day."""

Span = tuple[date, date]


class UnknownUnit(Exception):
    """No row, no unit of Odoo's and none of UCUM is called so; `code` is what a row of the table says."""

    def __init__(self, code: str) -> None:
        super().__init__("no such unit")
        self.code = code


def named(code: str) -> Measure | None:
    """A unit of Odoo's, or of UCUM."""
    return measure_of(ODOO_UNITS.get(code, code))


class Measures:
    """The units of a table; without one, those that have a name anyway."""

    def __init__(self, table: Table | None) -> None:
        """Raises `UnknownUnit` for a row whose unit means nothing, or that leads back to itself."""
        self._rows: dict[str, Sequence[tuple[Span, str, Fraction]]] = {}
        self._known: dict[tuple[str, date | None], Measure] = {}
        for code in table.keys() if table is not None else ():
            self._rows[code] = self._read(table, code) if table is not None else ()
        for code, rows in self._rows.items():
            for (first, _), _, _ in rows:
                self._row(code, first, ())

    def get(self, code: str, day: date | None) -> Measure | None:
        """What the table says that a code is, on a day if its rows have days."""
        found = self._known.get((code, day))
        if found is None and (found := self._row(code, day, ())) is not None and len(self._known) < 10_000:
            self._known[code, day] = found
        return found

    def _read(self, table: Table, code: str) -> Sequence[tuple[Span, str, Fraction]]:
        spans = table.spans(code) if table.dated else ((date.min, date.max),)
        rows = table.rows(code)
        return [
            (span, row["unit"], ratio_of(row.get("factor", "") or "1") or Fraction(1))
            for span, row in zip(spans, rows, strict=True)
        ]

    def _row(self, code: str, day: date | None, above: tuple[str, ...]) -> Measure | None:
        for (first, last), unit, factor in self._rows.get(code, ()):
            if day is None or first <= day <= last:
                of = self._unit(unit, day, (*above, code))
                return Measure(factor * of.factor, of.base)
        return None

    def _unit(self, unit: str, day: date | None, above: tuple[str, ...]) -> Measure:
        """The unit of a row: another row's code, else a name."""
        if unit in above[:-1]:
            raise UnknownUnit(unit)
        found = self._row(unit, day, above) if unit not in above else None
        found = found or named(unit)
        if found is None:
            raise UnknownUnit(above[0])
        return found
