"""A surgical day as a sequence of messages. Pure.

Scarce in the hospital as provisioned: no knee implant (a vendor has it), three trocars, two hernia
meshes (no vendor has it). So two bookings end in an RFQ and one waits for a person.
"""

from __future__ import annotations

from demo.line import Act, Line
from demo.messages import PEOPLE, booking, charges, merge, movement

__all__ = ["surgical_day"]

KNEE, GALLBLADDER, HERNIA = "27447", "47562", "49505"
UNNAMED = "LH480916"
"""The number the emergency department gave to a patient nobody knew yet."""
QUENDEL, MOOR, FLECHTEN, WIND, KRUSEN, STILL = PEOPLE


def surgical_day() -> tuple[Act, ...]:
    """The day from before dawn to evening."""
    return (
        Act("The night shift admits", _admissions()),
        Act("The theatre schedule comes in", _schedule()),
        Act("Plans change", _changes()),
        Act("A mesh that was given back is used again, the next one is lacking", _late_bookings()),
        Act("Patients move", _movements()),
        Act("Charges, and kill -9 in the middle of them", _charges()),
        Act("Doubles, credits, and what nobody can post", _doubles() + _credits()),
        Act("Noise on the wire", _noise()),
        Act("Evening", _evening()),
    )


def _admissions() -> tuple[Line, ...]:
    unknown = movement(STILL, "ED", "E", UNNAMED)
    return (
        Line("05:50", "ADT^A01", "Quendelstahl admitted to 3A", movement(QUENDEL, "3A"), "encounter"),
        Line("06:02", "ADT^A01", "Flechtenhain admitted to 3A", movement(FLECHTEN, "3A"), "encounter"),
        Line("06:10", "ADT^A01", "Windhucken admitted to 3A", movement(WIND, "3A"), "encounter"),
        Line("06:15", "ADT^A05", "Krusentorp expected on 3A", movement(KRUSEN, "3A", "P"), "encounter"),
        Line("06:20", "ADT^A04", "An unknown patient in the emergency room", unknown, "encounter"),
    )


def _schedule() -> tuple[Line, ...]:
    knee = booking(QUENDEL, "301", KNEE, "09:00", "OR1")
    gallbladder = booking(MOOR, "302", GALLBLADDER, "13:00", "OR1")
    first = booking(FLECHTEN, "303", HERNIA, "09:00", "OR2")
    second = booking(WIND, "304", HERNIA, "10:30", "OR2")
    new = booking(QUENDEL, "305", "00001", "16:00", "OR1")
    return (
        Line("06:30", "SIU^S12", "Quendelstahl: knee replacement, OR1, 09:00", knee, "reserve"),
        Line("06:31", "SIU^S12", "Moorweidel: gallbladder, OR1, 13:00", gallbladder, "reserve"),
        Line("06:32", "SIU^S12", "Flechtenhain: hernia, OR2, 09:00", first, "reserve"),
        Line("06:33", "SIU^S12", "Windhucken: hernia, OR2, 10:30", second, "reserve"),
        Line("06:34", "SIU^S12", "A procedure without a kit", new, state="dead", cause="unmapped-code"),
    )


def _changes() -> tuple[Line, ...]:
    later = booking(QUENDEL, "301", KNEE, "11:00", "OR1")
    elsewhere = booking(FLECHTEN, "303", HERNIA, "09:00", "OR1")
    cancelled = booking(WIND, "304", HERNIA, "10:30", "OR2")
    unheard = Line(
        "07:25",
        "SIU^S15",
        "Cancels what was never booked",
        booking(WIND, "399", HERNIA, "10:30", "OR2"),
        "release",
        state="dead",
        refused=(("release", "unknown-reference"),),
    )
    return (
        Line("07:05", "SIU^S13", "Quendelstahl: moved to 11:00", later, "reserve"),
        Line("07:10", "SIU^S14", "Flechtenhain: changed to OR1", elsewhere, "reserve"),
        Line("07:20", "SIU^S15", "Windhucken: cancelled", cancelled, "release"),
        unheard,
    )


def _late_bookings() -> tuple[Line, ...]:
    third = booking(KRUSEN, "306", HERNIA, "12:00", "OR2")
    fourth = Line(
        "07:40",
        "SIU^S12",
        "Stillwassen: hernia, OR2, 15:00",
        booking(STILL, "307", HERNIA, "15:00", "OR2"),
        "reserve",
        state="dead",
        refused=(("reserve", "refused"),),
    )
    return (Line("07:30", "SIU^S12", "Krusentorp: hernia, OR2, 12:00", third, "reserve"), fourth)


def _movements() -> tuple[Line, ...]:
    address = movement(MOOR, "", visit=False)
    return (
        Line("08:40", "ADT^A02", "Flechtenhain to theatre OR1", movement(FLECHTEN, "OR1"), "encounter"),
        Line("10:05", "ADT^A02", "Flechtenhain back to 3A", movement(FLECHTEN, "3A"), "encounter"),
        Line("10:40", "ADT^A02", "Quendelstahl to theatre OR1", movement(QUENDEL, "OR1"), "encounter"),
        Line("11:15", "ADT^A01", "Krusentorp admitted to 3A", movement(KRUSEN, "3A"), "encounter"),
        Line("13:00", "ADT^A02", "Quendelstahl to intensive care", movement(QUENDEL, "ICU"), "encounter"),
        Line("13:05", "ADT^A08", "Moorweidel: new address, no visit", address, state="filtered"),
    )


def _charges() -> tuple[Line, ...]:
    first = (("T301", "360001", "95"), ("T302", "270001", "6"), ("T303", "270008", "4"))
    second = (("T311", "360001", "60"), ("T312", "270001", "4"), ("T313", "270010", "2"))
    third = (("T321", "360001", "55"), ("T322", "270001", "4"), ("T323", "270009", "2"))
    knee, hernia = charges(QUENDEL, "OR1", *first), charges(FLECHTEN, "OR1", *second)
    last = charges(KRUSEN, "OR2", *third)
    unknown = (("T331", "990001", "1"), ("T332", "850001", "1"), ("T333", "270008", "1"))
    emergency = charges(STILL, "ED", *unknown, number=UNNAMED)
    care = charges(QUENDEL, "ICU", ("T341", "120001", "1"), ("T342", "270010", "3"))
    bed = charges(FLECHTEN, "3A", ("T351", "120001", "1"))
    used = "charge consume"
    three, four, two = f"charge {used} {used}", f"charge charge {used}", f"charge {used}"
    return (
        Line("13:10", "DFT^P03", "Theatre 95 min, 6 gloves, 4 syringes", knee, three),
        Line("13:12", "DFT^P03", "Theatre 60 min, 4 gloves, 2 dressings", hernia, three),
        Line("13:14", "DFT^P03", "Theatre 55 min, 4 gloves, 2 needles", last, three, crash=True),
        Line("13:20", "DFT^P03", "Consultation, blood count, syringe", emergency, four),
        Line("13:30", "DFT^P03", "Intensive care: bed day, 3 dressings", care, two),
        Line("13:31", "DFT^P03", "Ward 3A: bed day", bed, "charge"),
    )


def _doubles() -> tuple[Line, ...]:
    seen = charges(WIND, "3A", ("T361", "990001", "1"))
    counted = charges(FLECHTEN, "3A", ("T371", "850001", "1"), ("T372", "270009", "1"))
    return (
        Line("14:00", "DFT^P03", "A consultation, sent three times", seen, "charge", sent=3),
        Line(
            "14:05",
            "DFT^P03",
            "Blood count, needle: three at once",
            counted,
            "charge charge consume",
            sent=3,
            parallel=True,
        ),
    )


def _credits() -> tuple[Line, ...]:
    gloves = charges(QUENDEL, "OR1", ("T302", "270001", "2"), kind="CD")
    dressing = charges(FLECHTEN, "OR1", ("T313", "270010", "-1"))
    unheard = Line(
        "14:30",
        "DFT^P03",
        "Credit for what was never charged",
        charges(FLECHTEN, "3A", ("T999", "270010", "1"), kind="CD"),
        "credit consume",
        state="dead",
        refused=(("credit", "unknown-reference"), ("consume", "unknown-reference")),
    )
    catheter = Line(
        "14:40",
        "DFT^P03",
        "A catheter, but the ward holds no lot of it",
        charges(QUENDEL, "ICU", ("T381", "270007", "1")),
        "charge consume",
        state="dead",
        refused=(("consume", "quantity"),),
    )
    new = charges(QUENDEL, "ICU", ("T391", "279999", "1"))
    return (
        Line("14:20", "DFT^P03", "Credit: 2 of the 6 gloves come back", gloves, "credit consume"),
        Line("14:25", "DFT^P03", "Credit by a quantity of -1: a dressing", dressing, "credit consume"),
        unheard,
        catheter,
        Line("14:50", "DFT^P03", "A code that no table knows", new, state="dead", cause="unmapped-code"),
    )


def _noise() -> tuple[Line, ...]:
    body = movement(MOOR, "3A")

    def refused(at: str, event: str, words: str, answer: str, cause: str, nameless: bool = False) -> Line:
        return Line(
            at, event, words, body, answer=answer, state="quarantined", cause=cause, nameless=nameless
        )

    browser = Line(
        "15:00", "-", "A web browser at the wrong door", answer="AR", state="quarantined", cause="not-hl7"
    )
    return (
        browser,
        refused("15:01", "ORU^R01", "A laboratory result: not this door", "AR", "unknown-type"),
        refused("15:02", "ADT^A99", "An event the channel does not take", "AR", "unknown-event"),
        refused("15:03", "ADT^A01", "An admission without its control id", "AE", "missing-field", True),
    )


def _evening() -> tuple[Line, ...]:
    absent = booking(MOOR, "302", GALLBLADDER, "13:00", "OR1")
    home = movement(WIND, "3A")
    return (
        Line("16:00", "SIU^S26", "Moorweidel: did not come", absent, "release"),
        Line("16:30", "ADT^A40", "The unknown patient is Stillwassen", merge(UNNAMED, STILL), "merge"),
        Line("17:00", "ADT^A03", "Flechtenhain goes home", movement(FLECHTEN, "3A"), "encounter"),
        Line("17:10", "ADT^A03", "Windhucken too (asks for CA)", home, "encounter", "CA", enhanced=True),
    )
