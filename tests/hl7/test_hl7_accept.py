"""engine.hl7.accept."""

from __future__ import annotations

import pytest

from engine.hl7.accept import AcceptRules, check
from engine.hl7.header import read_header

RULES = AcceptRules(message_types=frozenset({"ADT^A01", "ADT^A08", "DFT"}))


def header(kind="ADT^A01", control_id="C1", processing_id="P", version="2.5"):
    return read_header(f"MSH|^~\\&|A|B|C|D|||{kind}|{control_id}|{processing_id}|{version}\r".encode())


def ruled(rules=RULES, **fields):
    found = check(header(**fields), rules)
    return found and (found.answered, found.reason.hl7, found.reason.place)


@pytest.mark.parametrize("kind", ["ADT^A01", "ADT^A08^ADT_A01", "DFT^P03", "DFT^P11", "DFT"])
def test_accepted_types(kind):
    assert ruled(kind=kind) is None
    assert ruled(AcceptRules(), kind=kind) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"kind": "XYZ^A01"}, ("rejected", 200, "MSH-9[1].1"), id="A28"),
        pytest.param({"kind": "ADT^A99"}, ("rejected", 201, "MSH-9[1].2"), id="A29"),
        pytest.param({"kind": "ADT"}, ("rejected", 201, "MSH-9[1].2"), id="event missing"),
        pytest.param({"kind": ""}, ("rejected", 200, "MSH-9[1].1"), id="type missing"),
        pytest.param({"processing_id": "T"}, ("rejected", 202, "MSH-11"), id="A30"),
        pytest.param({"processing_id": "T^A"}, ("rejected", 202, "MSH-11"), id="A30 mode"),
        pytest.param({"version": "9.9"}, ("rejected", 203, "MSH-12"), id="A31"),
        pytest.param({"version": "abc"}, ("rejected", 203, "MSH-12"), id="A31 text"),
        pytest.param({"version": "2.10"}, ("rejected", 203, "MSH-12"), id="2.10 is not 2.1"),
        pytest.param({"version": "1.0"}, ("rejected", 203, "MSH-12"), id="1.0"),
        pytest.param({"version": "3.0"}, ("rejected", 203, "MSH-12"), id="3.0"),
        pytest.param({"control_id": ""}, ("error", 101, "MSH-10"), id="A33"),
        pytest.param({"control_id": '""'}, ("error", 101, "MSH-10"), id="A33 quotes"),
        pytest.param({"control_id": " "}, ("error", 101, "MSH-10"), id="A33 blank"),
        pytest.param({"kind": "XYZ^A01", "processing_id": "T", "version": "9", "control_id": ""},
                     ("rejected", 200, "MSH-9[1].1"), id="the first refusal counts"),
        pytest.param({"processing_id": "T", "version": "9"}, ("rejected", 202, "MSH-11"), id="202 first"),
        pytest.param({"version": "9.9", "control_id": ""}, ("rejected", 203, "MSH-12"), id="203 before 101"),
        pytest.param({"kind": "ACK^A01^ACK"}, ("", 200, "MSH-9"), id="A46"),
        pytest.param({"kind": "ACK", "version": "9.9"}, ("", 200, "MSH-9"), id="an answer comes first"),
    ],
)  # fmt: skip
def test_refusals(fields, expected):
    assert ruled(**fields) == expected


@pytest.mark.parametrize(
    "version",
    [
        "2.1",
        "2.3.1",
        "2.5",
        "2.5.1",
        "2.6.1",
        "2.7.1",
        "2.9",
        "2.9.1",
        "2.5^USA&&ISO3166",
        "2.4^^^^",
        "v2.5",
        "2.3.1 ",
        "",
    ],
)
def test_versions_as_real_senders_write_them(version):
    assert ruled(version=version) is None


def test_named_versions_are_exact():
    rules = AcceptRules(versions=frozenset({"2.5", "2.5.1"}))
    assert ruled(rules, version="2.5^DEU") is None
    assert ruled(rules, version="v2.5") is None
    assert ruled(rules, version="") is None
    assert ruled(rules, version="2.4") == ("rejected", 203, "MSH-12")


def test_processing_ids():
    assert ruled(processing_id="") is None
    assert ruled(processing_id="p") is None
    assert ruled(AcceptRules(processing_ids=frozenset("PT")), processing_id="T") is None


def test_optional_control_id():
    assert ruled(AcceptRules(control_id="optional"), control_id="") is None
