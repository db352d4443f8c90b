"""HL7 v2.5.1 messages of made-up people: admissions, theatre bookings, charges. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

__all__ = ["PEOPLE", "Body", "Person", "booking", "charges", "merge", "message", "movement", "secrets_of"]

Body = tuple[str, ...]
"""The segments behind MSH; `{day}` in them stands for the day as HL7 writes it, `{at}` for the message's
time."""


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist. `number` is the medical record number, `visit` the visit's."""

    number: str
    family: str
    given: str
    born: str
    street: str
    visit: str

    def segment(self, number: str = "") -> str:
        """PID; `number` is another medical record number that the person is known by."""
        name, home = f"{self.family}^{self.given}", f"{self.street}^^FABELHAVEN^^00000"
        return f"PID|1||{number or self.number}^^^GENERAL^MR||{name}||{self.born}|F|||{home}||555-0100"


PEOPLE = (
    Person("LH480011", "QUENDELSTAHL", "AMALINDE", "19510312", "11 FLORIKA MEWS", "LV620011"),
    Person("LH480012", "MOORWEIDEL", "BERTRUNA", "19640729", "12 ZINNOBER STEPS", "LV620012"),
    Person("LH480013", "FLECHTENHAIN", "COSMELIA", "19781105", "13 QUITTEN LANE", "LV620013"),
    Person("LH480014", "WINDHUCKEN", "DARWIGA", "19830222", "14 ORGELPFAD", "LV620014"),
    Person("LH480015", "KRUSENTORP", "EDDALYNE", "19900617", "15 NEBELKRAHN ROW", "LV620015"),
    Person("LH480016", "STILLWASSEN", "FENNIMORE", "19691230", "16 TANGWERFT QUAY", "LV620016"),
)
"""No such names, streets or numbers occur in an Odoo by themselves, so that a search means something."""


def secrets_of(people: tuple[Person, ...]) -> list[str]:
    """What must never be found outside: names, numbers, streets."""
    return [word for p in people for word in (p.family, p.given, p.number, p.visit, p.street)]


def message(kind: str, control_id: str, when: str, body: Body, day: date, more: str = "") -> bytes:
    """The whole message: `kind` is MSH-9, `when` a time such as `06:30`, `more` follows MSH-12."""
    sent = f"{day:%Y%m%d}{when.replace(':', '')}00"
    head = rf"MSH|^~\&|HIS|GENERAL|WARDLINE|GENERAL|{sent}||{kind}|{control_id}|P|2.5.1{more}"
    segments = (segment.replace("{day}", f"{day:%Y%m%d}").replace("{at}", sent) for segment in body)
    return "\r".join([head, *segments, ""]).encode()


def movement(person: Person, ward: str, kind: str = "I", number: str = "", visit: bool = True) -> Body:
    """What ADT carries: the person, next of kin, and the visit (PV1-19) unless there is none."""
    place = f"{ward}^1^1^GENERAL" if ward else ""
    about = _visit(person, place, kind) if visit else "PV1|1|N"
    kin = f"NK1|1|{person.family}^OTTOKAR|SPO"
    return ("EVN||{at}", person.segment(number), kin, about)


def booking(person: Person, appointment: str, code: str, start: str, theatre: str) -> Body:
    """What SIU carries: an appointment with one procedure in one theatre."""
    at = "{day}" + start.replace(":", "") + "00"
    return (
        f"SCH|P{appointment}|C{appointment}||||SURG^Surgery|{code} FOR {person.family}||60|min|^^60^{at}",
        person.segment(),
        "RGS|1|A",
        f"AIS|1|A|{code}^Procedure^CPT|{at}|0|min|60|min",
        f"AIL|1|A|{theatre}^^^GENERAL|OR^Operating room",
        f"AIP|1|A|77^{person.family}^OTTOKAR|SURGEON",
    )


def charges(
    person: Person, ward: str, *lines: tuple[str, str, str], kind: str = "CG", number: str = ""
) -> Body:
    """What DFT carries; a line is transaction id, charge code and quantity."""
    head = ("EVN||{at}", person.segment(number), _visit(person, f"{ward}^1^1^GENERAL", "I"))
    return head + tuple(
        f"FT1|{n}|{txn}||{{day}}||{kind}|{code}^Code^CDM|FOR {person.family}||{quantity}"
        for n, (txn, code, quantity) in enumerate(lines, 1)
    )


def merge(gone: str, person: Person) -> Body:
    """What A40 carries: the number `gone` was the same person's."""
    return ("EVN||{at}", person.segment(), f"MRG|{gone}^^^GENERAL^MR||||||{person.family}^UNKNOWN")


def _visit(person: Person, place: str, kind: str) -> str:
    return f"PV1|1|{kind}|{place}{'|' * 16}{person.visit}"
