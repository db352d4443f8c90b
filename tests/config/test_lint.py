"""Checks that a channel's shape alone cannot make, one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config.lint.channel import check_secrets
from engine.config.listening import listens_on
from engine.config.loading import channel_files, examine
from engine.errors import Misconfigured

BASE = """\
channel: plain
description: A channel to be spoiled one word at a time.
owner: {business: a@hospital.example, technical: b@hospital.example}
source:
  mllp:
    listen: tcp:2600
    message_types: [ADT^A40, ADT^A41]
sequence_by: PID-3
effects:
  - when: {MSH-9.2: [A40, A41]}
    for_each: MRG
    merge: {kind: person, gone: MRG-1, into: PID-3}
destinations:
  - ledger: {path: out.ndjson}
"""


def _said(tmp_path: Path, before: str = "", after: str = "") -> list[str]:
    assert before in BASE
    path = tmp_path / "plain.yaml"
    path.write_text(BASE.replace(before, after, 1))
    return [str(finding).removeprefix(f"{path}:") for finding in sorted(examine(path).findings)]


def test_the_plain_channel_has_no_finding(tmp_path: Path) -> None:
    assert _said(tmp_path) == []


FORWARDING = "  - forward: {segments: [PID, PV1]}\n"


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ("destinations:\n", FORWARDING + "destinations:\n", ""),
        (
            "ledger: {path: out.ndjson}",
            "mllp: {connection: registry}",
            "no destination of this channel carries",
        ),
        (
            "- ledger: {path: out.ndjson}",
            "- ledger: {path: a}\n  - folder: {path: b}",
            "no rule passes messages on",
        ),
        (
            "destinations:\n  - ledger: {path: out.ndjson}",
            FORWARDING + "destinations:\n  - odoo: {connection: hospital}",
            "nothing takes what is passed on",
        ),
        (
            "destinations:\n",
            FORWARDING.replace("- forward", "- for_each: PID\n    forward") + "destinations:\n",
            "a message is passed on as a whole",
        ),
        (
            "destinations:\n",
            FORWARDING.replace("PV1", "pv1") + "destinations:\n",
            "segments has characters it cannot have",
        ),
    ],
)
def test_effects_and_destinations_fit_together(tmp_path: Path, before: str, after: str, finding: str) -> None:
    said = _said(tmp_path, before, after)
    assert any(finding in one for one in said) if finding else not said


MESSAGE_TYPES = "    message_types: [ADT^A40, ADT^A41]\n"


@pytest.mark.parametrize(
    ("setting", "finding"),
    [
        ("allow: [10.0.0.1/8]", "8:13: not a network (write it like 10.20.0.0/16)"),
        ("charset: klingon", "8:14: no character set that a message can be in"),
        ("charset: utf-16", "8:14: no character set that a message can be in"),
        ("charset: base64", "8:14: no character set that a message can be in"),
        ("timezone: Mars/Olympus", "8:15: no such time zone"),
        ("ack_mode: never", "8:15: warning: without an answer the sender cannot know"),
        ("app_ack_to: tcp:127.0.0.1:2600", "8:17: warning: app_ack_to has no effect here"),
        ("app_ack: separate", "8:14: nobody to send application answers to"),
        ("app_ack: separate\n    app_ack_to: 127.0.0.1:2600", "9:17: not a place to send to"),
        ("app_ack: separate\n    app_ack_to: tcp:127.0.0.1:0", "9:17: not a place to send to"),
        ("app_ack: separate\n    app_ack_to: tcp:10.1.2.3:2600", "9:17: sending beyond this machine"),
        (
            "app_ack: separate\n    app_ack_to: env:PEER\n    ack_mode: original",
            "8:14: no application answer",
        ),
        ("acknowledge_late: error", "8:23: warning: acknowledge_late has no effect here"),
        ("acknowledge: transform\n    respond: order", "9:14: warning: no message of the channel has such"),
        ("store_unavailable: nack", "8:24: warning: many senders throw away what is refused"),
        ('store_unavailable: nack\n    mllp_release: "2"', "8:24: warning: store_unavailable has no effect"),
        ("acknowledge: delivery\ncriticality: bulk", "8:18: warning: bulk deliveries wait"),
        ("tls: {certificate: c, key: k, client_names: [x]}", "8:49: client_names are only looked at"),
    ],
)
def test_setting_of_the_source(tmp_path: Path, setting: str, finding: str) -> None:
    (found,) = _said(tmp_path, MESSAGE_TYPES, f"{MESSAGE_TYPES}    {setting}\n")
    assert found.startswith(finding)


@pytest.mark.parametrize(
    ("setting", "finding"),
    [
        ("respond: order", "8:14: what became of an order is not known"),
        ("respond: order\n    acknowledge: delivery", "8:14: an order that is not carried out in time"),
        ("respond: order\n    acknowledge: delivery\n    acknowledge_late: error", ""),
        ("respond: order\n    acknowledge: transform", ""),
    ],
)
def test_answers_that_say_what_became_of_orders(tmp_path: Path, setting: str, finding: str) -> None:
    found = _said(tmp_path, MESSAGE_TYPES, f"    message_types: [ADT, OMS^O05]\n    {setting}\n")
    assert [one[: len(finding)] for one in found] == [finding] * bool(finding)


@pytest.mark.parametrize(
    ("listen", "finding"),
    [
        ("2600", "6:13: not a place to listen (tcp:PORT"),
        ("tcp:70000", "6:13: not a place to listen"),
        ("tcp:hospital:2600", "6:13: not a place to listen"),
        ("env:lower", "6:13: not a place to listen"),
        ("tcp:10.1.2.3:2600", "6:13: listening beyond this machine without TLS"),
        ("tcp:[::]:2600", "6:13: listening beyond this machine without TLS"),
        ("tcp:10.1.2.3:2600\n    insecure_ok: yes", "7:18: plain MLLP beyond this machine needs"),
    ],
)
def test_place_to_listen(tmp_path: Path, listen: str, finding: str) -> None:
    (found,) = _said(tmp_path, "tcp:2600", listen)
    assert found.startswith(finding)


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ("ADT^A41]", "ADT^A40]", "7:30: warning: this message type is listed twice"),
        ("[A40, A41]", "[A40]", "7:30: warning: it is accepted, but no rule is about it"),
        ("[A40, A41]", "[A01]", "10:21: no message that the channel accepts has this event"),
        ("for_each: MRG", "for_each: mrg", "11:15: not a segment id (write it like FT1)"),
        ("  - ledger: {path: out.ndjson}", "  - {}", "14:5: the destination has no kind"),
        ("  - ledger: {path: out.ndjson}", "  - ledger: {path: o}\n" * 2, "15:5: the same destination is"),
    ],
)
def test_rules_and_destinations(tmp_path: Path, before: str, after: str, finding: str) -> None:
    found = _said(tmp_path, before, after)
    assert [one for one in found if one.startswith(finding)], found


@pytest.mark.parametrize(
    ("rules", "finding"),
    [
        ("- merge: {kind: visit, gone: MRG-5, into: PV1-19}", ""),
        (
            "- {name: x, release: {key: '{PID-3}'}}\n  - {name: x, release: {key: '{PID-18}'}}",
            "11:12: another rule",
        ),
        ("- reserve: {key: '{PID-3}', destination: PV1-3.1}", "10:14: it does not say what"),
        ("- reserve: {key: '{PID-3}', destination: PV1-3.1, items: x, unit: y}", "10:63: unit does not go"),
        ("- procure: {key: '{PID-3}', location: PV1-3.1, item: PV1-2}", "10:14: it does not say what"),
    ],
)
def test_further_rules(tmp_path: Path, rules: str, finding: str) -> None:
    found = _said(tmp_path, "effects:\n", f"effects:\n  {rules}\n")
    assert any(one.startswith(finding) for one in found) if finding else found == []


@pytest.mark.parametrize("file", ["../t.csv", "/etc/passwd", "tables/../../t.csv"])
def test_a_table_lies_beside_its_channel(tmp_path: Path, file: str) -> None:
    found = _said(tmp_path, "sequence_by: PID-3", f"sequence_by: PID-3\ntables: {{items: {file}}}")
    assert "9:17: a table lies beside its channel (write it like tables/items.csv)" in found


@pytest.mark.parametrize(
    "allowed",
    ["tcp:127.0.0.1:2600", "tcp:[::1]:2600", "env:ADT_LISTEN", "tcp:0"],
)
def test_a_door_on_this_machine_needs_no_key(tmp_path: Path, allowed: str) -> None:
    assert _said(tmp_path, "tcp:2600", allowed) == []


def test_a_door_with_tls_may_face_the_network(tmp_path: Path) -> None:
    after = "tcp:0.0.0.0:2600\n    tls: {certificate: env:CERT, key: env:KEY}\n"
    assert _said(tmp_path, "tcp:2600\n", after) == []


def test_a_plain_door_may_face_a_network_that_is_named(tmp_path: Path) -> None:
    after = "tcp:10.1.2.3:2600\n    insecure_ok: yes\n    allow: [10.1.0.0/16]\n"
    assert _said(tmp_path, "tcp:2600\n", after) == []


def test_where_a_channel_listens() -> None:
    assert listens_on("tcp:2575") == ("", 2575)
    assert listens_on("tcp:[::1]:2575") == ("::1", 2575)
    assert listens_on("env:ADT_LISTEN") is None


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN RSA PRIVATE KEY-----",
        "https://admin:hunter22@odoo.example",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x",
        "password=hunter22",
        "api_key: abcdef",
        "0123456789abcdef0123456789abcdef01234567",
        "Zm9vYmFyQmF6MTIzNDU2Nzg5MEFCQ0RFRkdI",
    ],
)
def test_what_looks_like_a_secret_is_found_wherever_it_stands(secret: str) -> None:
    (problem,) = check_secrets({"a": [{"b": secret}]})
    assert problem.place == ("a", 0, "b")
    assert secret not in f"{problem.text}{problem.hint}"


@pytest.mark.parametrize(
    "text",
    [
        "env:ODOO_KEY", "tables/procedure-kits.csv", "{SCH-2 or SCH-1}/{AIS-1}", "WH/Stock",
        "A token has no place here.", "interfaces@hospital.example", "FT1-7.1 | lookup(items, item)",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "https://odoo.example:8069/web",
    ],
)  # fmt: skip
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert list(check_secrets({"a": text})) == []


def test_files_and_folders_are_found_and_cases_are_no_channels(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "b.test.yaml", "notes.txt", "channel.schema.json"):
        (tmp_path / name).write_text("x: y\n")
    assert [path.name for path in channel_files([tmp_path])] == ["a.yml", "b.yaml"]
    assert channel_files([tmp_path / "b.yaml"]) == [tmp_path / "b.yaml"]
    with pytest.raises(Misconfigured, match="no such file"):
        channel_files([tmp_path / "none"])


def test_T05_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.seek(4 << 30)
        file.write(b"\n")
    (finding,) = examine(path).findings
    assert "larger than 256 KiB" in finding.text


def test_a_file_that_everyone_may_change_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "plain.yaml"
    path.write_text(BASE)
    path.chmod(0o666)
    (finding,) = examine(path).findings
    assert str(finding) == f"{path}:1:1: warning: everyone on this machine may change this file (chmod o-w)"


SHIPPED = [path.read_text() for path in sorted((Path(__file__).parents[2] / "channels").glob("*[!t].yaml"))]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_T05_no_edit_of_a_channel_makes_lint_raise(tmp_path: Path, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SHIPPED))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(st.text("abI1-:{}[]|,.'\"* \n", max_size=6)) + text[at + length :]
    path = tmp_path / "edited.yaml"
    path.write_text(text)
    examined = examine(path)
    errors = [finding for finding in examined.findings if finding.severity == "error"]
    assert (examined.program is None) <= bool(errors)


FOLDER = """  folder:
    path: /srv/in
"""


@pytest.mark.parametrize(
    ("after", "finding"),
    [
        ("", ""),
        ("    answers: file\n    acknowledge: delivery\n", ""),
        ("    acknowledge: transform\n", "7:18: warning: nobody reads the outcome"),
        ("    answers: file\n    ack_mode: never\n", "7:14: ack_mode: never leaves nothing to write"),
        ("    settle: 0\n    pattern: '*'\n", "7:13: warning: every file is taken at once"),
        ("    pattern: .hidden\n", "7:14: a pattern is of names in the folder itself"),
        ("    listen: tcp:2600\n", "7:5: unknown key listen"),
        ("    timezone: Europe/Berlon\n", "7:15: no such time zone"),
    ],
)
def test_a_folder(tmp_path: Path, after: str, finding: str) -> None:
    said = _said(tmp_path, "  mllp:\n    listen: tcp:2600\n", FOLDER + after)
    assert any(one.startswith(finding) for one in said) if finding else said == []


@pytest.mark.parametrize(
    ("path", "finding"),
    [
        ("env:CHARGES", ""),
        ("env:charges", "6:11: not the name of a variable"),
        ("in", "6:11: warning: a relative"),
    ],
)
def test_where_a_folder_is(tmp_path: Path, path: str, finding: str) -> None:
    said = _said(tmp_path, "  mllp:\n    listen: tcp:2600\n", FOLDER.replace("/srv/in", path))
    assert any(one.startswith(finding) for one in said) if finding else said == []
