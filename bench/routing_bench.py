"""How fast stored bytes become stored effects, on one core, with the shipped charges channel.

    python -m bench.routing_bench [--messages 6000] [--batch 200] [--profile]

A message is a DFT^P03 of 2 KB: the visit and five FT1 with notes and procedures. Three are charges of
stocked items, so six effects; a payment and an adjustment make none. Each charge's transaction id is new to
the vault; 2,000 patients come back.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine.app.opening import reader_of
from engine.app.process import spare_the_collector
from engine.config.loading import load_channel
from engine.egress import Egress
from engine.hl7.document import Document
from engine.model import Arrival, Routed, StoredMessage
from engine.pipeline import route
from engine.privacy.book import TokenBook
from engine.privacy.sealing import Sealer
from engine.privacy.vault import Vault
from engine.program import Program
from engine.programs import Programs
from engine.settings import Settings
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing
from engine.store.sql import open_store

__all__ = ["bench_routing", "sample"]

CHANNEL = Path(__file__).parent.parent / "channels" / "dft-charges.yaml"
PATIENTS = 2_000
CHARGES = (("CG", "270001"), ("CG", "270003"), ("PY", "360001"), ("CG", "270010"), ("AJ", "990001"))
EFFECTS = 6
NOTE = "Recorded at the point of care, checked by a second nurse, nothing missing from the procedure card."


def sample(number: int) -> bytes:
    """The `number`-th message, 2 KB."""
    person, visit = number % PATIENTS, number % (2 * PATIENTS)
    segments = [
        rf"MSH|^~\&|CHARGES|HOSP|WARDLINE|HOSP|20261121120000+0100||DFT^P03^DFT_P03|C{number:08}|P|2.5.1",
        "EVN|P03|20261121120000",
        f"PID|1||{person:07}^^^HOSP^MR~{person:09}^^^SSA^SS||EXAMPLE^PATIENT^Q||19700101|F|||"
        "1 SAMPLE STREET^^SAMPLETOWN^^00000^XX||555-0100|555-0101||S|||987654321",
        f"PV1|1|I|ICU^12^B^HOSP||||||||||||||||V{visit:07}^^^HOSP^VN",
    ]
    for charge, (kind, code) in enumerate(CHARGES, 1):
        segments += [
            f"FT1|{charge}|T{number:08}{charge}^CHARGES|B7|20261121101500|20261121|{kind}|{code}^Charge^L"
            f"|||{charge}||12.50&EUR|ICU|||ICU^12^B^HOSP|||Z00.0^General examination^I10|1234^NURSE",
            f"NTE|1|L|{NOTE}",
            "PR1|1||47562^Laparoscopic cholecystectomy with cholangiography^C4||20261121101500|A",
        ]
    return "".join(f"{segment}\r" for segment in segments).encode()


class Subjects:
    """Keys of persons, in memory: what the cabinet's file costs is `bench.store_bench`'s to say."""

    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}

    def subject_keys(self, tokens: Sequence[str]) -> dict[str, bytes]:
        return {token: self._keys[token] for token in tokens if token in self._keys}

    def make_subject_keys(self, tokens: Sequence[str]) -> dict[str, bytes]:
        return {
            token: self._keys.get(token) or self._keys.setdefault(token, os.urandom(32)) for token in tokens
        }


class Stages:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What runs within counts for the stage `name`."""
        before = time.process_time()
        yield
        self.spent[name] = self.spent.get(name, 0.0) + time.process_time() - before


def fill(store: Store, program: Program, ring: KeyRing, messages: int, batch: int) -> None:
    """That many messages, received and not yet routed."""
    names = Fingerprints(ring)
    for start in range(0, messages, batch):
        arrivals = []
        for number in range(start, min(start + batch, messages)):
            raw = sample(number)
            name = names.of(program.channel, b"CHARGES", b"HOSP", b"C%08d" % number)
            arrivals.append(Arrival(program.channel, raw, name, names.digest(raw), 1.7e9, type="DFT^P03"))
        store.accept(arrivals)


def new_book(ring: KeyRing, lookup: Callable[[Sequence[bytes]], dict[bytes, str]]) -> TokenBook:
    """A token book with the ring's keys."""
    return TokenBook(Vault.of(ring, "bench"), lookup)


def run(store: Store, program: Program, book: TokenBook, sealer: Sealer, batch: int, stages: Stages) -> None:
    """What the routing loop does, until nothing is left."""
    egress = Egress(Programs({program.channel: program}), store, "bench", time.time)
    while True:
        with stages.stage("unrouted"):
            waiting = store.unrouted([program.channel], 0, batch)
        if not waiting:
            return
        with stages.stage("map"):
            routings = route(waiting, program, book)
        assert all(isinstance(one.result, Routed) and len(one.result.effects) == EFFECTS for one in routings)
        with stages.stage("guard"):
            egress.check(routings, {one.id: one for one in waiting}, {}, {})
        with stages.stage("store"):
            store.route(routings, sealer.seal(book.minted()), time.time(), turn=book.turn)
            book.committed()


def bench_routing(messages: int, batch: int, folder: Path) -> dict[str, float]:
    """CPU microseconds a message by stage, and `wall` by the clock."""
    ring = KeyRing({"bench": os.urandom(32)})
    program = load_channel(CHANNEL).program
    store = open_store(f"sqlite:///{folder}/wardline.db", ring)
    try:
        fill(store, program, ring, messages, batch)
        spare_the_collector()
        stages = Stages()
        started = time.perf_counter()
        ring = ring.following(store.uses())
        sealer = Sealer(reader_of(Settings(), ring), store.keep_seal_key, Subjects(), clock=time.time)
        run(store, program, new_book(ring, store.tokens), sealer, batch, stages)
        stages.spent["wall"] = time.perf_counter() - started
    finally:
        store.close()
    each = {stage: spent / messages * 1e6 for stage, spent in stages.spent.items()}
    return {**each, **_inside(program, ring, min(messages, 2_000))}


def _inside(program: Program, ring: KeyRing, messages: int) -> dict[str, float]:
    """What of the mapping is parsing, and what goes when all tokens are known."""
    batch = [StoredMessage(number + 1, program.channel, sample(number), 1.7e9) for number in range(messages)]
    stages = Stages()
    with stages.stage("parse"):
        for one in batch:
            Document.parse(one.raw, default_charset=program.charset)
    book = new_book(ring, lambda indexes: {})
    with stages.stage("new"):
        route(batch, program, book)
    book.committed()
    with stages.stage("known"):
        route(batch, program, book)
    spent = {stage: seconds / messages * 1e6 for stage, seconds in stages.spent.items()}
    return {"parse": spent["parse"], "new tokens": spent["new"] - spent["known"]}


def _print(each: dict[str, float]) -> None:
    total = sum(each[stage] for stage in ("unrouted", "map", "guard", "store"))
    rows = [
        ("unrouted: read and decrypt", each["unrouted"]),
        ("map: bytes to effects", each["map"]),
        ("  of which decode and parse", each["parse"]),
        ("  of which new tokens", each["new tokens"]),
        ("guard: what leaves is compared", each["guard"]),
        ("store: effects, tokens, states", each["store"]),
        ("total CPU", total),
        ("by the clock", each["wall"]),
    ]
    print(f"{'stage':<32} {'us/message':>11} {'messages/s':>11}")
    for name, spent in rows:
        print(f"{name:<32} {spent:>11.1f} {1e6 / spent if spent > 0 else 0:>11,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=6_000)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--profile", action="store_true", help="say where the mapping spends its time")
    given = parser.parse_args()
    print(f"{given.messages} messages of {len(sample(0))} bytes in batches of {given.batch}\n")
    if given.profile:
        _profile(min(given.messages, 2_000))
        return
    with tempfile.TemporaryDirectory() as folder:
        _print(bench_routing(given.messages, given.batch, Path(folder)))


def _profile(messages: int) -> None:
    ring = KeyRing({"bench": os.urandom(32)})
    program = load_channel(CHANNEL).program
    batch = [StoredMessage(number + 1, program.channel, sample(number), 1.7e9) for number in range(messages)]
    book = new_book(ring, lambda indexes: {})
    with cProfile.Profile() as profile:
        route(batch, program, book)
    pstats.Stats(profile).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
