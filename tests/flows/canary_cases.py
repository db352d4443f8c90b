"""Messages full of canaries for the shipped channels, one for every way that a message can end (spec: PHI,
P01).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.proof.canaries import Canaries
from engine.proof.hl7_messages import CORE, EVERYTHING, Writer


class Case(NamedTuple):
    """One message for a channel: what its sender is told, and how it ends (`dead: unmapped-code`)."""

    name: str
    channel: str
    raw: bytes
    code: str | None
    state: str


def cases(canaries: Canaries) -> list[Case]:
    """Messages that are delivered, filtered, refused and dead for every cause, on every shipped channel."""
    write = Writer(canaries).message
    adt, dft, siu = "adt-encounters", "dft-charges", "theatre-schedule"
    no_visit = {"PV1-19": "", "PID-18": "", "PV1-50": ""}
    # What belongs together repeats its numbers, and MSH-4, whose numbers they are where nothing else says.
    booked = {path: canaries.word(f"booking and cancellation: {path}") for path in ("MSH-4", "SCH-2")}
    charged = {path: canaries.word(f"charge and credit: {path}") for path in ("MSH-4", "PV1-19", "FT1-2")}

    def case(name: str, channel: str, kind: str, code: str, state: str, **more: object) -> Case:
        return Case(name, channel, write(name, kind, **more), code, state)  # type: ignore[arg-type]

    return [
        case("admission", adt, "ADT^A01^ADT_A01", "AA", "delivered", segments=EVERYTHING),
        case("charge", dft, "DFT^P03^DFT_P03", "AA", "delivered", changes=charged, segments=EVERYTHING),
        case("booking", siu, "SIU^S12^SIU_S12", "AA", "delivered", changes=booked, segments=EVERYTHING),
        case("cancellation", siu, "SIU^S15^SIU_S12", "AA", "delivered", changes=booked),
        case("merge", adt, "ADT^A40^ADT_A39", "AA", "delivered"),
        case("credit", dft, "DFT^P03^DFT_P03", "AA", "delivered", changes={**charged, "FT1-6": "CD"}),
        case("no visit", adt, "ADT^A08^ADT_A01", "AA", "filtered", changes=no_visit, segments=CORE),
        case("payment", dft, "DFT^P03^DFT_P03", "AA", "filtered", changes={"FT1-6": "PY"}),
        case("no procedure", siu, "SIU^S12^SIU_S12", "AA", "filtered", segments=["SCH", "PID", "PV1"]),
        case("no visit number", adt, "ADT^A01", "AA", "dead: missing-field", changes=no_visit),
        case(
            "no person", adt, "ADT^A01", "AA", "dead: missing-field", changes={"PID-3": "@^^^@^SS~@^@^@^@^NI"}
        ),
        case("1001 numbers", adt, "ADT^A01", "AA", "dead: structure", changes={"PID-3": "@~" * 1000 + "@"}),
        case("unmapped item", dft, "DFT^P03", "AA", "dead: unmapped-code", changes={"FT1-7": "@^@"}),
        case("unmapped kind", dft, "DFT^P03", "AA", "dead: unmapped-code", changes={"FT1-6": "@"}),
        case("unmapped ward", dft, "DFT^P03", "AA", "dead: unmapped-code", changes={"FT1-16": "@"}),
        case("bad quantity", dft, "DFT^P03", "AA", "dead: bad-value", changes={"FT1-10": "@"}),
        case("absurd quantity", dft, "DFT^P03", "AA", "dead: quantity", changes={"FT1-10": "#"}),
        case("bad price", dft, "DFT^P03", "AA", "dead: bad-value", changes={"FT1-12": "@"}),
        case("bad date", dft, "DFT^P03", "AA", "dead: bad-value", changes={"FT1-4": "#"}),
        case("no transaction", dft, "DFT^P03", "AA", "dead: missing-field", changes={"FT1-2": ""}),
        case("unknown procedure", siu, "SIU^S12", "AA", "dead: unmapped-code", changes={"AIS-3": "@^@"}),
        case("unknown theatre", siu, "SIU^S12", "AA", "dead: unmapped-code", changes={"AIL-3": "@^@"}),
        case("bad time", siu, "SIU^S12", "AA", "dead: bad-value", changes={"AIS-4": "@"}),
        case("no number", siu, "SIU^S12", "AA", "dead: missing-field", changes={"SCH-1": "", "SCH-2": ""}),
        case("control character", adt, "ADT^A01", "AA", "dead: bad-value", changes={"PV1-19": "@\x1f@"}),
        case("unknown type", adt, "XYZ^A01", "AR", "quarantined: unknown-type", segments=CORE),
        case("unknown event", dft, "DFT^P99", "AR", "quarantined: unknown-event"),
        case("training", siu, "SIU^S12", "AR", "quarantined: processing-id", changes={"MSH-11": "T"}),
        case("version", adt, "ADT^A01", "AR", "quarantined: version", changes={"MSH-12": "9.9"}),
        case("no control id", dft, "DFT^P03", "AE", "quarantined: missing-field", changes={"MSH-10": ""}),
        case("account ended", dft, "BAR^P06^BAR_P06", "AA", "delivered"),
        case("account purged", dft, "BAR^P02^BAR_P02", "AA", "filtered"),
        *_laboratory(case),
        *_orders(case, canaries),
        *_broken(write, canaries),
    ]


def _laboratory(case: Callable[..., Case]) -> list[Case]:
    """What a laboratory found, and what it charges."""
    lab, oru = "lab-charges", "ORU^R01^ORU_R01"
    found = {
        "OBR-3": "@^@", "OBR-4": "850001^@^L^@^@", "OBR-7": "20261121", "OBR-22": "20261121", "OBR-24": "HM",
        "OBR-25": "F", "OBX-3": "2345-7^@^LN^@^@", "OBX-4": "1", "OBX-11": "F", "OBX-14": "20261121",
        "OBX-19": "",
    }  # fmt: skip
    said = {"segments": ["PID", "PD1", "NK1", "PV1", "PV2", "ORC", "OBR", "NTE", "OBX", "SPM", "CTI"]}
    billed = {"FT1-7": "850030^@^L^^@", "FT1-13": "LAB^@"}
    return [
        case("result", lab, oru, "AA", "delivered", changes=found, **said),
        case("not final", lab, oru, "AA", "filtered", changes={**found, "OBR-25": "P"}, **said),
        case(
            "no such test", lab, oru, "AA", "dead: unmapped-code", changes={**found, "OBR-4": "@^@"}, **said
        ),
        case("no test", lab, oru, "AA", "dead: bad-value", changes={**found, "OBR-4": "^@"}, **said),
        case("test billed", lab, "DFT^P11^DFT_P11", "AA", "delivered", changes=billed),
    ]


def _orders(case: Callable[..., Case], canaries: Canaries) -> list[Case]:
    """What wards order, what the pharmacy dispenses and what is given."""
    wards, pharmacy = "ward-orders", "pharmacy-dispense"
    line = {
        "MSH-4": canaries.word("order and cancel: MSH-4"), "ORC-2": canaries.word("order and cancel: ORC-2"),
        "ORC-1": "NW", "ORC-7": "1^@^@^20261124^^S^@^@", "RQD-1": "1", "RQD-4": "SUP-1001^@^@", "RQD-5": "2",
        "RQD-9": "ICU^@^@", "RQD-10": "20261125", "RQ1-1": "@", "RQ1-4": "@^@", "TQ1-7": "20261124",
    }  # fmt: skip
    drug = {
        "ORC-1": "RE", "ORC-3": "@^@", "RXD-1": "1", "RXD-2": "DRUG-200^@^@^^@", "RXD-3": "20261121",
        "RXD-4": "2", "RXD-5": "CAP^@", "RXD-18": "AMX-2701", "RXD-27": "PHARM^@", "RXA-1": "0", "RXA-2": "1",
        "RXA-3": "20261121", "RXA-5": "DRUG-300^@^@", "RXA-6": "1", "RXA-15": "ENX-2706", "RXA-16": "",
        "RXA-20": "CP", "RXA-21": "A",
    }  # fmt: skip
    rds, ras, oms = "RDS^O13^RDS_O13", "RAS^O17^RAS_O17", "OMS^O05^OMS_O05"
    asked = {"segments": ["PID", "PD1", "PV1", "PV2", "ORC", "TQ1", "RQD", "RQ1", "NTE", "OBX", "BLG"]}
    dispensed = {"segments": ["PID", "PV1", "AL1", "ORC", "NTE", "RXE", "RXD", "RXR", "RXC", "OBX", "FT1"]}
    given = {"segments": ["PID", "PV1", "AL1", "ORC", "NTE", "RXE", "RXA", "RXR", "OBX"]}
    ended = {**line, "ORC-1": "CA"}
    return [
        case("order", wards, oms, "AA", "delivered", changes=line, **asked),
        case("order cancelled", wards, oms, "AA", "delivered", changes=ended, **asked),
        case("order status", wards, oms, "AA", "filtered", changes={**line, "ORC-1": "SR"}, **asked),
        case(
            "unknown supply",
            wards,
            oms,
            "AA",
            "dead: unmapped-code",
            changes={**line, "RQD-4": "@^@"},
            **asked,
        ),
        case(
            "unknown control",
            wards,
            oms,
            "AA",
            "dead: unmapped-code",
            changes={**line, "ORC-1": "@"},
            **asked,
        ),
        case("dispense", pharmacy, rds, "AA", "delivered", changes=drug, **dispensed),
        case("given", pharmacy, ras, "AA", "delivered", changes=drug, **given),
        case("not given", pharmacy, ras, "AA", "filtered", changes={**drug, "RXA-20": "RE"}, **given),
        case(
            "no lot", pharmacy, rds, "AA", "dead: bad-value", changes={**drug, "RXD-18": "for @"}, **dispensed
        ),
    ]


def _broken(make: Callable[..., bytes], canaries: Canaries) -> list[Case]:
    """Bytes that are no text or no HL7."""
    charset = make("charset", "ADT^A01", charset="UNICODE UTF-8")
    equal = make("equal delimiters", "ADT^A01").replace(rb"MSH|^~\&|", b"MSH|^^^^|")
    headless = make("no header", "ADT^A01").partition(b"\r")[2]
    oversize = make("oversize", "ADT^A01")
    filler = canaries.word("oversize: filler").encode() + b"|"
    return [
        Case(
            "charset", "adt-encounters",
            charset.replace(b"\rPID|", b"\rPID|\xdc", 1), "AE", "quarantined: charset",
        ),
        Case("equal delimiters", "dft-charges", equal, "AR", "quarantined: not-hl7"),
        Case("no header", "theatre-schedule", headless, "AR", "quarantined: not-hl7"),
        Case(
            "oversize", "adt-encounters",
            oversize + filler * (17 * 1024 * 1024 // len(filler)), "AR", "quarantined: oversize",
        ),
    ]  # fmt: skip
