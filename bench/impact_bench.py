"""How many stored messages a second are compared through two sets of channels.

    python -m bench.impact_bench [--messages 2000]

The messages are those of `bench.routing_bench`: a DFT^P03 of 2 KB with six effects; the shipped charges
channel against one whose wards lie elsewhere, so that every message differs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from bench.routing_bench import CHANNEL, sample
from engine.config.loading import load_channels
from engine.editions.impact import impact
from engine.editions.wording import headline
from engine.model import Arrival
from engine.store.keys import KeyRing
from engine.store.sql import open_store

__all__ = ["bench_impact"]


def bench_impact(messages: int) -> float:
    """Messages a second."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "channels"
        shutil.copytree(CHANNEL.parent, folder)
        places = folder / "tables/locations.csv"
        places.write_text(places.read_text().replace("WH/Wards/", "WH/Houses/"))
        store = open_store(f"sqlite:///{scratch}/wardline.db", KeyRing({"bench": bytes(32)}))
        store.accept([_arrival(number) for number in range(messages)])
        old, new = load_channels(CHANNEL.parent), load_channels(folder)
        ids = {"dft-charges": store.newest("dft-charges", messages)}
        started = time.perf_counter()
        found = impact(store, old, new, ids, os.urandom(32))
        seconds = time.perf_counter() - started
        print(headline(found.channels[0]))
        store.close()
        return messages / seconds


def _arrival(number: int) -> Arrival:
    name = number.to_bytes(16)
    return Arrival("dft-charges", sample(number), name, name + name, 0.0, "accepted", None, "DFT^P03")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000)
    print(f"{bench_impact(parser.parse_args().messages):,.0f} messages/s")
