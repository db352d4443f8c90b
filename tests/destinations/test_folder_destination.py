"""Messages as files: whole or not at all, once, whatever happens in between."""

from __future__ import annotations

import os
import re
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.destinations.folder import FolderDestination
from engine.effects import Forward, Release
from engine.errors import Misconfigured
from engine.hl7.files import split_messages
from engine.model import Delivered, Delivery, Refused, TryAgain


def delivery(number: int, progress: dict[str, str] | None = None) -> Delivery:
    text = f"MSH|^~\\&|A|B|C|D|20261121||ADT^A01|N{number}|P|2.5\rPV1|1|I\r"
    effect = Forward(key=f"ch/N{number}", message=text, control_id=f"N{number}")
    return Delivery(number, number, "ch", "folder:out", effect, "", 1, progress or {})


class Notes(dict[int, dict[str, str]]):
    """What was written down before the next step."""

    def __call__(self, progress: dict[int, dict[str, str]]) -> None:
        self.update(progress)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_each_message_is_a_file_named_in_order_of_arrival(tmp_path: Path) -> None:
    folder = FolderDestination(tmp_path / "out")
    outcomes = folder.deliver([delivery(9), delivery(10)], Notes())
    names = ["000000000000000009.hl7", "000000000000000010.hl7"]
    assert outcomes == [Delivered({"file": name}) for name in names]
    assert list(files(tmp_path / "out")) == names
    first = tmp_path / "out" / names[0]
    assert split_messages(first.read_bytes()) == [delivery(9).effect.message.encode()]  # type: ignore[union-attr]
    assert stat.S_IMODE(first.stat().st_mode) == 0o600


def test_a_batch_is_one_file_with_its_count(tmp_path: Path) -> None:
    folder = FolderDestination(tmp_path, batch=True)
    folder.deliver([delivery(1), delivery(2)], Notes())
    ((name, raw),) = files(tmp_path).items()
    assert re.fullmatch(r"000000000000000001-[0-9a-f]{16}\.hl7", name)
    assert raw.startswith(b"BHS|^~\\&|WARDLINE|")
    assert raw.endswith(b"BTS|2\r")
    assert len(split_messages(raw)) == 2


def test_what_stands_already_is_not_written_again(tmp_path: Path) -> None:
    notes = Notes()
    folder = FolderDestination(tmp_path, batch=True)
    folder.deliver([delivery(1), delivery(2)], notes)
    before = files(tmp_path)
    again = [delivery(number, notes[number]) for number in (1, 2)]
    assert folder.deliver(again, notes) == [Delivered({"file": next(iter(before))})] * 2
    assert files(tmp_path) == before


def test_a_batch_that_is_tried_again_with_fewer_stands_for_those_alone(tmp_path: Path) -> None:
    """Nothing of the first attempt is written; the loop tries again with less (`DeliveryLoop`)."""
    notes = Notes()
    folder = FolderDestination(tmp_path, batch=True)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, limit[1]))
        assert all(isinstance(one, TryAgain) for one in folder.deliver([delivery(1), delivery(2)], notes))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    folder.deliver([delivery(1, dict(notes[1]))], notes)
    folder.deliver([delivery(2, dict(notes[2]))], notes)
    written = [one for raw in files(tmp_path).values() for one in split_messages(raw)]
    assert written == [delivery(n).effect.message.encode() for n in (1, 2)]  # type: ignore[union-attr]


def test_the_name_is_written_down_before_the_file(tmp_path: Path) -> None:
    seen: list[list[str]] = []
    FolderDestination(tmp_path).deliver([delivery(1)], lambda _: seen.append(os.listdir(tmp_path)))
    assert seen == [[]]


KILLED = """\
import os, sys
from pathlib import Path
from engine.destinations import folder
from test_folder_destination import delivery
step = sys.argv[2]
real = getattr(os, step)
def die(*given, **more):
    if step == "write":
        real(given[0], bytes(given[1])[:10])
    elif step == "rename":
        real(*given, **more)
    os._exit(9)
setattr(folder.os, step, die)
folder.FolderDestination(Path(sys.argv[1])).deliver([delivery(1)], lambda _: None)
"""


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_an_end_at_any_step_leaves_a_whole_file_or_none(tmp_path: Path, step: str) -> None:
    folder = tmp_path / "out"
    first = FolderDestination(folder)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), step],
        cwd=Path(__file__).parent, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
    )  # fmt: skip
    assert killed.returncode == 9
    whole = delivery(1).effect.message.encode()  # type: ignore[union-attr]
    assert {raw for name, raw in files(folder).items() if not name.startswith(".")} <= {whole}
    noted = delivery(1, {"file": "000000000000000001.hl7"})
    assert first.deliver([noted], Notes()) == [Delivered({"file": "000000000000000001.hl7"})]
    assert files(folder) == {"000000000000000001.hl7": whole}


def test_a_full_disk_is_no_loss_and_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = FolderDestination(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
    try:
        (outcome,) = folder.deliver([delivery(1)], Notes())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert isinstance(outcome, TryAgain)
    assert files(tmp_path) == {}
    assert isinstance(folder.deliver([delivery(1)], Notes())[0], Delivered)


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    out, target = tmp_path / "out", tmp_path / "target"
    folder = FolderDestination(out)
    target.write_text("someone else's")
    (out / ".000000000000000001.hl7.part").symlink_to(target)
    assert isinstance(folder.deliver([delivery(1)], Notes())[0], TryAgain)
    assert target.read_text() == "someone else's"


def test_a_folder_that_is_none_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for place in ("file", "link"):
        with pytest.raises(Misconfigured, match="cannot be opened"):
            FolderDestination(tmp_path / place)


def test_other_effects_are_refused(tmp_path: Path) -> None:
    other = Delivery(1, 1, "ch", "folder:out", Release(key="k"), "", 1)
    assert isinstance(FolderDestination(tmp_path).deliver([other], Notes())[0], Refused)
