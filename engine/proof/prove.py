"""The proof from one end to the other: channels, plan, engine, search, report."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files as packaged
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from engine.config.loading import load_channels
from engine.proof.canaries import Canaries
from engine.proof.channels import Folders, write_channels
from engine.proof.drive import RECEIVER, Drive
from engine.proof.hl7_messages import VERSIONS
from engine.proof.places import Place, database
from engine.proof.plan import Plan, make_plan
from engine.proof.report import Hit, Report, Searched
from engine.proof.rows import covered, for_the_engine, row_of
from engine.proof.sealed import columns_of, values_of
from engine.proof.search import Search

__all__ = ["Wanted", "prove"]

_NUMBERS: Final = re.compile(r": (MSH-10|(PID-3|PID-18|PV1-19|PV1-50|FT1-2|SCH-1|SCH-2|MRG-1)(\[\d\]\.1)?)$")
_TRIED_HASHES: Final = 2000
_VERSIONED: Final = re.compile(r" (\(\d+\)|after kill.*|at the end)$|\d{6,}")
NOT_SEARCHED: Final = [
    "files that senders put into the folders of channels: they are the senders', and lie there as long as "
    "`keep_days` says",
    "bodies of resources given back to a client that may read them, and that clients wrote",
    "what an answer has to repeat: MSH-3 to MSH-6, the control id, the `self` link of a search",
    "memory of the process, swap",
]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be proved: which channels, with which store (empty: a SQLite of its own), how many messages
    by chance, which rows (a pattern), which database of Odoo is to be searched (empty: effects go to a
    ledger)."""

    seed: int = 1
    channels: Path | None = None
    store: str = ""
    chance: int = 10_000
    rows: str = "*"
    odoo: str = ""
    command: Sequence[str] = (sys.executable, "-m", "engine.cli")


def prove(
    wanted: Wanted, root: Path, told: Callable[[str], None], environment: Mapping[str, str] = os.environ
) -> Report:
    """Run a proof in the empty folder `root`. Raises `Misconfigured` or `Unavailable`."""
    began, clock = datetime.now(UTC), time.monotonic()
    folders = Folders(root)
    names = write_channels(wanted.channels, folders, receiver=RECEIVER, odoo=bool(wanted.odoo))
    told("making messages")
    channels = [one for one in load_channels(folders.channels) if one.spec.channel in names]
    plan = make_plan(wanted.seed, channels, wanted.chance, wanted.rows)
    drive = Drive(folders, plan, wanted.store or f"sqlite:///{root}/wardline.db", wanted.command, environment)
    drive.run(told)
    told("searching")
    places = list(drive.places())
    if wanted.odoo:
        places += database(wanted.odoo, "Odoo")
    hits, searched = _search(places, plan.canaries)
    hashes, found = _hashes(plan, root / "wardline.db")
    rows = covered(plan.canaries.all_places())
    return Report(
        wardline=version("wardline"),
        seed=wanted.seed,
        plan=plan.hash,
        table=hashlib.sha256(packaged("engine.privacy").joinpath("phi.csv.gz").read_bytes()).hexdigest(),
        began=began.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock),
        store=wanted.store.partition(":")[0] or "sqlite",
        odoo="searched" if wanted.odoo else "none: effects went to a ledger",
        channels=names,
        versions=list(VERSIONS),
        rows=rows.rows,
        tried=rows.tried,
        not_tried=rows.reasons,
        canaries=len(plan.canaries),
        sent={  # what, how many
            "messages of the table and of cases": len(plan.messages),
            "files": len(plan.files),
            "resources": len(plan.creates),
            "requests": drive.requests,
            "messages by chance": len(plan.chance),
        },
        states=drive.states(),
        kills=drive.kills,
        stopped_by_guard=drive.stopped(),
        incidents=drive.incidents(),
        searched=searched,
        not_searched=NOT_SEARCHED,
        sealed=_sealed(root / "wardline.db"),
        digests=hashes,
        hits=[*hits, *found],
        faults=_faults(places, drive, root / "wardline.db"),
    )


def _search(places: Iterable[Place], canaries: Canaries) -> tuple[list[Hit], list[Searched]]:
    hits: list[Hit] = []
    search = Search(canaries)
    counted: dict[str, tuple[int, int]] = {}
    for place in places:
        found = sorted(search.places_in(place.data, passing=place.kind == "silent"))
        if place.kind == "shown":
            found = [one for one in found if not for_the_engine(row_of(one))]
        hits += [Hit(row_of(one), one.rpartition(": ")[0], place.name) for one in found]
        kind = _VERSIONED.sub("", place.name)
        kind = "forwarded files" if kind.startswith("forwarded/") else kind
        count, size = counted.get(kind, (0, 0))
        counted[kind] = count + 1, size + len(place.data)
    return hits, [Searched(name, *counts) for name, counts in sorted(counted.items())]


def _hashes(plan: Plan, store: Path) -> tuple[int, list[Hit]]:
    """Plain hashes of numbers that were sent, looked for in every value of the store (spec: PHI, P12)."""
    if not store.exists():
        return 0, []
    numbered = (at for at, place in enumerate(plan.canaries.places()) if _NUMBERS.search(place))
    digests = plan.canaries.digests(plan.canaries.texts(islice(numbered, _TRIED_HASHES)))
    found = digests.intersection(values_of(store))
    return len(digests), [Hit("a number as a plain hash", "", "wardline.db") for _ in found]


def _sealed(store: Path) -> dict[str, str]:
    if not store.exists():
        return {}
    return {
        one.name: f"{one.values:,} values, {one.bytes:,} bytes, "
        + ("ciphertext" if one.random else "NO ciphertext")
        for one in columns_of(store)
    }


def _faults(places: Sequence[Place], drive: Drive, store: Path) -> list[str]:
    """What would make the proof worth nothing."""
    faults = (
        [f"{one.name} is no ciphertext" for one in columns_of(store) if not one.random]
        if store.exists()
        else []
    )
    passed = (one for one in places if one.name.startswith(("forwarded/", "ledger")))
    if not any("ZKXW" in one.data.decode("latin-1") for one in passed):
        faults.append("nothing of what passes arrived: the search had nothing to find")
    if not drive.states().get("delivered"):
        faults.append("no message was delivered")
    faults += drive.faults
    return faults
