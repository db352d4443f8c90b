"""A process is known by its id and the moment it began."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.process import Process, environment, free_port, name_of, run

STUBBORN = "from signal import *; signal(SIGINT, SIG_IGN); print(flush=True); pause()"


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE)
    assert started.stdout is not None
    started.stdout.readline()
    yield started
    started.kill()
    started.wait()
    started.stdout.close()


def test_a_record_finds_the_same_process_again(child: subprocess.Popen[bytes]) -> None:
    again = Process.read(Process.of(child.pid).record())
    assert again.alive()


def test_another_process_under_a_recycled_id_is_not_ours(child: subprocess.Popen[bytes]) -> None:
    stranger = Process(child.pid, "another-boot/1")
    assert not stranger.alive()
    assert not stranger.end()
    assert child.poll() is None


def test_a_process_that_will_not_go_is_killed(child: subprocess.Popen[bytes]) -> None:
    process = Process.of(child.pid)
    assert process.end(signal.SIGINT, patience=0.1)
    assert child.wait(timeout=5) == -signal.SIGKILL
    assert not process.end()


def test_a_process_nobody_buried_yet_is_gone(child: subprocess.Popen[bytes]) -> None:
    process = Process.of(child.pid)
    child.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while process.alive() and time.monotonic() < deadline:
        pass
    assert not process.alive()
    assert name_of(child.pid) == ""


def test_no_process_no_name() -> None:
    assert name_of(2**22 + 1) == ""
    with pytest.raises(ProcessLookupError):
        Process.of(2**22 + 1)


def test_a_free_port_can_be_bound() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass


def test_what_a_command_says_goes_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert run([sys.executable, "-c", "import sys; print('said'); sys.exit(7)"], log) == 7
    assert log.read_text() == "said\n"


def test_the_way_of_another_python_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PGHOST", "elsewhere")
    assert not {"PYTHONPATH", "PGHOST"} & set(environment({}))
    assert environment({"PYTHONPATH": "here"})["PYTHONPATH"] == "here"
