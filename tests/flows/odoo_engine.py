"""The real engine with the shipped channels before a real Odoo, as a hospital would run it.

engine = HospitalEngine(folder, hospital)          # hospital: a database of `demo.odoo.fresh_database`
engine.start(*faults)                              # `faulty.py` and `fault_points.py`
answers = engine.send("dft-charges", *messages)    # over one connection, one after the other
engine.all_settled(); engine.account()
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest
from running import OPEN_STATES, Engine, wait_for

from demo.odoo import Running
from engine.config.cases.rehearsal import Trial
from engine.config.loading import load_channels
from engine.store.contracts.views import DeliveryView, MessageView, Query

SHIPPED = Path(__file__).parents[2] / "channels"
NAMES = (
    "adt-encounters", "dft-charges", "lab-charges", "theatre-schedule", "ward-orders", "pharmacy-dispense",
)  # fmt: skip
Effects = list[dict[str, dict[str, Any]]]
NEEDS_ODOO = (
    pytest.mark.odoo,
    pytest.mark.skipif(
        os.environ.get("WARDLINE_ODOO") == "none",
        reason="WARDLINE_ODOO=none: tests against the real Odoo are switched off",
    ),
)
EVERYTHING = Query(limit=1_000_000)


class HospitalEngine(Engine):
    """The shipped channels on free ports. `url` when Odoo is reached through a proxy; `changes` are
    replaced in every channel's text; `odoo` are settings of the connection (`TIMEOUT`); `more` are texts
    of further channels."""

    before: ClassVar[dict[str, list[HospitalEngine]]] = {}
    """Database of Odoo → the engines that deliver to it."""

    def __init__(
        self,
        folder: Path,
        hospital: Running | None,
        *,
        url: str = "",
        changes: Mapping[str, str] | None = None,
        odoo: Mapping[str, str] | None = None,
        more: Sequence[str] = (),
    ) -> None:
        super().__init__(
            folder,
            *(shipped(name, changes or {}) for name in NAMES),
            *more,
            ledger=hospital is None,
            settings=connection(hospital, url, odoo or {}) if hospital else None,
        )
        if hospital:
            self.before.setdefault(hospital.database, []).append(self)
        tables = self.channels / "tables"
        tables.mkdir(exist_ok=True)
        for table in (SHIPPED / "tables").glob("*.csv"):
            (tables / table.name).write_text(table.read_text())
        self.goes_on = False
        """Whether a start runs what was deployed before, as after a power cut, and reads no folder again."""
        self._trials: dict[str, Trial] = {}
        self._expected: dict[tuple[str, bytes], Effects] = {}

    def add_to_table(self, name: str, *rows: str) -> None:
        """Further rows of a table of the channels; read at the next start."""
        path = self.channels / "tables" / name
        path.write_text(path.read_text().rstrip("\n") + "\n" + "\n".join(rows) + "\n")

    # Lives

    def _arguments(self) -> list[str]:
        return ["run", "--workers", str(self.workers)] if self.goes_on else super()._arguments()

    def wait_ready(self) -> Self:
        """Until every channel listens: enough to send, and sooner than /ready."""
        doors = len(list(self.channels.glob("*.yaml")))
        wait_for(lambda: len(self._ports) == doors or not self.runs, "the channels to listen", self)
        assert self.runs, "\n".join(self.logs[-20:])
        return self

    def end(self) -> None:
        """Leave nothing behind."""
        self.hang_up()
        if self._process is not None and self.runs:
            self.kill()

    # Talking

    def send(self, channel: str, *messages: bytes, within: float = 20.0) -> list[bytes | None]:
        """Send over one connection, each after the answer to the one before; the answers."""
        sender = self.connect(channel)
        answers = [sender.ask(message, within) for message in messages]
        sender.close()
        return answers

    def expected(self, channel: str, raw: bytes) -> Effects:
        """What a message comes to in a channel after those that were asked for before, with tokens
        written as `visit:V-1`: worked out beside the engine, with nothing stored."""
        self._trials = self._trials or {one.spec.channel: Trial(one) for one in load_channels(self.channels)}
        if (channel, raw) not in self._expected:
            self._expected[channel, raw] = self._trials[channel].say(raw).effects
        return self._expected[channel, raw]

    # Looking

    def all_settled(self, within: float = 60.0, *, but: int = 0) -> list[MessageView]:
        """Wait until at most `but` messages are still on their way, as long as there are fewer of them
        at least every `within` seconds; every message."""
        with self.store() as store:

            def on_their_way() -> int:
                return sum(row.messages for row in store.account() if row.state.value in OPEN_STATES)

            while (left := on_their_way()) > but:
                fewer = partial(lambda before: on_their_way() < before, left)
                wait_for(fewer, f"{left} messages to be settled", self, within)
            return store.messages(EVERYTHING)

    def routed(self, within: float = 20.0) -> None:
        """Wait until every message that is stored became what it becomes."""
        with self.store() as store:
            wait_for(
                lambda: not any(row.state.value == "received" for row in store.account()),
                "every message to be routed", self, within,
            )  # fmt: skip

    def deliveries(self) -> list[DeliveryView]:
        """Every delivery, oldest first."""
        with self.store() as store:
            return store.deliveries(EVERYTHING)

    def account(self) -> dict[str, Any]:
        """What `wardline account --json` says; its books must balance."""
        code, said = self.wardline("account", "--json")
        assert code == 0, said
        books: dict[str, Any] = json.loads(said)
        assert books["gaps"] == []
        return books

    def reconciled(self) -> dict[str, Any]:
        """What `wardline reconcile` finds: Odoo has what the books say, dead letters aside."""
        _, said = self.wardline("reconcile", "--since", "30d", "--json")
        report: dict[str, Any] = json.loads(said)["report"]
        gaps = [gap for gap in report.get("gaps", ()) if gap["kind"] != "dead"]
        assert (gaps, report.get("unread", {})) == ([], {})
        return report


def shipped(name: str, changes: Mapping[str, str]) -> str:
    """A shipped channel's file with a port of its own."""
    text = (SHIPPED / f"{name}.yaml").read_text()
    lines = [
        line.partition("tcp:")[0] + "tcp:0" if line.strip().startswith("listen:") else line
        for line in text.split("\n")
    ]
    text = "\n".join(lines)
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def connection(hospital: Running, url: str, more: Mapping[str, str]) -> dict[str, str]:
    """The least-privilege user's connection as the environment says it."""
    words = {
        "URL": url or hospital.url,
        "DATABASE": hospital.database,
        "USER": hospital.user.login,
        "KEY": hospital.user.key,
        "CONSUMPTION_LOCATION": "Patient Care",
        **more,
    }
    return {f"ODOO_HOSPITAL_ODOO_{word}": value for word, value in words.items()}
