"""How fast is safe storage, beside the floor of the same run: a plain file written and fdatasynced.

    python bench/store_bench.py [--folder FOLDER] [--url postgresql://…] [--seconds 2]

Prints a table; every message is 1.2 KB of its own, sealed, and checked for being a duplicate.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.effects import Charge, Item, Money
from engine.model import Arrival, Delivered, Lane, Routed, Routing, Settlement
from engine.store.base import MessageStore
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.tokens import Lookup, NewToken

RING = KeyRing({"bench": os.urandom(32)})
NAMES = Fingerprints(RING)
SIZE = 1200
WARM_UP = 20


def arrivals(count: int) -> list[Arrival]:
    """New messages of 1.2 KB."""
    made = []
    for _ in range(count):
        control_id = os.urandom(8).hex()
        raw = f"MSH|^~\\&|LAB|HOSP|||20261121||DFT^P03|{control_id}|P|2.5\r".encode().ljust(SIZE, b"x")
        name = NAMES.of("charges", b"LAB", b"HOSP", control_id.encode())
        made.append(Arrival("charges", raw, name, NAMES.digest(raw), 1.7e9, type="DFT^P03"))
    return made


def rate(act: Callable[[Any], object], make: Callable[[], Any], seconds: float) -> tuple[float, float]:
    """Times a second, and CPU microseconds each; what `make` makes is not counted."""
    wall = cpu = 0.0
    count = -WARM_UP
    while wall < seconds:
        given = make()
        wall_before, cpu_before = time.perf_counter(), time.process_time()
        act(given)
        count += 1
        if count > 0:
            wall += time.perf_counter() - wall_before
            cpu += time.process_time() - cpu_before
    return count / wall, cpu / count * 1e6


@contextmanager
def floor_file(folder: Path) -> Iterator[int]:
    """An append-only file, space set aside beforehand."""
    path = folder / "floor"
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    os.posix_fallocate(handle, 0, 1 << 30)
    try:
        yield handle
    finally:
        os.close(handle)
        path.unlink()


def bench_accept(store: MessageStore, folder: Path, seconds: float) -> None:
    print(
        f"{'batch':>6} {'floor commits/s':>16} {'commits/s':>10} {'of floor':>9} {'messages/s':>11}"
        f" {'CPU us/msg':>11}"
    )
    for batch in (1, 8, 32, 64, 128, 256):
        data = os.urandom(batch * (SIZE + 28))
        with floor_file(folder) as handle:

            def write(data: bytes, handle: int = handle) -> None:
                os.write(handle, data)
                os.fdatasync(handle)

            def back(data: bytes = data, handle: int = handle) -> bytes:
                if os.lseek(handle, 0, os.SEEK_CUR) > 1 << 29:
                    os.lseek(handle, 0, os.SEEK_SET)
                return data

            floor, _ = rate(write, back, seconds / 2)
        speed, cpu = rate(store.accept, lambda batch=batch: arrivals(batch), seconds)  # type: ignore[misc]
        print(
            f"{batch:>6} {floor:>16,.0f} {speed:>10,.0f} {speed / floor:>9.0%} {speed * batch:>11,.0f}"
            f" {cpu / batch:>11.1f}"
        )


def routing_of(message_id: int) -> tuple[Routing, list[NewToken]]:
    """Three effects and three new tokens."""
    minted = [
        NewToken(
            token=f"t1p_{os.urandom(14).hex()}",
            domain="p",
            lookups=(Lookup(os.urandom(16), "bench"),),
            key_id="bench",
            sealed=os.urandom(80),
        )
        for _ in range(3)
    ]
    effects = tuple(
        Charge(
            key=f"{message_id}/{number}",
            encounter=minted[0].token,
            item=Item("GLOVE-7", Decimal(2)),
            price=Money(Decimal("12.40"), "EUR"),
            cost_centre="4711",
            subject=minted[1].token,
        )
        for number in range(3)
    )
    return Routing(message_id, Routed(effects, minted[1].token), destinations=("odoo",)), minted


def bench_rest(store: MessageStore, rounds: int) -> None:
    """Read back, route, claim and settle a hundred messages at a time."""
    spent = dict.fromkeys(("unrouted", "route", "claim", "settle"), (0.0, 0.0))

    def timed(word: str, act: Callable[..., Any], *given: Any, **named: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = act(*given, **named)
        before = spent[word]
        spent[word] = (before[0] + time.perf_counter() - wall, before[1] + time.process_time() - cpu)
        return result

    after = store.accept(arrivals(1))[0].id
    for _ in range(rounds):
        store.accept(arrivals(100))
    for _ in range(rounds):
        found = timed("unrouted", store.unrouted, ["charges"], after, 100)
        after = found[-1].id
        made = [routing_of(message.id) for message in found]
        timed("route", store.route, [one for one, _ in made], [new for _, two in made for new in two], 1.7e9)
    lease: dict[str, Any] = {"now": 1.8e9, "lease_until": 1.9e9, "holder": "bench"}
    for _ in range(rounds):
        claimed = timed("claim", store.claim, "odoo", Lane.NORMAL, 300, **lease)
        outcomes = [Settlement(one.id, Delivered({"sale.order.line": "42"})) for one in claimed]
        timed("settle", store.settle, outcomes, now=1.8e9, holder="bench")
    for word, (wall, cpu) in spent.items():
        each = rounds * 100
        print(f"{word:>9}: {wall / each * 1e6:6.1f} us a message, {cpu / each * 1e6:6.1f} us of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--url", default="")
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        store = open_store(chosen.url or f"sqlite:///{folder}/wardline.db", RING)
        bench_accept(store, folder, chosen.seconds)
        bench_rest(store, 60)
        store.close()


if __name__ == "__main__":
    main()
