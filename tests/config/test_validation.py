"""A channel file's shape: complaints in plain words, at their place, without the library's own."""

from __future__ import annotations

import pytest

from engine.config.reading import read_yaml
from engine.config.spec import ChannelSpec
from engine.config.validation import validate
from engine.transforms.wording import listed, meant

GOOD = """\
channel: plain
description: d
owner: {business: b, technical: t}
source: {mllp: {listen: "tcp:1", message_types: [ADT]}}
sequence_by: PID-3
effects: [{merge: {kind: person, gone: MRG-1, into: PID-3}}]
destinations: [{ledger: {path: out.ndjson}}]
"""


def _said(text: str) -> list[str]:
    reading = read_yaml(text.encode(), "c.yaml")
    assert reading.data is not None
    spec, problems = validate(ChannelSpec, reading.data)
    assert (spec is None) == bool(problems)
    return sorted(str(reading.positions.finding(problem)).removeprefix("c.yaml:") for problem in problems)


def test_a_good_file_is_its_model() -> None:
    reading = read_yaml(GOOD.encode(), "c.yaml")
    assert reading.data is not None
    spec, problems = validate(ChannelSpec, reading.data)
    assert not problems
    assert spec is not None
    assert spec.source.mllp.acknowledge_timeout == 30
    assert spec.effects[0].merge is not None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("channel: plain", "channel: Plain", "1:10: channel has characters it cannot have (a name"),
        ("description: d\n", "", "1:1: description is missing"),
        ("{business: b, technical: t}", "{business: b}", "3:8: technical is missing"),
        ("{business: b, technical: t}", "[b, t]", "3:8: owner must hold keys (write `key: value` below it)"),
        ("[ADT]", "[]", "4:49: message_types is empty (at least one entry)"),
        ("[ADT]", "ADT", "4:49: message_types must be a list (write message_types: [one, two])"),
        ("[ADT]", "[ADT], idle_timeout: soon", "4:70: idle_timeout must be a whole number"),
        ("[ADT]", "[ADT], max_connections: 0", "4:73: max_connections is too small (at least 1)"),
        ("[ADT]", "[ADT], acknowledge_timeout: 900", "4:77: acknowledge_timeout is too large (at most 600)"),
        ("[ADT]", "[ADT], require_cr: perhaps", "4:68: require_cr must be yes or no"),
        ("[ADT]", "[ADT], ack_mode: originl", "4:66: ack_mode cannot be originl (did you mean original?)"),
        ("[ADT]", "[ADT], timezon: UTC", "4:56: unknown key timezon (did you mean timezone?)"),
        ("sequence_by: PID-3", "sequence_by:", "5:13: sequence_by is empty"),
        ("kind: person", "kind: persn", "6:26: kind cannot be persn (did you mean person?)"),
        ("kind: person", "kind: [person]", "6:26: kind cannot be this (one of: person, account, visit)"),
        ("merge: {", "merg: {", "6:12: unknown key merg (did you mean merge?)"),
        ("[{merge", "[{when: {MSH-9.2: {a: b}}, merge", "6:28: MSH-9.2 must be a text (a text that starts"),
        ("effects: [", "effects: [x, ", "6:11: effects must hold keys (write `key: value` below it)"),
        ("[{ledger", "[{odoo: {connection: X}}, {ledger", "7:36: connection has characters"),
        ("channel: plain", "channel: plain\ntables: {A: b.csv}", "2:10: this name has characters"),
    ],
)  # fmt: skip
def test_complaint_is_plain_and_at_its_place(before: str, after: str, said: str) -> None:
    assert before in GOOD
    found = _said(GOOD.replace(before, after, 1))
    assert [one for one in found if one.startswith(said)], found
    assert not any("input" in one.lower() or "pydantic" in one.lower() for one in found)


def test_yes_and_no_are_truth_where_truth_is_wanted_and_text_elsewhere() -> None:
    text = GOOD.replace("[ADT]", "[ADT], require_cr: yes, insecure_ok: NO, processing_ids: [NO, yes]")
    reading = read_yaml(text.encode(), "c.yaml")
    assert reading.data is not None
    spec, _ = validate(ChannelSpec, reading.data)
    assert spec is not None
    source = spec.source.mllp
    assert (source.require_cr, source.insecure_ok, source.processing_ids) == (True, False, ["NO", "yes"])


def test_several_complaints_are_all_made() -> None:
    assert len(_said(GOOD.replace("description: d\n", "").replace("kind: person", "kind: x"))) == 2


@pytest.mark.parametrize("text", ["[a, b]", "text"])
def test_a_file_without_keys_is_told_how_to_start(text: str) -> None:
    assert _said(text) == ["1:1: the file holds no keys (it starts with `channel:`)"]


def test_words_are_suggested_or_listed() -> None:
    assert meant("lokup", ["lookup", "kit"]) == "did you mean lookup?"
    assert meant("ADT", ["adt", "dft"]) == "did you mean adt?"
    assert meant("zzz", ["lookup", "kit"]) == "one of: lookup, kit"
    assert meant("zzz", []) == ""
    assert listed(map(str, range(20))).endswith("11, …")
