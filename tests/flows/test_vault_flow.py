"""The vault in a running engine: keys rotated while messages flow (P07), no unkeyed hash anywhere (P12)."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from base_message import B1, b1
from fhir_engine import FhirEngine, wanted
from key_rings import ring
from running import Engine, channel

PEOPLE = 200
SPACE = 5_000  # numbers tried, of seven digits


def number(person: int) -> str:
    return f"{4_000_000 + person * 17 % SPACE}"


def charge(control: object, person: int) -> bytes:
    return b1(str(control), B1.replace(b"77^^^H^MR", f"{number(person)}^^^H^MR".encode()))


def subjects(engine: Engine) -> list[str]:
    """The tokens of the persons that the ledger has, by message."""
    return [line["effect"]["subject"] for line in sorted(engine.ledger(), key=lambda line: line["message"])]


def test_P07_keys_are_rotated_while_messages_flow_and_the_ledger_does_not_notice(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(channel("charges"))
    ring(engine, "k1")
    engine.start()
    sender = engine.connect()
    people = list(range(40))
    for person in people:
        sender.ask(charge(f"A{person}", person))
    engine.settle()
    engine.stop()
    first = subjects(engine)
    engine.start()
    ring(engine, "k2", "k1")
    code, said = engine.wardline("vault", "rotate")
    assert (code, "start it with the new key first" in said) == (2, True), said
    engine.stop()
    engine.start()
    ended = threading.Event()
    sent: list[int] = []

    def flow() -> None:
        flowing = engine.connect()
        while not ended.is_set() or len(sent) < 60:
            person = len(sent) % 60  # the forty, and twenty newcomers
            flowing.ask(charge(f"B{len(sent)}", person))
            sent.append(person)

    thread = threading.Thread(target=flow)
    thread.start()
    code, said = engine.wardline("vault", "rotate", "--why", "yearly")
    ended.set()
    thread.join(60)
    assert (code, "no token changed" in said) == (0, True), said
    engine.settle()
    engine.stop()
    ring(engine, "k2")
    engine.start()
    last = engine.connect()
    for person in people:
        last.ask(charge(f"C{person}", person))
    engine.settle()
    after = subjects(engine)
    assert len(set(first)) == 40
    assert after[:40] == after[-40:] == first
    flowed = after[40:-40]
    assert flowed == [flowed[person] for person in sent]
    assert flowed[:40] == first


def hashes() -> Iterator[bytes]:
    """What an unkeyed hash of a number could be: three functions, the usual ways to write it down."""
    forms = (
        "{}",
        "{}\n",
        "MR{}",
        "H|{}",
        "H^{}",
        "{}^^^H^MR",
        "p\x1fH\x1fMR\x1f{}",
        "\x1fp\x1fH\x1fMR\x1f{}",
    )
    for form, value in product(forms, range(4_000_000, 4_000_000 + SPACE)):
        text = form.format(value).encode()
        for function in (hashlib.sha256, hashlib.sha1, hashlib.md5):
            yield function(text, usedforsecurity=False).digest()


def found(outputs: bytes) -> bool:
    """Whether a hash stands anywhere: its first eight bytes, as they are, in hex, in base64 or base32."""
    starts = {digest[:8] for digest in hashes()}
    words = {
        *(start.hex().encode() for start in starts),
        *(base64.b64encode(start)[:10] for start in starts),
        *(base64.b32encode(start)[:12] for start in starts),
    }
    if any(outputs[at : at + 8] in starts for at in range(len(outputs) - 7)):
        return True
    for text in re.findall(rb"[A-Za-z0-9+/_-]{10,}", outputs):
        for size, spelled in ((16, text.lower()), (10, text.translate(_STANDARD)), (12, text.upper())):
            if any(spelled[at : at + size] in words for at in range(len(text) - size + 1)):
                return True
    return False


_STANDARD = bytes.maketrans(b"-_", b"+/")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """All that an engine writes and says about two hundred persons."""
    engine = Engine(tmp_path_factory.mktemp("outputs"), channel("charges"), settings={"LOG_LEVEL": "DEBUG"})
    try:
        engine.start()
        sender = engine.connect()
        answers = [sender.ask(charge(f"C{person}", person)) for person in range(PEOPLE)]
        engine.settle()
        said = [engine.metrics(), *engine.wardline("messages", "--json")[1:], *engine.logs]
        said += [(answer or b"").decode() for answer in answers]
    finally:
        engine.hang_up()
        engine.stop()
    files = [path for path in Path(engine.folder).rglob("*") if path.is_file() and path.suffix != ".yaml"]
    written = [path.name.encode() + b"\0" + path.read_bytes() for path in files]
    return b"\0".join([*written, *(one.encode() for one in said)])


def test_P12_no_unkeyed_hash_of_a_number_stands_in_any_output(outputs: bytes) -> None:
    assert len(outputs) > 100_000
    assert not found(outputs)


@pytest.mark.parametrize("way", ["bytes", "hex", "HEX", "base64", "cut"])
def test_P12_the_search_finds_a_planted_one(way: str) -> None:
    digest = hashlib.sha1(f"{number(3)}^^^H^MR".encode(), usedforsecurity=False).digest()
    planted = {
        "bytes": digest,
        "hex": digest.hex().encode(),
        "HEX": digest.hex().upper().encode(),
        "base64": base64.urlsafe_b64encode(digest),
        "cut": f"t1p_{digest.hex()[:16]}".encode(),
    }[way]
    assert found(b"x" * 1000 + planted + b"!" * 1000)


def test_resources_are_found_with_a_new_key_while_it_comes_and_when_the_old_one_is_gone(
    tmp_path: Path,
) -> None:
    engine = FhirEngine(tmp_path / "engine")

    def found(value: str) -> list[str]:
        with engine.client() as client:
            answer = client.get("/SupplyRequest", params={"identifier": f"urn:test|{value}"})
            assert answer.status_code == 200
            return [entry["resource"]["id"] for entry in answer.json().get("entry", [])]

    def write(value: str) -> tuple[int, str]:
        resource = {**wanted(), "identifier": [{"system": "urn:test", "value": value}]}
        headers = {"If-None-Exist": f"identifier=urn:test|{value}"}
        with engine.client() as client:
            answer = client.post("/SupplyRequest", json=resource, headers=headers)
            return answer.status_code, answer.headers["location"].split("/SupplyRequest/")[1].split("/")[0]

    try:
        ring(engine, "k1")
        engine.start()
        (status, first) = write("N1")
        assert status == 201
        engine.stop()
        ring(engine, "k2", "k1")
        engine.start()
        assert found("N1") == [first]
        assert write("N1") == (200, first)  # not a second one
        (_, second) = write("N2")
        code, said = engine.wardline("vault", "rotate")
        assert code == 0, said
        assert (found("N1"), found("N2"), write("N1")) == ([first], [second], (200, first))
        (_, third) = write("N3")
        engine.stop()
        ring(engine, "k2")
        engine.start()
        assert (found("N1"), found("N2"), found("N3")) == ([first], [second], [third])
        assert write("N2") == (200, second)
    finally:
        engine.hang_up()
        engine.stop()
