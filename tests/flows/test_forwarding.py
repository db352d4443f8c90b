"""Messages passed on, end to end: tokens in place of identities, each delivered once it was answered so
(spec: ack, cases A72 and A73)."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from certificates import Authority
from receiver import Receiver, acknowledgement
from running import Engine, channel, wait_for

PASSING = """\
  - name: pass on
    when: {MSH-9.1: ADT}
    forward:
      segments: [EVN, PID, PV1]
      application: WARDLINE
destinations:
  - mllp: {connection: registry}
  - ledger: {path: LEDGER}
"""


def adt(number: int) -> bytes:
    return (
        rf"MSH|^~\&|EHR|HOSP|ENG|STORE|20261121120000||ADT^A01^ADT_A01|F{number}|P|2.5" + "\r"
        f"EVN|A01|20261121120000\rPID|1||SECRET{number}^^^HOSP^MR||SURNAMEX^GIVENX\rPV1|1|I|ICU^12\r"
    ).encode()


def forwarding(folder: Path) -> str:
    text = channel("adt")
    return text[: text.index("destinations:")] + PASSING.replace("LEDGER", str(folder / "all.jsonl"))


Make = Callable[..., Engine]


@pytest.fixture
def make(make_engine: Make, tmp_path: Path) -> Make:
    def one(port: int, scheme: str = "mllp", **settings: str) -> Engine:
        given = {
            "MLLP_REGISTRY_URL": f"{scheme}://127.0.0.1:{port}",
            "MLLP_REGISTRY_TIMEOUT": "1",
            **settings,
        }
        return make_engine(forwarding(tmp_path), ledger=False, settings=given)

    return one


def control_ids(receiver: Receiver) -> list[bytes]:
    return [message.split(b"|")[9] for message in receiver.messages]


def test_a_message_arrives_with_tokens_and_the_rest_goes_its_own_way(make: Make, tmp_path: Path) -> None:
    receiver = Receiver()
    engine = make(receiver.port).start()
    sender = engine.connect()
    for number in range(5):
        sender.ask(adt(number))
    assert [view.state.value for view in engine.settle()] == ["delivered"] * 5
    assert len(set(control_ids(receiver))) == len(receiver.messages) == 5
    for message in receiver.messages:
        assert b"SECRET" not in message
        assert b"SURNAMEX" not in message
        assert message.startswith(rb"MSH|^~\&|WARDLINE|HOSP|ENG|STORE|20261121||ADT^A01^ADT_A01|")
        assert b"PID|1||t1p_" in message
    with engine.store() as store:
        (view, in_ledger) = store.deliveries(_all(), message_id=1)
        assert view.documents == {"hl7": control_ids(receiver)[0].decode()}
        assert in_ledger.documents.keys() == {"ledger"}
    engine.assert_silent()


def _all():
    from engine.store.contracts.views import Query

    return Query()


def test_A73_an_error_is_a_dead_letter_with_its_code_and_place_alone(make: Make) -> None:
    error = "ERR||PID^1^3|101^Required field missing^HL70357|E||||the text said SURNAMEX\r"
    receiver = Receiver(lambda message, _: acknowledgement(message, "AE", error))
    engine = make(receiver.port).start()
    engine.connect().ask(adt(1))
    (view,) = engine.settle()
    assert view.state.value == "dead"
    with engine.store() as store:
        reason = store.deliveries(_all(), message_id=view.id)[0].reason
    assert reason is not None
    assert (reason.text, reason.place) == ("the receiver answered AE, 101 required field missing", "PID-3")
    assert len(receiver.messages) == 1
    engine.assert_silent()


def test_A73_a_rejection_is_tried_again(make: Make) -> None:
    receiver = Receiver(lambda message, times: acknowledgement(message, "AR" if times == 1 else "AA"))
    engine = make(receiver.port).start()
    engine.connect().ask(adt(1))
    assert [view.state.value for view in engine.settle()] == ["delivered"]
    assert len(receiver.messages) == 2
    assert receiver.messages[0] == receiver.messages[1]


@pytest.mark.parametrize(
    "answer",
    [
        lambda message: acknowledgement(message, about="another"),
        lambda message: acknowledgement(message).split(b"MSA")[0],
        lambda message: acknowledgement(message).replace(b"MSA|AA|", b"MSA|AA||"),
        lambda message: b"not HL7",
        lambda message: None,
    ],
    ids=["another id", "no MSA", "blank id", "no HL7", "no answer"],
)
def test_A72_what_is_no_answer_to_it_delivers_nothing(
    make: Make, answer: Callable[[bytes], bytes | None]
) -> None:
    receiver = Receiver(lambda message, times: answer(message) if times == 1 else acknowledgement(message))
    engine = make(receiver.port).start()
    engine.connect().ask(adt(1))
    assert [view.state.value for view in engine.settle()] == ["delivered"]
    assert receiver.messages == [receiver.messages[0]] * 2


def test_A72_a_second_answer_is_dropped(make: Make) -> None:
    twice = b"\x1c\r\x0b"
    receiver = Receiver(lambda message, _: acknowledgement(message) + twice + acknowledgement(message))
    engine = make(receiver.port).start()
    sender = engine.connect()
    for number in range(4):
        sender.ask(adt(number))
    assert [view.state.value for view in engine.settle()] == ["delivered"] * 4
    assert len(receiver.messages) == 4


def test_a_receiver_that_is_away_gets_everything_in_order_when_it_is_back(make: Make) -> None:
    gone = Receiver()
    gone.close()
    engine = make(gone.port).start()
    sender = engine.connect()
    for number in range(6):
        sender.ask(adt(7).replace(b"|F7|", f"|G{number}|".encode()))  # one patient: one order
    wait_for(lambda: any("destination away" in line for line in engine.logs), "an attempt", engine)
    back = Receiver(port=gone.port)
    assert [view.state.value for view in engine.settle()] == ["delivered"] * 6
    with engine.store() as store:
        expected = [view.documents["hl7"] for view in store.deliveries(_all()) if "hl7" in view.documents]
    assert [one.decode() for one in control_ids(back)] == expected


def test_killed_before_it_knew_it_sends_the_same_bytes_again(make: Make) -> None:
    receiver = Receiver()
    engine = make(receiver.port)

    def kill(message: bytes, times: int) -> bytes | None:
        if times == 1:
            engine.kill()
            return None
        return acknowledgement(message)

    receiver.answering = kill
    engine.start()
    engine.connect().ask(adt(1))
    wait_for(lambda: len(receiver.messages) == 1, "the first sending", None)
    engine.start()
    assert [view.state.value for view in engine.settle()] == ["delivered"]
    assert receiver.messages == [receiver.messages[0]] * 2


def test_over_mutual_tls(make: Make, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    server, client = authority.issue("registry", "127.0.0.1"), authority.issue("wardline", "wardline")
    receiver = Receiver()
    receiver.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.file))
    receiver.tls.load_cert_chain(server.certificate, server.key)
    receiver.tls.verify_mode = ssl.CERT_REQUIRED
    files = {"CA": authority.file, "CERTIFICATE": client.certificate, "KEY": client.key}
    settings = {f"MLLP_REGISTRY_{name}": str(path) for name, path in files.items()}
    engine = make(receiver.port, "mllps", **settings).start()
    engine.connect().ask(adt(1))
    assert [view.state.value for view in engine.settle()] == ["delivered"]
    assert len(receiver.messages) == 1


def test_into_a_folder(make_engine: Make, tmp_path: Path) -> None:
    text = forwarding(tmp_path).replace("mllp: {connection: registry}", f"folder: {{path: {tmp_path}/out}}")
    engine = make_engine(text, ledger=False).start()
    sender = engine.connect()
    for number in range(3):
        sender.ask(adt(number))
    engine.settle()
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == 3
    assert not [file for file in files if b"SECRET" in file.read_bytes()]


def test_P13_what_is_flagged_is_passed_on_to_nobody(make_engine: Make, tmp_path: Path) -> None:
    """A protected person, a very restricted order and others, through a running engine."""
    text = forwarding(tmp_path).replace("mllp: {connection: registry}", f"folder: {{path: {tmp_path}/out.d}}")
    text = text.replace("effects:\n", "privacy: {flags: {PV1-16: block}}\neffects:\n", 1)
    engine = make_engine(text, ledger=False).start()
    sender = engine.connect()
    flags = [b"", b"PD1|||||||||||N|Y\r", b"ORC|1" + b"|" * 27 + b"V\r", b"", b"PD1||||||||||||N\r"]
    for number, flag in enumerate(flags):
        vip = b"|||||||||||||VIP" if number == 3 else b""
        sender.ask(adt(number).replace(b"|ICU^12", b"|ICU^12" + vip) + flag)
    states = [(view.state.value, view.step, view.reason and view.reason.code) for view in engine.settle()]
    assert states[0] == states[4] == ("delivered", "", None)
    assert states[1][0] in ("delivered", "filtered")  # what Odoo does of it still stands
    assert states[2] == ("dead", "", "privacy")
    assert states[3] == ("filtered", "privacy-flag", None)
    passed = [file.read_bytes() for file in (tmp_path / "out.d").iterdir()]
    assert len(passed) == 2
    assert all(b"PID|1||t1p_" in message for message in passed)
