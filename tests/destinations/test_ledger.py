"""The ledger holds each delivery once, durably, and mends itself after a crash."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.destinations.ledger import LedgerDestination
from engine.effects import Encounter, Release, decode
from engine.errors import Misconfigured
from engine.model import Delivered, Delivery, TryAgain


def delivery(number: int) -> Delivery:
    effect = Release(key=f"k{number}") if number % 2 else Encounter(key=f"v{number}", subject="p")
    return Delivery(number, number * 10, "ch", "ledger", effect, "", 1)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def deliver(path: Path, *numbers: int) -> None:
    ledger = LedgerDestination(path)
    outcomes = ledger.deliver([delivery(n) for n in numbers], lambda _: None)
    assert outcomes == [Delivered({"ledger": str(n)}) for n in numbers]
    ledger.close()


def test_one_line_per_delivery_however_often_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "effects.ndjson"
    deliver(path, 1, 2)
    deliver(path, 2, 3, 1)
    assert [line["delivery"] for line in lines(path)] == [1, 2, 3]
    assert lines(path)[0]["kind"] == "release"
    assert decode(json.dumps(lines(path)[1]["effect"])) == delivery(2).effect
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_torn_line_is_cut_off_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "effects.ndjson"
    deliver(path, 1, 2)
    whole = path.read_bytes()
    for cut in range(1, len(whole.splitlines(keepends=True)[1]) + 1):
        path.write_bytes(whole[:-cut])
        deliver(path, 1, 2)
        assert path.read_bytes() == whole


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("groceries\n")
    with pytest.raises(Misconfigured):
        LedgerDestination(path)
    assert path.read_text() == "groceries\n"
    with pytest.raises(Misconfigured):
        LedgerDestination(tmp_path / "no" / "such" / "folder")


def test_a_write_that_fails_leaves_nothing_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "effects.ndjson"
    ledger = LedgerDestination(path)
    ledger.deliver([delivery(1)], lambda _: None)

    def full(_: int) -> None:
        raise OSError(28, "no space left")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        assert isinstance(ledger.deliver([delivery(2)], lambda _: None)[0], TryAgain)
    assert len(lines(path)) == 1
    ledger.deliver([delivery(2)], lambda _: None)
    ledger.close()
    assert [line["delivery"] for line in lines(path)] == [1, 2]


def test_killed_after_its_fsync_the_line_stands(tmp_path: Path) -> None:
    path = tmp_path / "effects.ndjson"
    script = (
        "import os, pathlib, sys\n"
        "from engine.destinations.ledger import LedgerDestination\n"
        "from engine.effects import Release\n"
        "from engine.model import Delivery\n"
        "ledger = LedgerDestination(pathlib.Path(sys.argv[1]))\n"
        "ledger.deliver([Delivery(1, 10, 'ch', 'ledger', Release(key='k1'), '', 1)], lambda _: None)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    deliver(path, 1, 2)
    assert [line["delivery"] for line in lines(path)] == [1, 2]
