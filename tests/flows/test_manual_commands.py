"""Every command of the manual, run as it stands there, in a hospital that has had its first messages.

A page is read to its end in a copy of that hospital's folder: `channels/`, a store with messages that were
delivered, filtered, refused and dead, samples, keys. Numbers and tokens that a page makes up are put in by
`FACTS`; what takes a running engine, a browser or Odoo is run by the test that `ELSEWHERE` names.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands_at_hand import commands_at_hand
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hospital_messages import Used, admission, booking, charges, merge
from manual_commands import Command, commands
from running import Engine

from engine.manual.contents import pages

ROOT = Path(__file__).parents[2]
CHANNELS = ROOT / "channels"
ELSEWHERE = {
    "manual/first-channel": "tests/flows/test_walkthrough.py",
    "manual/fhir": "tests/flows/test_fhir_node.py",
    "manual/proof": "tests/proof/test_proof_whole.py",
}
"""Pages whose commands another test runs from their text, or at greater length."""

APART = {
    "wardline run": "tests/flows/test_running_node.py",
    "wardline doctor": "tests/flows/test_walkthrough.py",
    "wardline workbench": "tests/flows/test_workbench_browser.py",
    "wardline reconcile": "tests/flows/test_reconcile_odoo.py",
    "wardline withdraw": "tests/cli/test_approve_command.py",
    "wardline reidentify": "tests/reidentify/test_reidentify_manual.py",
    "--odoo hospital-odoo": "tests/cli/test_try_command.py",
}
"""Commands that serve until told to end, or need Odoo: what they contain → where they are run."""

PERSON, GONE, OTHER, VISIT = "7788123", "5550001", "5550002", "V-7001"
TO_CORRECT = charges("2-4", PERSON, VISIT, Used("T4", "850001"))
TYPED = {
    "wardline find -": f"{PERSON}\n",
    "wardline erase -": f"{OTHER}\ny\n",
    "wardline erase": "y\n",
}
"""What is typed where a command asks."""

ENDS_WITH = {"wardline try channels/dft-charges.yaml message.hl7 --site": 1}
"""Exit codes that are an answer."""


class Hospital:
    """A folder as an analyst's, and what its pages' made-up names stand for."""

    def __init__(self, folder: Path, at_hand: Path) -> None:
        self.folder, self._at_hand = folder, at_hand
        self.facts: dict[str, str] = {}
        self._exported = ""

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{self._at_hand}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            "COLUMNS": "200",
            "WARDLINE_STORE": f"sqlite:///{self.folder}/wardline.db",
            "WARDLINE_LEDGER": f"{self.folder}/ledger.jsonl",
            "WARDLINE_REIDENTIFY_PUBLIC": f"{self.folder}/officer.key.pub",
            "WARDLINE_REIDENTIFY_PRIVATE": f"{self.folder}/officer.key",
        }

    def run(self, text: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        for made_up, real in self.facts.items():
            text = re.sub(made_up, real, text)
        if text.startswith("export "):
            self._exported += f"{text}\n"
        return subprocess.run(
            ["/bin/bash", "-c", self._exported + text], cwd=self.folder, env=self.environment, input=typed,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip


class Shipped(Engine):
    """The shipped channels under their own names, on free ports."""

    def _doors(self) -> int:
        return sum("\nsource:" in path.read_text() for path in self.channels.glob("*.yaml"))


@pytest.fixture(scope="module")
def at_hand() -> Iterator[Path]:
    with commands_at_hand() as found:
        yield found


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory, at_hand: Path) -> Hospital:
    """The hospital after its first messages; its engine has ended."""
    made = Hospital(tmp_path_factory.mktemp("hospital"), at_hand)
    engine = Shipped(made.folder, settings=_officer(made))
    shutil.rmtree(engine.channels)
    shutil.copytree(CHANNELS, engine.channels)
    for path in engine.channels.glob("*.yaml"):
        path.write_text(re.sub(r"listen: tcp:\d+", "listen: tcp:127.0.0.1:0", path.read_text()))
    engine.start()
    try:
        _send(engine)
        views = engine.settle()
    finally:
        engine.hang_up()
        engine.stop()
    charged, replayed, mended, corrected, *_ = (view.id for view in views if view.channel == "dft-charges")
    _second_edition(made)
    with engine.store() as store:
        (merged,) = store.merges()
    _samples(made.folder)
    made.facts = {
        r"\b4711\b": str(charged),
        r"\b4712\b": str(replayed),
        r"\b4713\b": str(mended),
        r"\b4714\b": str(corrected),
        r"t1p_9xyz…": merged.into,
        r"t1p_0a1b…(?= --from)": merged.gone,
        r"t1p_(0a1b)?…": merged.into,
        r"\bCHANNELS\b|\bFILE\b": "channels/dft-charges.yaml",
        r"/etc/wardline/|\.venv/bin/|var/demo/": "",
        r"(?<=--id )16\b": str(charged),
        r"^(wardline (codes resolve|deploy|approve) .*)$": r"\1 --yes",
        r"^(wardline (deploy|approve|rollback) .*)$": r"\1 --wait 0",  # for no engine that runs
        r"\bnorth\b( --site |,)production": "outpatient",
        r"\bnorth\b": "outpatient",
        r"(?<=approve )4\b": "2",
    }
    return made


def _officer(made: Hospital) -> dict[str, str]:
    """The privacy officer's key, which the engine has the public half of."""
    done = made.run("wardline vault keygen officer.key")
    assert done.returncode == 0, done.stderr
    return {"REIDENTIFY_PUBLIC": made.environment["WARDLINE_REIDENTIFY_PUBLIC"]}


def _second_edition(made: Hospital) -> None:
    """What is deployed now has one before it."""
    path = made.folder / "channels" / "dft-charges.yaml"
    path.write_text(path.read_text().replace("description: ", "description: again ", 1))
    done = made.run("wardline deploy channels --yes --wait 0 --why 'the second'")
    assert done.returncode == 0, done.stderr


def _send(engine: Engine) -> None:
    adt, dft, siu = map(engine.connect, ("adt-encounters", "dft-charges", "theatre-schedule"))
    for raw in (
        admission("1-1", PERSON, VISIT),
        admission("1-2", GONE, "V-7002"),
        merge("1-3", GONE, PERSON),
    ):
        adt.ask(raw)
    adt.ask(admission("1-4", OTHER, "V-7003"))
    engine.settle()
    dft.ask(charges("2-1", PERSON, VISIT, Used("T1", "850001")))
    dft.ask(charges("2-5", PERSON, VISIT, Used("T5", "850001")))
    dft.ask(charges("2-6", PERSON, VISIT, Used("T6", "850001")))
    dft.ask(TO_CORRECT)
    dft.ask(charges("2-2", PERSON, VISIT, Used("T2", "0270001")))  # in no table
    dft.ask(admission("2-3", PERSON, VISIT))  # a type that the channel does not take
    siu.ask(booking("3-1", "A-1", PERSON, VISIT))


def _samples(folder: Path) -> None:
    for name in ("samples", "today"):
        (folder / name).mkdir()
        (folder / name / "one.hl7").write_bytes(charges("9-1", "1", "V1", Used("T9", "850001")))
    (folder / "corrected.hl7").write_bytes(TO_CORRECT.replace(b"850001", b"990001"))
    shutil.copyfile(folder / "samples" / "one.hl7", folder / "message.hl7")
    (folder / "channels" / "profiles").mkdir(exist_ok=True)
    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    (folder / "ehr-public.pem").write_bytes(
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


def _pages() -> Iterator[str]:
    for page in pages():
        if page.path not in ELSEWHERE and any(commands(page.path)):
            yield page.path


def _elsewhere(command: Command) -> bool:
    return any(part in command.text for part in APART)


@pytest.mark.parametrize("page", sorted(_pages()))
def test_every_command_of_a_page_runs_as_it_stands_there(
    page: str, first_day: Hospital, at_hand: Path, tmp_path: Path
) -> None:
    shutil.copytree(first_day.folder, tmp_path / "hospital")
    here = Hospital(tmp_path / "hospital", at_hand)
    here.facts = first_day.facts
    failed = []
    for command in commands(page):
        if _elsewhere(command):
            continue
        typed = next((text for start, text in TYPED.items() if command.text.startswith(start)), "")
        wanted = next((code for start, code in ENDS_WITH.items() if command.text.startswith(start)), 0)
        done = here.run(command.text, typed)
        if done.returncode != wanted:
            failed.append(f"{page}.md:{command.line}: {command.text}\n{done.stdout}{done.stderr}")
    if failed:
        pytest.fail("\n".join(failed), pytrace=False)


@pytest.mark.parametrize("place", sorted({*ELSEWHERE.values(), *APART.values()}))
def test_what_is_run_elsewhere_is(place: str) -> None:
    assert (ROOT / place).is_file()
