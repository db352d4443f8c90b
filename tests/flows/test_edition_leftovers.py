"""Work that outlives the edition that took it: nothing of it stands still, and nothing of it overtakes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from base_message import b1
from deployed import Deployed, charge, edition
from patience import free_port
from receiver import Receiver
from running import channel, wait_for

from engine.hl7.header import read_header
from engine.listeners.arrival import make_arrival
from engine.programs import HOMELESS
from engine.store.cipher import Fingerprints

Make = Callable[..., Deployed]


def test_a_dead_letter_of_a_channel_that_is_gone_says_so_when_it_is_sent_again(deployed: Make) -> None:
    port = free_port()
    engine = deployed(edition("E1", port=port)).start()
    assert b"MSA|AA|" in (engine.dial(port).ask(charge(1).replace(b"G100", b"G300")) or b"")
    engine.rest()
    engine.deploy(edition("E2", name="renamed", port=port))
    assert engine.wardline("redeliver", "--all", "--why", "the code is there now")[0] == 0
    engine.rest()
    (view,) = engine.messages()
    assert (view.state, view.reason) == ("dead", HOMELESS)


def test_what_comes_late_of_an_older_edition_finds_its_destination(deployed: Make, tmp_path: Path) -> None:
    """The commit of a door that drains may end after the engine has let go of its edition; whoever routes
    loads it again, and what it made is carried out all the same."""
    port, far, new = free_port(), free_port(), tmp_path / "new"

    def to(destination: str) -> str:
        text = channel("charges").replace("tcp:0", f"tcp:127.0.0.1:{port}")
        text = text[: text.index("effects:")].replace("tables:\n  items: items.csv\n", "")
        return f"{text}effects:\n  - forward: {{segments: [PID]}}\ndestinations:\n  - {destination}\n"

    receiver = Receiver(port=far)
    settings = {"MLLP_FAR_URL": f"mllp://127.0.0.1:{far}"}
    engine = deployed(to("mllp: {connection: far}"), ledger=False, settings=settings).start()
    engine.deploy(to(f"folder: {{path: {new}}}"))
    time.sleep(2.5)  # it looks at what older editions still have open
    store, keys, raw = engine.opened(), Fingerprints(engine.ring()), b1("C1")
    try:
        header = read_header(raw, "ASCII")
        store.accept([make_arrival("charges", keys, raw, header, "accepted", edition=1)])
    finally:
        store.close()
    try:
        wait_for(lambda: len(receiver.messages) == 1, "it to be delivered", engine)
        engine.rest()
    finally:
        receiver.close()


def test_what_waits_for_a_run_is_not_overtaken_when_its_schedule_goes(deployed: Make) -> None:
    """A charge that was to be posted at New Year, and its correction by an edition that posts at once."""
    port = free_port()
    yearly = 'schedule: {cron: "0 0 1 1 *"}\n'
    engine = deployed(edition("E1", port=port, rest=yearly)).start()
    sender = engine.dial(port)
    assert b"MSA|AA|" in (sender.ask(charge(1)) or b"")
    wait_for(lambda: '"deliveries": 1' in engine.wardline("scheduled", "--json")[1], "scheduled", engine)
    engine.deploy(edition("E2", port=port))
    assert b"MSA|AA|" in (sender.ask(charge(2)) or b"")
    engine.rest()
    assert {one.effects for one in engine.taken().values()} == {((1, "WH/E1"),), ((2, "WH/E2"),)}
    assert "channel:charges" in engine.wardline("audit", "list", "--act", "release", "--json")[1]
