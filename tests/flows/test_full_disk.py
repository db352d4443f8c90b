"""A file system that is really full, and one that is nearly so: nothing is acknowledged that is not on it,
the engine says so, and goes on by itself when there is room again."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from base_message import a1, b1, is_answer
from running import Engine, channel, wait_for

SIZE = 12 * 2**20
"""Bytes of the disk: an empty store and its log fit several times."""

PADDING = b"x" * 40_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a file system of its own takes the right to mount one")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def on_disk(small_disk: Path, make_engine: Callable[..., Engine]) -> Callable[[str], Engine]:
    """An engine whose store lies there, started; with so many megabytes as its reserve."""

    def start(reserve: str) -> Engine:
        url = f"sqlite:///{small_disk}/wardline.db"
        engine = make_engine(channel("charges"), settings={"STORE": url, "DISK_RESERVE": reserve})
        engine.store_url = url
        return engine.start()

    return start


def fill(disk: Path, leave: int = 0) -> Path:
    """Take all room but so many bytes; the file that holds it."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        while (room := shutil.disk_usage(disk).free - leave) > 0:
            try:
                file.write(bytes(min(room, 2**20)))
            except OSError:  # the last page of it
                break
    return filler


def message(control_id: str) -> bytes:
    """Large enough that the store's log has to grow."""
    return b1(control_id) + b"\rNTE|1||" + PADDING


def test_a52_a_full_file_system_acknowledges_nothing_that_is_not_on_it(
    small_disk: Path, on_disk: Callable[[str], Engine]
) -> None:
    engine = on_disk("0")
    filler, taken, refused = fill(small_disk), list[str](), ""
    while not refused:  # what the log has room for already is still taken, and kept
        number = f"FULL-{len(taken)}"
        answer = engine.connect().ask(message(number))
        if answer is None:
            refused = number
        else:
            assert is_answer(answer, a1(number))
            taken.append(number)
            assert len(taken) < SIZE / len(PADDING), "the disk never fills"
    wait_for(lambda: not engine.ready(), "the engine to say that it is not ready", engine)
    assert engine.parts()["store"] == "unready"
    assert any("messages not stored" in line for line in engine.logs)
    assert engine.runs

    os.truncate(filler, 0)
    wait_for(engine.ready, "the engine to take messages again", engine)
    assert is_answer(engine.connect().ask(message(refused)), a1(refused))
    for number in taken:
        assert is_answer(engine.connect().ask(message(number)), a1(number))
    states = [view.state.value for view in engine.settle()]
    assert sorted(states) == ["delivered"] * (len(taken) + 1) + ["duplicate"] * len(taken)
    assert len(engine.ledger()) == len(taken) + 1
    code, books = engine.wardline("account")
    assert code == 0, books


def test_t11_a_nearly_full_one_takes_nothing_new_and_finishes_what_it_took(
    small_disk: Path, on_disk: Callable[[str], Engine]
) -> None:
    engine = on_disk("4")
    assert is_answer(engine.connect().ask(b1("NEAR-1")), a1("NEAR-1"))
    filler = fill(small_disk, leave=3 * 2**20)
    wait_for(lambda: not engine.ready(), "the engine to say that it is not ready", engine)
    assert engine.connect().ask(b1("NEAR-0")) is None
    assert [view.state.value for view in engine.settle()] == ["delivered"]
    assert any("the disk is nearly full" in line for line in engine.logs)
    assert engine.parts()["store"] == "unready"

    os.truncate(filler, 0)
    wait_for(engine.ready, "the engine to take messages again", engine)
    assert is_answer(engine.connect().ask(b1("NEAR-2")), a1("NEAR-2"))
    assert len(engine.settle()) == 2
