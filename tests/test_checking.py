"""The processes that check: what they find, and what happens when they hang or die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from test_pipeline import program

from engine import checking
from engine.checking import Checking
from engine.hl7.profile import FieldUse, Profile, SegmentUse, TypeUse
from engine.model import StoredMessage
from engine.programs import Programs

GOOD = (
    rb"MSH|^~\&|EHR|HOSP|ENG|STORE|20261121120000||ADT^A01^ADT_A01|C1|P|2.5" + b"\r"
    b"EVN||20261121120000\rPID|1||7788^^^HOSP^MR||SURNAMEX^GIVENX\rPV1|1|I\r"
)
BAD = GOOD.replace(b"PV1|1|I\r", b"")


def message(number: int, raw: bytes, channel: str = "charges") -> StoredMessage:
    return StoredMessage(number, channel, raw, 0.0)


def structure(**changes: object) -> Checking:
    return Checking(Programs({"charges": program(validate="structure")}), workers=1, **changes)  # type: ignore[arg-type]


def wait_for(happened: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.fixture(scope="module")
def check() -> Iterator[Checking]:
    made = structure()
    yield made
    made.close()


def test_only_messages_with_findings_are_told_of(check: Checking) -> None:
    found = check.look([message(1, GOOD), message(2, BAD)])
    assert list(found) == [2]
    assert [(reason.code, reason.place, reason.hl7) for reason in found[2]] == [("structure", "PV1", 100)]


def test_a_channel_that_wants_no_check_starts_no_process() -> None:
    idle = Checking(Programs({"charges": program()}))
    assert idle.look([message(1, BAD)]) == {}
    assert idle._pool is None


def test_another_channels_messages_are_not_looked_at(check: Checking) -> None:
    assert check.look([message(1, BAD, "other")]) == {}


def test_what_is_only_worth_a_look_has_no_error_code(check: Checking) -> None:
    (reason,) = check.look([message(1, GOOD.replace(b"GIVENX", b"GIVENX|||Q"))])[1]
    assert (reason.place, reason.hl7) == ("PID-8", 0)


def test_no_hl7_at_all_is_the_mappings_business(check: Checking) -> None:
    assert check.look([message(1, b"not HL7")]) == {}


def test_a_check_that_takes_too_long_is_given_up_and_said() -> None:
    slow = structure(seconds=0.2)
    raw = GOOD.replace(b"7788^^^HOSP^MR", b"~".join([b"7788^^^HOSP^MR"] * 900))
    try:
        (reason,) = slow.look([message(1, raw)])[1]
    finally:
        slow.close()
    assert (reason.text, reason.hl7) == ("not checked: it took too long", 0)


def test_processes_that_die_are_made_anew_and_nothing_is_lost(check: Checking) -> None:
    assert check.look([message(1, GOOD)]) == {}
    assert check._pool is not None
    for process in list(check._pool._processes.values()):
        os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]
    found = check.look([message(number, BAD) for number in range(1, 6)])
    assert sorted(found) == [1, 2, 3, 4, 5]
    assert all(reasons[0].place == "PV1" for reasons in found.values())


def test_processes_that_died_while_idle_are_made_anew() -> None:
    idle = structure()
    try:
        idle.look([message(1, GOOD)])
        assert idle._pool is not None
        for process in list(idle._pool._processes.values()):
            os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]
        wait_for(lambda: idle._pool._broken)  # type: ignore[union-attr]
        assert list(idle.look([message(2, BAD)])) == [2]
    finally:
        idle.close()


KILLED = """\
import os, signal
from test_checking import BAD, message, structure
if __name__ == "__main__":
    check = structure()
    check.look([message(1, BAD)])
    print(*check._pool._processes, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_engine_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    paths = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))
    died = subprocess.run(
        [sys.executable, script], env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, check=False
    )
    assert died.returncode == -signal.SIGKILL
    for number in map(int, died.stdout.split()):
        wait_for(partial(_is_gone, number))


def _is_gone(number: int) -> bool:
    return not Path(f"/proc/{number}").exists()


def _dies(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_message_that_kills_its_process_goes_on_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    deadly = structure()
    monkeypatch.setattr(checking, "_findings", _dies)
    try:
        (reason,) = deadly.look([message(1, GOOD)])[1]
    finally:
        deadly.close()
    assert (reason.text, reason.hl7) == ("not checked: the check did not survive it", 0)


def test_a_profile_is_checked_the_same_way() -> None:
    known = Profile(
        types={"ADT^A01": TypeUse(1, {"PV1": SegmentUse(1, 1, 1, True, {2: FieldUse(1, 1, codes=["O"])})})}
    )
    by_profile = Checking(
        Programs({"charges": msgspec.structs.replace(program(), validate="profile", profile=known)})
    )
    try:
        reasons = by_profile.look([message(1, GOOD)])[1]
    finally:
        by_profile.close()
    assert (reasons[0].place, reasons[0].hl7) == ("PV1-2", 103)
