"""Files through a running engine: batches and single messages, poison, order, crashes at every step, a
folder that is away and a disk that is full (spec: ack, section 7.3)."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from base_message import B1, b1
from pieces import pieces
from running import Engine, folder_channel, wait_for
from test_batch_flow import BHS, FHS, batch, read, taken

INSIDE_FT1 = B1.partition(b"\r")[2].index(b"G100") + 2  # between `G1` and `00`
ANSWERS = "    answers: file"


def message(number: int | str, **fields: str) -> bytes:
    """One with an effect of its own."""
    return b1(f"C{number}", B1.replace(b"FT1|1|", f"FT1|{number}|".encode()), **fields)


def stranger(number: int) -> bytes:
    """One of a patient of its own, so that none waits for another."""
    return message(number).replace(b"|77^", b"|%d^" % (1000 + number))


def drop(folder: Path, name: str, data: bytes) -> None:
    """As a careful sender does it: under another name first."""
    draft = folder / f"{name}.part"
    draft.write_bytes(data)
    draft.rename(folder / name)


def files(folder: Path) -> dict[str, list[str]]:
    """What lies where, our notes included."""
    return {
        place: sorted(
            path.name for path in (folder / place).iterdir() if path.is_file() and path.name != ".lock"
        )
        for place in (".", "work", "done", "failed", "answers")
        if (folder / place).is_dir()
    }


def at_rest(folder: Path, done: int, failed: int = 0) -> bool:
    seen = files(folder)
    ended = len(seen.get("done", [])) == done and len(seen.get("failed", [])) == 2 * failed
    return ended and not seen["work"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    return made


def test_files_of_every_shape_are_taken_in_order_and_answered(
    make_engine: Callable[..., Engine], folder: Path
) -> None:
    engine = make_engine(folder_channel("charges", folder, source=ANSWERS))
    drop(folder, "b.hl7", batch(message(2), message(3)))
    drop(folder, "a.hl7", message(4).replace(b"\r", b"\n"))  # later, and a single message
    drop(folder, "c.hl7", b"\x0b" + message(5) + b"\x1c\r\n" + message(6))  # several without an envelope
    drop(folder, "d.hl7", FHS + b"\r\n" + batch(message(7)).replace(b"\r", b"\r\n") + b"FTS|1\r\n")
    drop(folder, "e.hl7", batch())
    for second, name in enumerate("bacde"):
        os.utime(folder / f"{name}.hl7", (1000 + second, 1000 + second))
    drop(folder, "not-mine.txt", b"left alone")
    (folder / "link.hl7").symlink_to("/etc/hostname")
    (folder / "folder.hl7").mkdir()
    os.mkfifo(folder / "pipe.hl7")
    engine.start()
    wait_for(lambda: at_rest(folder, 5), "five files to be done", engine)
    assert files(folder) == {
        ".": ["link.hl7", "not-mine.txt"], "work": [], "done": [f"{name}.hl7" for name in "abcde"],
        "failed": [], "answers": [f"{name}.hl7.ack" for name in "abcde"],
    }  # fmt: skip
    assert read((folder / "answers/b.hl7.ack").read_bytes()) == taken("AA", 2, 3)
    assert read((folder / "answers/a.hl7.ack").read_bytes()) == taken("AA", 4, reference="")
    assert read((folder / "answers/c.hl7.ack").read_bytes()) == taken("AA", 5, 6, reference="")
    assert read((folder / "answers/d.hl7.ack").read_bytes()) == [
        ("FHS", "F1", ""), *taken("AA", 7), ("FTS", "1", ""),
    ]  # fmt: skip
    assert read((folder / "answers/e.hl7.ack").read_bytes()) == taken("AA")
    views = engine.settle()
    assert [view.type for view in views] == [
        "DFT^P03", "DFT^P03", "BHS", "DFT^P03", "DFT^P03", "DFT^P03", "DFT^P03", "FHS", "BHS",
    ]  # fmt: skip
    assert len(engine.ledger()) == 6
    assert engine.content(4) == message(4).replace(b"\r", b"\n")
    assert not any(".hl7" in line or str(folder) in line for line in engine.logs)  # a name is free text
    shown = engine.metrics()
    assert ".hl7" not in shown
    assert re.search(r'wardline_files_total\{channel="charges",result="done"\} 5', shown)
    assert re.search(r'wardline_folder\{channel="charges",what="odd"\} 3', shown)
    assert re.search(r'wardline_folder\{channel="charges",what="bytes_left"\} 0', shown)


def test_what_is_refused_is_set_aside_with_a_report(make_engine: Callable[..., Engine], folder: Path) -> None:
    source = f"{ANSWERS}\n    batch_answers: failed\n    max_message: 65536"
    engine = make_engine(folder_channel("charges", folder, source=source)).start()
    long = message(9) + b"NTE|1||" + b"x" * 70_000 + b"\r"
    drop(folder, "1.hl7", batch(message(1), message(2, msh11="T"), long, b"MSH|^^^^|x\r", message(3)))
    drop(folder, "2.hl7", b"GET / HTTP/1.1\r\n\r\n")
    drop(folder, "3.hl7", b"")
    wait_for(lambda: at_rest(folder, 0, 3), "three files to be set aside", engine)
    said = json.loads((folder / "failed/1.hl7.report").read_bytes())
    assert (said["messages"], said["refused"]) == (5, 3)
    assert [(one["message"], one["reason"], one.get("place")) for one in said["remarks"]] == [
        (2, "processing-id", "MSH-11"), (3, "oversize", "MSH"), (4, "not-hl7", "MSH-2"),
    ]  # fmt: skip
    assert [one for one in read((folder / "answers/1.hl7.ack").read_bytes()) if one[0] != "ERR"] == [
        ("BHS", "B1", ""), ("MSA", "AR", "C2"), ("MSA", "AR", "C9"), ("MSA", "AR", ""), ("BTS", "3", ""),
    ]  # fmt: skip
    for name in ("2", "3"):
        said = json.loads((folder / f"failed/{name}.hl7.report").read_bytes())
        assert [one["reason"] for one in said["remarks"]][-1] == "not-hl7"
    states = [(view.state.value, view.type) for view in engine.settle()]
    assert states == [
        ("delivered", "DFT^P03"), ("quarantined", "DFT^P03"), ("quarantined", "DFT^P03"), ("quarantined", ""),
        ("delivered", "DFT^P03"), ("filtered", "BHS"), ("quarantined", ""), ("quarantined", ""),
    ]  # fmt: skip
    assert len(engine.ledger()) == 2
    # The same file put there again: its good messages are known, its answers get a name of their own.
    drop(folder, "1.hl7", batch(message(1), message(2, msh11="T")))
    wait_for(lambda: at_rest(folder, 0, 4), "the file to be set aside again", engine)
    assert "1.hl7.1.report" in files(folder)["failed"]
    assert files(folder)["answers"] == ["1.hl7.ack", "1.hl7.ack.1"]
    engine.settle()
    assert len(engine.ledger()) == 2


def test_a61_in_a_file(make_engine: Callable[..., Engine], folder: Path) -> None:
    engine = make_engine(
        folder_channel("atomic", folder, source="    batch_atomic: yes"),
        folder_channel("lenient", folder.parent / "other"),
    )
    (folder.parent / "other").mkdir()
    engine.start()
    frame = batch(message(1), trailer=b"BTS|5")
    drop(folder, "a.hl7", frame)
    drop(folder.parent / "other", "a.hl7", frame)
    wait_for(lambda: at_rest(folder, 0, 1), "the batch to be set aside", engine)
    wait_for(lambda: "a.hl7" in files(folder.parent / "other")["done"], "the other to be done", engine)
    for place in (folder / "failed", folder.parent / "other" / "done"):
        said = json.loads((place / "a.hl7.report").read_bytes())
        assert [(one["reason"], one["place"]) for one in said["remarks"]] == [("batch", "BTS[1]-1")]
    states = {(view.channel, view.state.value) for view in engine.settle()}
    assert states == {("atomic", "quarantined"), ("lenient", "delivered"), ("lenient", "filtered")}


@pytest.mark.parametrize("acknowledge", ["transform", "delivery"])
def test_the_outcome_in_the_answers(
    make_engine: Callable[..., Engine], folder: Path, acknowledge: str
) -> None:
    source = f"{ANSWERS}\n    acknowledge: {acknowledge}"
    engine = make_engine(folder_channel("charges", folder, source=source)).start()
    bad = message(2).replace(b"G100", b"G1NO")
    drop(folder, "a.hl7", batch(message(1), bad, message(3)))
    wait_for(lambda: at_rest(folder, 0, 1), "the file to end", engine)
    said = read((folder / "answers/a.hl7.ack").read_bytes())
    assert [one for one in said if one[0] == "MSA"] == [
        ("MSA", "AA", "C1"), ("MSA", "AE", "C2"), ("MSA", "AA", "C3"),
    ]  # fmt: skip
    said = json.loads((folder / "failed/a.hl7.report").read_bytes())
    assert [(one["message"], one["reason"], one["place"]) for one in said["remarks"]] == [
        (2, "unmapped-code", "FT1[1]-7.1"),
    ]  # fmt: skip


def test_a_file_is_taken_when_it_stays_as_it_is(make_engine: Callable[..., Engine], folder: Path) -> None:
    text = folder_channel("charges", folder).replace("settle: 0", "settle: 2")
    engine = make_engine(text).start()
    whole = batch(*(message(number) for number in range(8)))
    with (folder / "slow.hl7").open("wb") as file:
        for start in range(0, len(whole), len(whole) // 5 + 1):
            file.write(whole[start : start + len(whole) // 5 + 1])
            file.flush()
            assert not files(folder).get("done")
            time.sleep(0.7)
    wait_for(lambda: at_rest(folder, 1), "the file to be done", engine)
    assert [view.state.value for view in engine.settle()] == ["delivered"] * 8 + ["filtered"]


def test_a_file_that_changes_while_it_is_read(make_engine: Callable[..., Engine], folder: Path) -> None:
    engine = make_engine(folder_channel("charges", folder)).start("file-grows")
    drop(folder, "a.hl7", message(1))
    wait_for(lambda: at_rest(folder, 0, 1), "the file to be set aside", engine)
    said = json.loads((folder / "failed/a.hl7.report").read_bytes())
    assert [one["reason"] for one in said["remarks"]] == ["framing"]
    assert [view.state.value for view in engine.settle()] == ["delivered"]


def test_a_folder_that_is_away_and_comes_back(make_engine: Callable[..., Engine], folder: Path) -> None:
    folder.rmdir()
    engine = make_engine(folder_channel("charges", folder))
    engine.start()
    wait_for(lambda: any('"error": "ENOENT"' in line for line in engine.logs), "a word about it", engine)
    parts = engine.parts()
    assert engine.ready()  # all else would be taken
    assert {part: state for part, state in parts.items() if state != "ready"} == {
        "listener charges": "degraded"
    }
    folder.mkdir()
    drop(folder, "a.hl7", message(1))
    wait_for(lambda: folder.joinpath("done/a.hl7").exists(), "the file to be done", engine)
    wait_for(lambda: set(engine.parts().values()) == {"ready"}, "the engine to be well", engine)
    # Gone again, and a file where the folder should be.
    folder.rename(folder.with_name("gone"))
    folder.write_bytes(b"")
    wait_for(lambda: any('"error": "ENOTDIR"' in line for line in engine.logs), "a word about it", engine)
    folder.unlink()
    folder.with_name("gone").rename(folder)
    wait_for(lambda: set(engine.parts().values()) == {"ready"}, "the engine to be well again", engine)
    assert len(engine.said("folder can be worked on again", 2)) == 2
    engine.settle()
    assert len(engine.ledger()) == 1


def test_a_disk_that_is_full(make_engine: Callable[..., Engine], folder: Path) -> None:
    """The kernel lets no file grow: neither the store nor the notes beside a file."""
    engine = make_engine(folder_channel("charges", folder, source=ANSWERS)).start()
    drop(folder, "a.hl7", batch(*(message(number) for number in range(3))))
    wait_for(lambda: at_rest(folder, 1), "the first file", engine)
    engine.settle()
    room = resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
    drop(folder, "b.hl7", batch(*(message(number) for number in range(3, 6))))
    wait_for(lambda: not engine.ready(), "the engine to say that it is not ready", engine)
    resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, room)
    wait_for(lambda: at_rest(folder, 2), "the second file", engine, within=30)
    engine.settle()
    assert len(engine.ledger()) == 6
    assert read((folder / "answers/b.hl7.ack").read_bytes()) == taken("AA", 3, 4, 5)


def test_a_large_file_is_read_with_little_memory_and_goes_on_after_kill_9(
    make_engine: Callable[..., Engine], folder: Path
) -> None:
    """A hundred and sixty million bytes."""
    engine = make_engine(folder_channel("charges", folder, source=ANSWERS)).start()
    note = b"NTE|1||" + b"x" * 80_000 + b"\r"
    with (folder / "big.part").open("wb") as file:
        file.write(BHS + b"\r")
        for number in range(2000):
            file.write(stranger(number) + note)
        file.write(b"BTS|2000\r")
    before = _memory(engine)
    (folder / "big.part").rename(folder / "big.hl7")
    wait_for(lambda: (folder / "work/.big.hl7.state").exists(), "the file to be in work", engine)
    wait_for(lambda: len(engine.messages()) >= 300, "some messages", engine)
    peak = _memory(engine)
    engine.kill()
    stored = len(engine.messages())
    assert stored < 2000
    engine.start()
    wait_for(lambda: at_rest(folder, 1), "the file to be done", engine, within=60)
    assert max(peak, _memory(engine)) - before < 130 * 1024 * 1024
    assert read((folder / "answers/big.hl7.ack").read_bytes()) == taken("AA", *range(2000))
    views = engine.settle()
    repeated = sum(view.state.value == "duplicate" for view in views)
    assert len(views) - repeated == 2001
    assert repeated <= 256
    assert len({line["message"] for line in engine.ledger()}) == 2000


def _memory(engine: Engine) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{engine.process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_the_engine_killed_at_work_on_files(make_engine: Callable[..., Engine], folder: Path) -> None:
    """At a few steps; tests/listeners has every one. Two files, one of which is set aside."""
    engine = make_engine(folder_channel("charges", folder, source=ANSWERS))
    for number, step in enumerate((4, 11, 22)):
        drop(folder, f"good{number}.hl7", batch(message(2 * number), message(2 * number + 1)))
        drop(folder, f"bad{number}.hl7", message(f"T{number}", msh11="T"))
        engine.spawn(f"file-step={step}")
        assert engine.wait() == -signal.SIGKILL
    engine.start()
    wait_for(lambda: at_rest(folder, 3, 3), "all files to be done", engine)
    wait_for(lambda: len(files(folder)["answers"]) == 6, "all answers", engine)
    engine.settle()
    assert len(engine.ledger()) == 6
    for number in range(3):
        said = read((folder / f"answers/good{number}.hl7.ack").read_bytes())
        assert said == taken("AA", 2 * number, 2 * number + 1)
    with engine.store() as store:
        assert store.gaps() == []


def test_enhanced_mode_pieces_and_workers(make_engine: Callable[..., Engine], folder: Path) -> None:
    """Files by name, their folder from the environment; the last answer that each message asks for."""
    text = folder_channel("charges", Path("env:CHARGES"), source=f"{ANSWERS}\n    order: name")
    engine = make_engine(text, workers=2)
    engine.environment["CHARGES"] = str(folder)
    parts = pieces(INSIDE_FT1)
    asking = [b1(part.split(b"|")[9].decode(), part, msh15="AL", msh16="AL") for part in parts]
    drop(folder, "b.hl7", asking[1] + message(7, msh15="AL", msh16="AL") + message(8, msh15="AL", msh16="NE"))
    drop(folder, "a.hl7", asking[0])
    os.utime(folder / "b.hl7", (1000, 1000))  # older, and yet the second by name
    engine.start()
    wait_for(lambda: at_rest(folder, 2), "both files to be done", engine)
    assert [said[1:] for said in read((folder / "answers/a.hl7.ack").read_bytes())] == [
        ("", ""), ("CA", "C1"), ("1", ""),
    ]  # fmt: skip
    assert [said[1:] for said in read((folder / "answers/b.hl7.ack").read_bytes())] == [
        ("", ""), ("AA", "C1"), ("AA", "C7"), ("CA", "C8"), ("3", ""),
    ]  # fmt: skip
    assert [view.state.value for view in engine.settle()] == ["delivered", "joined", "delivered", "delivered"]


def test_a_stop_in_the_middle_of_a_file(make_engine: Callable[..., Engine], folder: Path) -> None:
    engine = make_engine(folder_channel("charges", folder, source=ANSWERS), settings={"DRAIN": "5"})
    drop(folder, "a.hl7", batch(*(stranger(number) for number in range(1500))))
    engine.start("slow=0.3")
    wait_for(lambda: (folder / "work/.a.hl7.state").exists(), "the file to be in work", engine)
    assert engine.stop() == 0
    stored = len(engine.messages())
    assert 0 < stored < 1500
    assert files(folder)["done"] == []
    engine.start()
    wait_for(lambda: at_rest(folder, 1), "the file to be done", engine, within=30)
    assert read((folder / "answers/a.hl7.ack").read_bytes()) == taken("AA", *range(1500))
    assert sum(view.state.value != "duplicate" for view in engine.messages()) == 1501
