"""What privacy costs of a message, on one core, beside the routing of the same run.

    python -m bench.privacy_bench [--messages 4000]

The messages are those of `bench.routing_bench`. The privacy step is measured by leaving it out: the same
messages are mapped by the same channel with a book that answers with the numbers themselves, keeps no terms
and obeys no flags, batch by batch in turn with the real thing. Choosing the number among a field's
repetitions, which both do, is measured apart, beside reading the same fields plainly, and so is the guard.
Two channels: the shipped one, whose codes all stand in its tables, and the worst case, where every code
passes as it is sent and each message is compared.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.routing_bench import CHANNEL, Subjects, bench_routing, new_book, sample
from engine.app.opening import reader_of
from engine.app.process import spare_the_collector
from engine.config.loading import load_channel
from engine.egress import Egress
from engine.hl7.document import Document
from engine.hl7.path import Path as HL7Path
from engine.model import Routed, StoredMessage
from engine.pipeline import route
from engine.privacy.book import TokenBook
from engine.privacy.mentions import NoMentions
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.privacy.sealing import Sealer
from engine.privacy.vault import Vault
from engine.program import Program
from engine.programs import Programs
from engine.settings import Settings
from engine.store.keys import KeyRing

__all__ = ["CHANNELS", "bench_privacy"]

BATCH = 200
READ = ("PID-3", "PV1-19", *(f"FT1[{number}]-2" for number in (1, 2, 4)))
"""The numbers that the channels read of a message; its transactions of the three charges."""

READERS = [Readers(Policy()).reader(path, "value") for path in READ]
PATHS = [HL7Path.parse(path) for path in READ]

OPEN = """
channel: open
description: Every code passes as it is sent.
owner: {business: b@hospital.example, technical: t@hospital.example}
source:
  mllp: {listen: "tcp:2599", message_types: [DFT^P03]}
sequence_by: PV1-19
effects:
  - for_each: FT1
    when: {FT1-6.1: CG}
    charge:
      key: "{FT1-2}/{FT1-7}"
      encounter: PV1-19
      subject: PID-3
      item: FT1-7
      quantity: FT1-10 | number
      price: FT1-12 | money
      cost_centre: FT1-13.1
      date: FT1-4 | date
  - for_each: FT1
    when: {FT1-6.1: CG}
    consume:
      key: "{FT1-2}/{FT1-7}"
      encounter: PV1-19
      subject: PID-3
      item: FT1-7
      quantity: FT1-10 | number
      location: FT1-13.1
      used_on: FT1-4 | date
destinations:
  - ledger: {path: var/ledger.jsonl}
"""
CHANNELS = ("shipped", "every code passes")


class NoBook(TokenBook):
    """Answers with the number itself: nothing is keyed, minted or looked up."""

    def token(self, domain: str, authority: str, id_type: str, value: str) -> str:
        return value

    @property
    def index(self) -> Callable[[str], bytes]:
        return lambda _: b""


class NoFlags:
    """Obeys nothing."""

    def of(self, *_: object) -> None:
        return None


def bench_privacy(messages: int, folder: Path) -> dict[str, dict[str, float]]:
    """By channel, CPU microseconds a message: `tokens`, `numbers`, `guard`, what routing takes with all of
    that, and the `share` of privacy in it."""
    (folder / "open.yaml").write_text(OPEN)
    shipped, open_ = load_channel(CHANNEL).program, load_channel(folder / "open.yaml").program
    whole = bench_routing(messages, BATCH, folder)
    outside = whole["unrouted"] + whole["store"]
    spare_the_collector()
    return {
        name: _measured(program, messages, outside)
        for name, program in zip(CHANNELS, (shipped, open_), strict=True)
    }


def _measured(program: Program, messages: int, outside: float) -> dict[str, float]:
    """One channel's; `outside` is what reading and storing takes, the same for both."""
    ring = KeyRing({"bench": os.urandom(32)})
    bare: Any = msgspec.structs.replace(program, mentions=NoMentions(), flags=NoFlags())  # type: ignore[arg-type]
    book, none = new_book(ring, lambda _: {}), NoBook(Vault.of(ring, "bench"), lambda _: {})
    sealer = Sealer(reader_of(Settings(), ring), lambda _: None, Subjects(), clock=time.time)
    egress = Egress(Programs({program.channel: program}), None, "bench", time.time)  # type: ignore[arg-type]
    spent = dict.fromkeys(("real", "bare", "chosen", "read", "guard"), 0.0)
    for start in range(0, messages, BATCH):
        batch = [
            StoredMessage(n + 1, program.channel, sample(n), 1.795e9) for n in range(start, start + BATCH)
        ]
        with _clocked(spent, "bare"):
            route(batch, bare, none)
        none.committed()
        with _clocked(spent, "real"):
            routings = route(batch, program, book)
            sealer.seal(book.minted())
            book.committed()
        assert all(isinstance(one.result, Routed) and len(one.result.effects) == 6 for one in routings)
        with _clocked(spent, "guard"):
            egress.check(routings, {one.id: one for one in batch}, {}, {})
        documents = [Document.parse(one.raw) for one in batch]
        for one in documents:
            one.all("FT1")
        with _clocked(spent, "read"):
            for document in documents:
                for path in PATHS:
                    document.value(path)
        with _clocked(spent, "chosen"):
            for document in documents:
                for reader in READERS:
                    reader(document, none)
    each = {name: seconds / messages * 1e6 for name, seconds in spent.items()}
    tokens, numbers = each["real"] - each["bare"], each["chosen"] - each["read"]
    routing = outside + each["real"] + each["guard"]
    share = (tokens + numbers + each["guard"]) / routing
    return {"tokens": tokens, "numbers": numbers, "guard": each["guard"], "routing": routing, "share": share}


@contextmanager
def _clocked(spent: dict[str, float], name: str) -> Iterator[None]:
    before = time.process_time()
    yield
    spent[name] += time.process_time() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=4_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = bench_privacy(given.messages, Path(folder))
    for name, each in found.items():
        shown = ", ".join(f"{what} {spent:.1f}" for what, spent in each.items() if what != "share")
        print(f"{name}: {shown} us a message; privacy is {each['share']:.1%} of it")


if __name__ == "__main__":
    main()
