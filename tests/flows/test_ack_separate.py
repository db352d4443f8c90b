"""Case A37: application answers on a link of their own (spec: ack, sections 2.2 and 3.2)."""

from __future__ import annotations

import itertools
import random
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ack_peer import Peer, acknowledge
from base_message import a1, b1, is_answer
from certificates import Authority
from running import Engine, channel, wait_for
from test_ack_enhanced import CONDITIONS, due, said

UNKNOWN_CODE = "ERR||FT1^1^7^1^1|103^Table value not found^HL70357|E||||this code is not in the table⏎"
Serve = Callable[..., Peer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Peer] = []

    def start(**options: object) -> Peer:
        made.append(Peer(**options))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for peer in made:
        peer.close()


def apart(peer: Peer, *more: str) -> str:
    lines = ["app_ack: separate", f"app_ack_to: tcp:127.0.0.1:{peer.port}", *more]
    return channel("charges", source="\n".join(f"    {line}" for line in lines))


def eventually(engine: Engine, peer: Peer, *told: tuple[str, str]) -> None:
    wait_for(lambda: len(peer.got) >= len(told), "the application answers", engine)
    assert peer.told() == list(told)


def states(engine: Engine) -> list[str]:
    return [view.application for view in engine.messages()]


def test_a37_the_application_answer_on_the_outbound_link(
    make_engine: Callable[..., Engine], serve: Serve
) -> None:
    peer = serve()
    engine = make_engine(apart(peer)).start()
    sender = engine.connect()
    assert said(sender, b1("A37", msh15="AL", msh16="AL")) == ["CA"]
    eventually(engine, peer, ("AA", "A37"))
    assert is_answer(peer.got[0], a1("A37", "AA", tail="P|2.5|||AL|NE"))
    bad = b1("A37-bad", msh15="NE", msh16="ER", msh18="8859/1").replace(b"G100", b"G999")
    assert said(sender, bad) == []
    eventually(engine, peer, ("AA", "A37"), ("AE", "A37-bad"))
    assert is_answer(peer.got[1], a1("A37-bad", "AE", tail="P|2.5|||AL|NE||8859/1") + UNKNOWN_CODE)
    assert len({message.split(b"|")[9] for message in peer.got}) == 2
    wait_for(lambda: states(engine) == ["taken", "", "taken", ""], "both to be taken", engine)
    counted = 'wardline_application_answers_total{channel="charges",outcome="taken"} 2.0'
    wait_for(lambda: counted in engine.metrics(), "both to be counted", engine)


@pytest.mark.parametrize("acknowledge", ["storage", "transform", "delivery"])
def test_every_combination_of_msh_15_and_16_apart(
    make_engine: Callable[..., Engine], serve: Serve, acknowledge: str
) -> None:
    peer = serve()
    engine = make_engine(apart(peer, f"acknowledge: {acknowledge}")).start()
    sender = engine.connect()
    expected: list[tuple[str, str]] = []
    for bad, accept, application in itertools.product([False, True], CONDITIONS, CONDITIONS):
        if not accept and not application:
            continue  # original mode: one answer, on the same connection (test_ack_enhanced)
        control_id = f"M-{bad}-{accept}-{application}"
        message = b1(control_id, msh15=accept, msh16=application)
        codes = due(accept, application, failed=bad)
        here = [code for code in codes if code[0] == "C"]
        assert said(sender, message.replace(b"G100", b"G999") if bad else message) == here
        expected += [(code, control_id) for code in codes if code[0] == "A"]
    wait_for(lambda: "owed" not in states(engine), "nothing to be owed", engine)
    assert sorted(peer.told()) == sorted(expected)
    assert states(engine).count("not-due") == 2 * len(CONDITIONS)  # ER of what went well, SU of the rest


def test_refused_at_the_door(make_engine: Callable[..., Engine], serve: Serve) -> None:
    """Told once: by the accept answer, or where nobody asked for that by the application's."""
    peer = serve()
    engine = make_engine(apart(peer)).start()
    sender = engine.connect()
    assert said(sender, b1("D-1", msh15="AL", msh16="AL", msh11="T")) == ["CR"]
    assert said(sender, b1("D-2", msh15="NE", msh16="AL", msh11="T")) == []
    eventually(engine, peer, ("AR", "D-2"))
    assert b"|202^Unsupported processing id^HL70357|E" in peer.got[0]
    wait_for(lambda: states(engine) == ["not-due", "", "taken", ""], "both to be settled", engine)


def test_refused_by_the_store(make_engine: Callable[..., Engine], serve: Serve) -> None:
    peer = serve()
    engine = make_engine(apart(peer, "control_id_reuse: reject")).start()
    sender = engine.connect()
    for number, accept in enumerate(("NE", "NE", "AL")):
        message = b1("U-1", msh15=accept, msh16="AL").replace(b"||||2\r", b"|||%d|2\r" % (number + 1))
        assert said(sender, message) == (["CE"] if accept == "AL" else [])
    eventually(engine, peer, ("AA", "U-1"), ("AE", "U-1"))
    assert b"|205^Duplicate key identifier^HL70357|E" in peer.got[1]


@pytest.mark.parametrize("acknowledge", ["storage", "delivery"])
def test_the_link_is_away_and_the_engine_killed(
    make_engine: Callable[..., Engine], serve: Serve, acknowledge: str
) -> None:
    gone = serve()
    engine = make_engine(apart(gone, f"acknowledge: {acknowledge}")).start("impatient=0.05")
    gone.close()
    sender = engine.connect()
    for number in range(3):
        assert said(sender, b1(f"K-{number}", msh15="AL", msh16="AL")) == ["CA"]
    engine.settle()
    wait_for(lambda: "link of application answers away" in "\n".join(engine.logs), "it to notice", engine)
    owed = 'wardline_backlog{channel="charges",what="owed"} 3.0'
    wait_for(lambda: owed in engine.metrics(), "three to be owed", engine)
    engine.kill()
    assert states(engine) == ["owed", ""] * 3
    peer = serve(port=gone.port)
    engine.start()
    eventually(engine, peer, *(("AA", f"K-{number}") for number in range(3)))
    wait_for(lambda: states(engine) == ["taken", ""] * 3, "all to be taken", engine)
    assert engine.stop() == 0
    with engine.store() as store:
        assert store.gaps() == []


def test_killed_before_it_could_note_that_it_was_taken(
    make_engine: Callable[..., Engine], serve: Serve
) -> None:
    """At least once: the peer has it, the engine does not know, so it tells again."""
    heard: list[bytes] = []

    def never(message: bytes) -> bytes | None:
        heard.append(message)
        engine.process.kill()
        return acknowledge(message, b"CA")

    peer = serve(say=never)
    engine = make_engine(apart(peer)).start()
    sender = engine.connect()
    sender.send(b1("T-1", msh15="AL", msh16="AL"))
    engine.wait()
    assert len(heard) == 1
    peer.say = lambda message: acknowledge(message, b"AA")
    engine.start()
    eventually(engine, peer, ("AA", "T-1"), ("AA", "T-1"))
    wait_for(lambda: states(engine) == ["taken"], "it to be taken", engine)


def test_a72_a73_what_the_other_side_says(make_engine: Callable[..., Engine], serve: Serve) -> None:
    """An error ends it, rejections do after the fifth, silence and nonsense do not."""
    script: list[bytes | None] = [
        b"CE", None, b"AR", b"CR", b"other", None, b"AA", b"AR", b"CR", b"AR", b"AR", b"AR", b"CA",
    ]  # fmt: skip

    def play(message: bytes) -> bytes | None:
        code = script.pop(0)
        if code == b"other":
            return acknowledge(b"MSH|^~\\&||||||||NOT-YOURS", b"AA")
        return None if code is None else acknowledge(message, code)

    peer = serve(say=play)
    engine = make_engine(apart(peer)).start("impatient=0.01")
    sender = engine.connect()
    for number in range(4):
        sender.send(b1(f"S-{number}", msh15="AL", msh16="AL"))
        assert is_answer(sender.answer(), a1(f"S-{number}", "CA"))
    expected = ["refused", "taken", "refused", "taken"]
    wait_for(lambda: states(engine) == expected, "all to be settled", engine)
    assert script == []
    assert [told[1] for told in peer.told()] == ["S-0"] + ["S-1"] * 6 + ["S-2"] * 5 + ["S-3"]
    assert len(engine.said("application answer refused", 2)) == 2


def test_a37_over_tls_to_who_it_should_be(
    make_engine: Callable[..., Engine], serve: Serve, tmp_path: Path
) -> None:
    """A system of another name is told nothing; the right one is, and sees our certificate."""
    authority = Authority(tmp_path, "authority")
    theirs, ours = authority.issue("billing", "billing.example"), authority.issue("engine", "engine.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs.certificate, theirs.key)
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    peer = serve(tls=context)

    def secured(name: str) -> Engine:
        files = f"ca: {authority.file}, certificate: {ours.certificate}, key: {ours.key}"
        engine = make_engine(apart(peer, f"app_ack_tls: {{server_name: {name}, {files}}}")).start()
        assert said(engine.connect(), b1("TLS-1", msh15="AL", msh16="AL")) == ["CA"]
        return engine

    wrong = secured("other.example")
    wait_for(lambda: "link of application answers away" in "\n".join(wrong.logs), "it to refuse", wrong)
    assert wrong.stop() == 0
    assert peer.got == []
    eventually(secured("billing.example"), peer, ("AA", "TLS-1"))


def test_a_link_that_cannot_be_ends_the_start_with_its_reason(make_engine: Callable[..., Engine]) -> None:
    source = "    app_ack: separate\n    app_ack_to: env:NO_SUCH_PLACE"
    engine = make_engine(channel("charges", source=source))
    engine.spawn()
    assert engine.wait() == 2
    assert "charges: app_ack_to: the environment has no NO_SUCH_PLACE" in engine.logs[-1]


def test_a_resend_is_told_again(make_engine: Callable[..., Engine], serve: Serve) -> None:
    peer = serve()
    engine = make_engine(apart(peer)).start()
    sender, message = engine.connect(), b1("R-1", msh15="AL", msh16="AL")
    assert said(sender, message) == ["CA"]
    eventually(engine, peer, ("AA", "R-1"))
    wait_for(lambda: states(engine) == ["taken", ""], "it to be taken", engine)
    assert said(sender, message) == ["CA"]
    eventually(engine, peer, ("AA", "R-1"), ("AA", "R-1"))
    assert len([one for one in engine.ledger() if one["message"] == 1]) == 1


def test_a57_a_message_in_pieces_is_told_of_once(make_engine: Callable[..., Engine], serve: Serve) -> None:
    peer = serve()
    engine = make_engine(apart(peer)).start()
    sender = engine.connect()
    whole = b1("F-1", msh15="AL", msh16="AL")
    first = whole + b"DSC|next\r"
    rest = whole.split(b"\r", 1)[0].replace(b"|F-1|P|2.5|||", b"|F-2|P|2.5||next|") + b"\r"
    rest += b"FT1|2|||20261121||CG|G200^Gown^L||||1\r"
    assert is_answer(sender.ask(first), a1("F-1", "CA"))
    assert is_answer(sender.ask(rest), a1("F-2", "CA"))
    eventually(engine, peer, ("AA", "F-1"))
    wait_for(lambda: states(engine) == ["", "taken"], "it to be taken", engine)


@pytest.mark.slow
def test_killed_again_and_again_while_senders_send(make_engine: Callable[..., Engine], serve: Serve) -> None:
    """Whoever got a CA is told the outcome in the end, at least once, whenever the engine dies; routing and
    delivery are another process's work here."""
    peer = serve()
    engine = make_engine(apart(peer, "acknowledge: delivery"), workers=2)
    dice = random.Random(37)
    accepted: list[str] = []
    for life in range(2):
        engine.start("impatient=0.05")
        killer = threading.Timer(dice.uniform(0.1, 0.5), engine.process.kill)
        killer.start()
        accepted += send_until_closed(engine, f"L{life}")
        killer.join()
        engine.wait()
        engine.hang_up()
    assert accepted
    engine.start()
    engine.settle()
    wait_for(lambda: "owed" not in states(engine), "nothing to be owed", engine)
    told = peer.told()
    assert {code for code, _ in told} == {"AA"}
    assert set(accepted) <= {about for _, about in told}
    assert engine.stop() == 0


def send_until_closed(engine: Engine, name: str) -> list[str]:
    """One message after the other until the engine is gone; those that got their CA."""
    sender, accepted = engine.connect(), list[str]()
    while True:
        control_id = f"{name}-{len(accepted)}"
        try:
            answer = sender.ask(b1(control_id, msh15="AL", msh16="AL"))
        except OSError:
            return accepted
        if answer is None:
            return accepted
        assert is_answer(answer, a1(control_id, "CA"))
        accepted.append(control_id)
