"""What becomes of doors, destinations and open work when another edition is taken up, and of editions that
cannot be run here."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from base_message import b1
from deployed import Deployed, charge, edition
from patience import free_port
from receiver import Receiver
from running import channel, folder_channel, wait_for
from sending import Sender
from test_fhir_node import CHANNEL, CLIENTS, KEY, RESERVE

from engine.auditing import Act, AuditQuery
from engine.hl7.header import read_header
from engine.listeners.arrival import make_arrival
from engine.programs import HOMELESS
from engine.store.cipher import Fingerprints

CASES = r"""
cases:
  - name: what is charged leaves the stock
    message: |
      MSH|^~\&|EHR|HOSP|ENG|STORE|20261121120000||DFT^P03|C1|P|2.5
      PID|1||77^^^H^MR||DOE^JANE
      FT1|1|T1||20261121||CG|G100^Glove^L|||2
    expect:
      acknowledgement: AA
      effects_include:
        - consume: {location: WH/E2}
"""

Make = Callable[..., Deployed]


def is_taken(sender: Sender, number: int) -> bool:
    return b"MSA|AA|" in (sender.ask(charge(number)) or b"")


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except OSError:
        return False
    return True


def places(engine: Deployed) -> dict[int, str]:
    """Where the charge of each number is taken from."""
    engine.rest()
    return {number: place for one in engine.taken().values() for number, place in one.effects}


def test_doors_stay_move_come_and_go(deployed: Make) -> None:
    stays, left, moved, new = (free_port() for _ in range(4))
    engine = deployed(edition("E1", port=stays), edition("E1", name="orders", port=left))
    engine.ports_wanted = 2
    engine.start()
    here, there = engine.dial(stays), engine.dial(left)
    assert is_taken(here, 1)
    assert is_taken(there, 2)
    engine.deploy(
        edition("E2", port=stays),
        edition("E2", name="orders", port=moved),
        edition("E2", name="lab", port=new),
    )
    assert is_taken(here, 3), "the connection is the one from before"
    assert there.answer() is None, "a door that has moved lets its senders go"
    assert not is_open(left)
    assert is_taken(engine.dial(moved), 4)
    assert is_taken(engine.dial(new), 5)
    assert {name for name in engine.parts() if name.startswith("listener")} == {
        "listener charges", "listener orders", "listener lab",
    }  # fmt: skip
    engine.back()
    assert is_taken(here, 6)
    assert is_taken(engine.dial(left), 7)
    assert not is_open(new)
    assert places(engine) == {
        1: "WH/E1", 2: "WH/E1", 3: "WH/E2", 4: "WH/E2", 5: "WH/E2", 6: "WH/E1", 7: "WH/E1",
    }  # fmt: skip
    assert engine.stop() == 0


def test_another_channel_behind_the_same_door(deployed: Make) -> None:
    port = free_port()
    engine = deployed(edition("E1", port=port)).start()
    sender = engine.dial(port)
    assert is_taken(sender, 1)
    engine.deploy(edition("E2", name="billing", port=port))
    assert is_taken(sender, 2)
    engine.rest()
    assert [view.channel for view in engine.messages()] == ["charges", "billing"]


def test_who_may_not_connect_any_more_is_let_go(deployed: Make) -> None:
    port = free_port()
    engine = deployed(edition("E1", port=port, more="    allow: [127.0.0.0/8]")).start()
    kept, closed = engine.connect(host="127.0.0.2"), engine.connect()
    assert is_taken(kept, 1)
    assert is_taken(closed, 2)
    engine.deploy(edition("E2", port=port, more="    allow: [127.0.0.2/32]"))
    assert closed.answer() is None
    assert is_taken(kept, 3)


@pytest.mark.parametrize(
    ("wrong", "why"), [("taken", "cannot listen on"), ("unset", "the environment has no NOT_SET_HERE")]
)
def test_an_edition_that_cannot_be_run_here_is_refused_whole(deployed: Make, wrong: str, why: str) -> None:
    """The one before goes on, over the same connections, also after a restart; the next is taken up."""
    port, new = free_port(), free_port()
    engine = deployed(edition("E1", port=port)).start()
    sender = engine.dial(port)
    with socket.create_server(("127.0.0.1", 0)) as other:
        there = f"tcp:127.0.0.1:{other.getsockname()[1]}" if wrong == "taken" else "env:NOT_SET_HERE"
        bad = edition("E2", name="lab", port=1).replace("tcp:127.0.0.1:1", there)
        active = engine.deploy(edition("E2", port=port), edition("E2", name="orders", port=new), bad)
        (said,) = engine.await_turn(active)
        assert (said.edition, said.activation) == (1, active.id)
        assert why in said.refused
        assert not is_open(new)
        assert is_taken(sender, 1)
        code, text = engine.wardline("editions")
        assert (code, why in text) == (0, True)
        engine.kill()
        engine.start()
        assert is_taken(engine.dial(port), 2)
    engine.ports_wanted = 2
    engine.deploy(edition("E3", port=port), edition("E3", name="orders", port=new))
    assert is_taken(engine.dial(new), 3)
    assert places(engine) == {1: "WH/E1", 2: "WH/E1", 3: "WH/E3"}
    store = engine.opened()
    try:
        told = [one.entry for one in store.entries(AuditQuery(act=Act.DEPLOY, limit=1000))]
    finally:
        store.close()
    steps = [
        (one.object, one.detail["step"]) for one in told if one.detail["step"] in ("taken up", "refused")
    ]
    assert steps[-1] == ("edition:3", "taken up")
    assert ("edition:2", "refused") in steps
    assert len(engine.said('"edition refused', 2)) == 2


def test_what_was_refused_is_tried_again_when_asked(deployed: Make) -> None:
    """Workers go by what the first process does."""
    port = free_port()
    engine = deployed(edition("E1", port=port), workers=2).start()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        active = engine.deploy(edition("E2", port=port), edition("E2", name="lab", port=taken))
        assert [one.edition for one in engine.await_turn(active)] == [1, 1]
        assert is_taken(engine.dial(port), 1)
    engine.process.send_signal(signal.SIGHUP)
    wait_for(lambda: [one.edition for one in engine.await_turn(active)] == [2, 2], "another try", engine)
    assert is_taken(engine.dial(taken), 2)
    assert places(engine) == {1: "WH/E1", 2: "WH/E2"}


def test_what_an_older_edition_took_is_routed_by_it_after_a_restart(deployed: Make) -> None:
    engine = deployed(edition("E1"))
    engine.deploy(edition("E2", name="orders"), edition("E2"))
    engine.ports_wanted = 2
    store, keys = engine.opened(), Fingerprints(engine.ring())
    try:  # as a crash right after the commit leaves it, of a channel that is gone and one that is not
        for number, by in ((1, 1), (2, 2), (3, 0)):
            raw = charge(number)
            header = read_header(raw, "ASCII")
            arrival = make_arrival("charges", keys, raw, header, "accepted", edition=by)
            store.accept([arrival])
    finally:
        store.close()
    engine.start()
    assert places(engine) == {1: "WH/E1", 2: "WH/E2", 3: "WH/E2"}


def test_what_an_edition_took_that_cannot_be_loaded_any_more_becomes_a_dead_letter(deployed: Make) -> None:
    engine = deployed(edition("E1", name="gone"))
    engine.deploy(edition("E2"))
    store, keys, raw = engine.opened(), Fingerprints(engine.ring()), charge(1)
    header = read_header(raw, "ASCII")
    try:
        store.accept([make_arrival("charges", keys, raw, header, "accepted", edition=1)])
    finally:
        store.close()
    with closing(sqlite3.connect(engine.folder / "wardline.db")) as database, database:
        database.execute("UPDATE editions SET packed = x'00' WHERE number = 1")
    engine.start()
    engine.rest()
    (view,) = engine.messages()
    assert (view.state, view.reason) == ("dead", HOMELESS)
    assert engine.wardline("redeliver", "--all", "--why", "by the active one")[0] == 0
    assert places(engine) == {1: "WH/E2"}


def test_a_dead_letter_goes_by_the_edition_that_was_made_for_it(deployed: Make) -> None:
    port = free_port()
    engine = deployed(edition("E1", port=port)).start()
    unknown = charge(1).replace(b"G100", b"G300")
    assert b"MSA|AA|" in (engine.dial(port).ask(unknown) or b"")
    engine.rest()
    engine.deploy(edition("E2", port=port), files={"items.csv": "code,item\nG300,MASK\n"})
    assert engine.wardline("redeliver", "--all", "--why", "the code is there now")[0] == 0
    assert places(engine) == {1: "WH/E2"}


def test_what_an_older_edition_owes_a_destination_is_delivered_there(deployed: Make, tmp_path: Path) -> None:
    """Also after a restart."""
    port, far, new = free_port(), free_port(), tmp_path / "new"

    def to(destination: str) -> str:
        text = channel("charges").replace("tcp:0", f"tcp:127.0.0.1:{port}")
        text = text[: text.index("effects:")].replace("tables:\n  items: items.csv\n", "")
        return f"{text}effects:\n  - forward: {{segments: [PID]}}\ndestinations:\n  - {destination}\n"

    settings = {"MLLP_FAR_URL": f"mllp://127.0.0.1:{far}", "MLLP_FAR_TIMEOUT": "1"}
    engine = deployed(to("mllp: {connection: far}"), ledger=False, settings=settings).start()
    assert b"MSA|AA|" in (engine.dial(port).ask(b1("C1")) or b"")
    wait_for(lambda: [one.state for one in engine.messages()] == ["waiting"], "the first to wait", engine)
    engine.deploy(to(f"folder: {{path: {new}}}"))
    assert b"MSA|AA|" in (engine.dial(port).ask(b1("C2")) or b"")
    wait_for(lambda: new.is_dir() and len(list(new.iterdir())) == 1, "the second to be delivered", engine)
    engine.kill()
    engine.start()
    receiver = Receiver(port=far)
    try:
        wait_for(lambda: len(receiver.messages) == 1, "the first to be delivered", engine)
        engine.rest()
    finally:
        receiver.close()
    assert engine.stop() == 0


def test_a_file_is_taken_to_its_end_by_the_edition_that_began_it(deployed: Make, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()

    def taking(place: str, name: str = "charges") -> str:
        return folder_channel(name, inbox).replace("WH/Stock", f"WH/{place}").replace(
            '"{FT1-1}/{FT1-7.1}"', '"{FT1-2}"'
        )  # fmt: skip

    engine = deployed(taking("E1")).start()
    (inbox / "a.hl7").write_bytes(b"".join(charge(number) for number in range(1, 3001)))
    wait_for(lambda: len(engine.messages()) > 100, "the file to be begun", engine)
    engine.deploy(taking("E2", "renamed"))
    (inbox / "b.hl7").write_bytes(charge(5000))
    wait_for(lambda: (inbox / "done" / "b.hl7").exists(), "the second file to be done", engine)
    found = places(engine)
    assert len(found) == 3001
    assert {found[number] for number in range(1, 3001)} == {"WH/E1"}
    assert found[5000] == "WH/E2"
    (inbox / "c.hl7").write_bytes(b"".join(charge(number) for number in range(6000, 9000)))
    wait_for(lambda: len(engine.taken()) > 3200, "the third file to be begun", engine)
    engine.deploy(edition("E3"))
    wait_for(lambda: (inbox / "done" / "c.hl7").exists(), "the third file to be taken to its end", engine)
    (inbox / "d.hl7").write_bytes(charge(9999))
    engine.back()
    wait_for(lambda: (inbox / "done" / "d.hl7").exists(), "the folder to be looked into again", engine)
    assert len(places(engine)) == 6002
    assert engine.stop() == 0


def test_a_fhir_door_serves_another_edition_over_the_same_connection(
    deployed: Make, request: pytest.FixtureRequest
) -> None:
    def reserving(place: str, type_: str = "SupplyRequest") -> str:
        rules = RESERVE.replace("WH/Wards/ICU", f"WH/{place}")
        return CHANNEL.format(name="requests", listen=f"tcp:{port}", type=type_, effects=rules)

    port = free_port()
    wanted = {
        "resourceType": "SupplyRequest", "status": "active", "quantity": {"value": 2},
        "itemCodeableConcept": {"coding": [{"system": "urn:i", "code": "G100"}]},
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/fhir+json"}
    files = {"clients/fhir.yaml": CLIENTS}
    engine = deployed(reserving("E1"), files=files, settings={"DEV_KEYS": "true"})
    engine.environment["WARD_KEY"] = KEY
    engine.start()
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    request.addfinalizer(line.close)

    def create() -> int:
        line.request("POST", "/fhir/R4/SupplyRequest", json.dumps(wanted), headers)
        answer = line.getresponse()
        answer.read()
        return answer.status

    assert create() == 201
    mine = line.sock.getsockname()
    engine.deploy(reserving("E2"), files=files)
    assert create() == 201
    engine.deploy(reserving("E2"), files={"clients/fhir.yaml": CLIENTS.replace("id: ward", "id: other")})
    assert create() == 201
    engine.deploy(
        reserving("E3"), files={"clients/fhir.yaml": CLIENTS.replace("SupplyRequest.cruds", "Task.r")}
    )
    assert create() == 403
    assert line.sock.getsockname() == mine
    engine.rest()
    made = [line["effect"]["destination"] for line in engine.ledger()]
    assert made == ["WH/E1", "WH/E2", "WH/E2"]
    assert engine.stop() == 0


def test_a_person_deploys_and_goes_back_while_it_runs(deployed: Make, tmp_path: Path) -> None:
    port = free_port()
    engine = deployed(edition("E1", port=port)).start()
    sender = engine.dial(port)
    folder = tmp_path / "next"
    folder.mkdir()
    (folder / "items.csv").write_text("code,item\nG100,GLOVE-M\n")
    (folder / "charges.yaml").write_text(edition("E2", port=port))
    (folder / "charges.test.yaml").write_text(CASES)
    code, text = engine.wardline("deploy", str(folder), "--why", "another place", "--yes", "--wait", "60")
    assert (code, "/0 runs edition 2" in text) == (0, True), text
    assert is_taken(sender, 1)
    code, text = engine.wardline("rollback", "--why", "not what was wanted", "--wait", "60")
    assert (code, "/0 runs edition 1" in text) == (0, True), text
    assert is_taken(sender, 2)
    assert places(engine) == {1: "WH/E2", 2: "WH/E1"}


def test_a_hangup_is_a_word_to_look_now_not_an_end(deployed: Make) -> None:
    engine = deployed(edition("E1"), workers=2).start()
    for pid in (engine.process.pid, *engine.worker_pids()):
        os.kill(pid, signal.SIGHUP)
    engine.deploy(edition("E2"))
    assert engine.runs
    assert engine.stop() == 0


def test_nothing_was_deployed_yet(tmp_path: Path) -> None:
    engine = Deployed(tmp_path)
    engine.spawn()
    assert engine.wait() == 2
    assert engine.logs[-1] == "wardline: nothing was deployed yet (wardline deploy FOLDER)"


def test_in_production_no_folder_is_run(tmp_path: Path) -> None:
    engine = Deployed(tmp_path, settings={"MODE": "production"})
    (engine.channels / "charges.yaml").write_text(edition("E1"))
    code, text = engine.wardline("run", str(engine.channels))
    assert code == 2
    assert "what runs in production was deployed, and approved" in text
