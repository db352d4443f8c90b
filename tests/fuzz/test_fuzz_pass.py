"""A short pass of `make fuzz`, so that its targets cannot rot; and proof that they find what is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from engine.fhir import primitives
from engine.hl7 import batch, escape
from fuzz.__main__ import SHARES, fuzz
from fuzz.seeds import ROOT, seeds
from mllp import framing, session

needs_atheris = pytest.mark.skipif(
    find_spec("atheris") is None, reason="atheris has no wheel for this machine"
)
INPUTS = {"framing": 10_000, "session": 25_000, "batch": 8_000, "document": 7_000, "resources": 2_500}


@pytest.mark.parametrize("target", SHARES)
def test_every_seed_and_everything_once_found_holds(target: str) -> None:
    check = import_module(f"fuzz.{target}").check
    given = list(seeds(target))
    assert len(given) > 20
    for data in given:
        check(data)


@pytest.mark.parametrize("target", SHARES)
@needs_atheris
def test_a_short_pass_finds_nothing(target: str, tmp_path: Path) -> None:
    found = fuzz(target, INPUTS[target], 1, tmp_path)
    assert found.code == 0, found.finding
    assert found.inputs >= INPUTS[target]
    assert found.reached > 60, "the code under test was not watched"
    assert found.kept > len(list(seeds(target))) / 2


FAULTS: dict[str, tuple[object, str, Callable[[Any], Any]]] = {
    "framing": (framing, "_undecided", lambda _: lambda _data, _at: 0),
    "session": (session.Session, "_resume", lambda _: lambda self, _paused_at, _now: None),
    "batch": (batch, "_TAIL", lambda _: 3),
    "resources": (primitives, "_CONTROL", lambda _: re.compile("(?!)")),
    "document": (escape, "_bytes", lambda _: lambda digits, codec: bytes.fromhex(digits).decode(codec)),
}
"""For each target a fault like those it is for: a split start byte forgotten, a pause never ended, a
header that falls between two portions, an exception of Python's own, characters that XML has not."""


@pytest.mark.parametrize("target", SHARES)
def test_a_fault_would_be_found(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, spoil = FAULTS[target]
    monkeypatch.setattr(where, name, spoil(getattr(where, name)))
    check = import_module(f"fuzz.{target}").check
    with pytest.raises((AssertionError, ValueError, AttributeError)):
        for data in seeds(target):
            check(data)


@needs_atheris
def test_a_finding_fails_the_command_and_is_kept(tmp_path: Path) -> None:
    """The whole command, with a target that cannot hold in place of a real one."""
    (tmp_path / "sitecustomize.py").write_text(
        "import mllp.framing\nmllp.framing.encode = lambda message: message\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = ["-m", "fuzz", "--inputs", "1000", "--targets", "framing", "--folder", str(tmp_path / "kept")]
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert list((tmp_path / "kept" / "found").glob("framing-crash-*"))
