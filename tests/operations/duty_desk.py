"""A desk for tests: a hospital whose messages were really stored and routed, and those who work there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from conformance.store_contract import NAMES, RING
from merging_hospital import CHANNELS, Hospital, program

from engine.accounts.words import Caller, Role
from engine.auditing import Act, AuditQuery, Entry
from engine.editions.deploying import take_folder
from engine.model import Arrival, Delivered, Lane, Outcome, Reason, ReasonCode, Settlement
from engine.operations.operation import Desk
from engine.settings import Settings
from engine.store.base import Store

__all__ = ["NOW", "PID", "PV1", "Duty", "caller", "duties"]

NOW = 50_000.0
PID = "PID|1||{0}^^^GENERAL^MR||TESTMANN^TESSA||19700131|F"
PV1 = "PV1|1|I|3A||||||||||||||||{0}"


def caller(*roles: Role, name: str = "dora") -> Caller:
    return Caller(name=name, roles=frozenset(roles or (Role.OPERATOR, Role.ANALYST)))


class Duty:
    """The hospital, and the desk that looks at it. Its channels are those of the repository, deployed."""

    def __init__(self, folder: Path, *names: str) -> None:
        programs = [program(name) for name in names or ("adt-encounters",)]
        self.hospital = Hospital(f"sqlite:///{folder}/wardline.db", *programs)
        self.store: Store = self.hospital.store
        environ = {"WARDLINE_ODOO_HOSPITAL_ODOO_URL": "https://odoo.example/"}
        self.desk = Desk(self.store, RING, Settings(), lambda: NOW, environ)

    def deploy(self, folder: Path = CHANNELS) -> int:
        """The channels of a folder become the active edition."""
        told = Entry(at=NOW, who="author@host", role="operator", act=Act.DEPLOY, object="edition")
        return take_folder(self.store, folder, (), told).edition

    def admit(self, person: str = "7", visit: str = "V1") -> int:
        """An admission, routed: one encounter on its way to Odoo."""
        return self.hospital.say("ADT^A01", PID.format(person), PV1.format(visit)).id

    def broken(self, visit: str = "V9") -> int:
        """A dead letter: an account is to be merged that the message does not name."""
        return self.hospital.say("ADT^A41", PID.format("9"), "MRG|9||A1", PV1.format(visit)).id

    def refused(self, control_id: str = "R1", channel: str = "adt-encounters") -> int:
        """What was answered AE and kept."""
        raw = rf"MSH|^~\&|HIS|GENERAL|||20261120||ADT^A01|{control_id}|P|2.5.1".encode()
        name = NAMES.of(channel, b"HIS", b"GENERAL", control_id.encode())
        reason = Reason(ReasonCode.MISSING_FIELD, "a required field is empty", "PID-3", hl7=101)
        arrival = Arrival(channel, raw, name, NAMES.digest(raw), NOW - 60, "error", reason, type="ADT^A01")
        return self.store.accept([arrival])[0].id

    def resend(self, number: int) -> int:
        """The very same message again."""
        raw = self.store.content(number)
        control_id = raw.split(b"|")[9]
        name = NAMES.of("adt-encounters", b"HIS", b"GENERAL", control_id)
        return self.store.accept([Arrival("adt-encounters", raw, name, NAMES.digest(raw), NOW)])[0].id

    def take(self, channel: str, raw: bytes) -> int:
        """Any message of another channel, routed."""
        name = NAMES.digest(raw)
        number = self.store.accept([Arrival(channel, raw, name, name, NOW - 60, type="DFT^P03")])[0].id
        self.hospital.route()
        return number

    def settle(self, outcome: Outcome | None = None, destination: str = "odoo:hospital-odoo") -> int:
        """Deliver, or what else comes of it, all that is due; how many."""
        done = 0
        for lane in Lane:
            claimed = self.store.claim(
                destination, lane, 100, now=NOW, lease_until=NOW + 60, holder="h"
            )  # fmt: skip
            made = outcome or Delivered({"sale.order": "42"})
            self.store.settle([Settlement(one.id, made) for one in claimed], now=NOW, holder="h")
            done += len(claimed)
        return done

    def audited(self, act: Act) -> list[Entry]:
        return [one.entry for one in self.store.entries(AuditQuery(act=act, limit=1000))]


def duties(folder: Path, *names: str) -> Iterator[Duty]:
    made = Duty(folder, *names)
    yield made
    assert made.store.gaps() == []
    made.hospital.close()
