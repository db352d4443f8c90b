"""The analyst's afternoon of the manual, from its own text: two samples of senders not seen before become two
channels with effects in the real Odoo."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from corpus_messages import CORPUS
from odoo_books import sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine, connection
from patience import free_port

from demo.odoo import Running
from demo.session import Session
from engine.app.opening import open_settings
from engine.settings import Settings
from engine.store.base import MessageStore
from engine.workbench.drafting.samples import read_samples
from engine.workbench.drafting.synthetic import Synthesizer

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/manual/first-channel.md"
MADE_UP = ROOT / "docs/examples/walkthrough"
TOOLS = "joemoceri__hl7tools-dotnet/src/HL7Tools.Tests/EvaluatorTests/HL7V2/sample-messages"
SAMPLES = {
    "charge.hl7": f"{TOOLS}/DFT-P03 Charge.txt",
    "booking.hl7": "microsoft__FHIR-Converter/data/SampleData/Hl7v2/SIU-S12-02.hl7",
}  # fmt: skip
"""The page's names of the samples, and the real ones in the corpus."""

PORTS = ("2590", "2591")
_BLOCK = re.compile(r"```(sh|console|text)\n(.*?)```", re.DOTALL)
_MARK = "=== end of a step ==="
_ENGINE = """\
%s > engine.log 2>&1 &
echo $! > engine.pid
until [ $(grep -c 'channel listening' engine.log) = 2 ]; do kill -0 $(cat engine.pid); sleep 0.1; done
"""


class Step(NamedTuple):
    """Commands of the page, and what it says they print."""

    commands: str
    printed: str


def steps() -> list[Step]:
    """The page's own; what it runs in another terminal goes into the background."""
    found: list[Step] = []
    for kind, text in _BLOCK.findall(PAGE.read_text()):
        if kind == "text":
            found[-1] = found[-1]._replace(printed=text.strip("\n"))
        else:
            found.append(Step(_ENGINE % text.strip() if kind == "console" else text, ""))
    return found


class _Walked:
    """What stands in the store of the walk, for the search through Odoo."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def store(self) -> Iterator[MessageStore]:
        opened = open_settings(Settings(store=self._url))
        try:
            yield opened
        finally:
            opened.close()


@pytest.fixture
def odoo() -> Iterator[Running]:
    found = fresh_database("walkthrough")
    yield found
    drop_database(found)


@pytest.fixture
def folder(tmp_path: Path, odoo: Running) -> Iterator[Path]:
    """With the samples: the corpus's where there is one, else those with made-up people."""
    (tmp_path / "samples").mkdir()
    for name, real in SAMPLES.items():
        shutil.copyfile(CORPUS / real if CORPUS.is_dir() else MADE_UP / name, tmp_path / "samples" / name)
    wardline = tmp_path / "bin/wardline"
    wardline.parent.mkdir()
    wardline.write_text(f'#!/bin/sh\nexec {sys.executable} -m engine.cli "$@"\n')
    wardline.chmod(0o755)
    walked: Any = _Walked(f"sqlite:///{tmp_path}/var/wardline.db")
    HospitalEngine.before.setdefault(odoo.database, []).append(walked)
    yield tmp_path
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((tmp_path / "engine.pid").read_text()), signal.SIGTERM)


def two_ports() -> tuple[str, str]:
    """Free ones, side by side: the second channel takes the next."""
    while True:
        first = free_port()
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", first + 1))
            return str(first), str(first + 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.odoo
@NEEDS_ODOO[1]
def test_the_walkthrough_as_printed_ends_in_odoo(folder: Path, odoo: Running) -> None:
    listed = steps()
    assert len(listed) > 12
    script = f"\necho '{_MARK}'\n".join(step.commands for step in listed) + f"\necho '{_MARK}'\n"
    for old, new in zip(PORTS, two_ports(), strict=True):
        assert old in script
        script = script.replace(old, new)
    settings = {f"WARDLINE_{name}": text for name, text in connection(odoo, "", {}).items()}
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=540, check=False,
        env={
            "PATH": f"{folder}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(folder),
            "WARDLINE_HTTP": "off", **settings,
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert [wrong for wrong in map(_wrong, listed, done.stdout.split(f"{_MARK}\n")) if wrong] == []
    with sign_in(odoo) as admin:
        assert charged(admin) == [("CON-01", 1.0, 75.0)]
        assert reserved(admin) == [
            ("WH/Stock", "WH/Lab", [("GLV-M", 2.0), ("SYR-10", 1.0)]),
            ("WH/Stock", "WH/Wards/ED", [("GLV-M", 2.0)]),
        ]


_ASIDE = re.compile(r"\d+ (questions:|channels?: \d|cases?, )|no engine has taken it up yet")
"""What goes to the standard error output."""


def _wrong(step: Step, said: str) -> str:
    """What a step printed, where the page says otherwise."""
    lines = [line for line in said.splitlines() if line and not _ASIDE.match(line)]
    right = not step.printed or re.fullmatch(_pattern(step.printed), "\n".join(lines))
    return "" if right else f"{step.commands}printed\n{said}"


def _pattern(printed: str) -> str:
    """What the page says that is printed: `…` is anything on the line, blanks are as many as there are."""
    return re.sub(r"(\\ )+", " +", re.escape(printed)).replace(" +…", ".*").replace("…", ".*")


def charged(admin: Session) -> list[tuple[Any, ...]]:
    """Item, quantity and price of every line."""
    rows = admin.read("sale.order.line", [], "product_id", "product_uom_qty", "price_unit")
    return [(_code(row), row["product_uom_qty"], row["price_unit"]) for row in rows]


def reserved(admin: Session) -> list[tuple[Any, ...]]:
    """From, to, and what: of every transfer that came out of the bookings."""
    found = admin.read(
        "stock.picking", [["origin", "=like", "radiology/%"]], "location_id", "location_dest_id"
    )
    told = []
    for row in found:
        moves = admin.read("stock.move", [["picking_id", "=", row["id"]]], "product_id", "product_uom_qty")
        what = sorted((_code(move), move["product_uom_qty"]) for move in moves)
        told.append((row["location_id"][1], row["location_dest_id"][1], what))
    return sorted(told)


def _code(row: dict[str, Any]) -> str:
    return str(row["product_id"][1].split("]")[0][1:])


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")
@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_of_the_page_are_those_of_the_corpus_with_made_up_people(name: str) -> None:
    (sample,), _ = read_samples([CORPUS / SAMPLES[name]])
    assert (MADE_UP / name).read_text() == Synthesizer([sample.document]).of(sample.document)
