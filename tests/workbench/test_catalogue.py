"""The catalogue of integrations: the same of every channel as Markdown, page and JSON."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.errors import Misconfigured
from engine.workbench.catalogue import Entry, catalogue
from engine.workbench.catalogue_text import as_markdown, as_page

ROOT = Path(__file__).parents[2]
CHANNEL = """\
channel: charges
description: Charges <b>on</b> the | quotation.
owner: {business: billing@hospital.example, technical: interfaces@hospital.example}
source:
  mllp: {listen: tcp:2600, message_types: [DFT^P03, DFT^P11]}
sequence_by: PV1-19
effects:
  - name: charge
    for_each: FT1
    charge: {key: "{FT1-2}", encounter: PV1-19, item: FT1-7.1, quantity: FT1-10, date: FT1-4}
destinations:
  - odoo: {connection: hospital-odoo}
"""
SHIPPED = {one.channel: one for one in catalogue(ROOT / "channels").channels}


class Page(HTMLParser):
    """Reads a page: what is left open, where links lead, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        given = dict(attrs)
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        self.ids += [given["id"] or ""] if "id" in given else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def entry(folder: Path, old: str = "", new: str = "") -> Entry:
    assert old in CHANNEL
    (folder / "charges.yaml").write_text(CHANNEL.replace(old, new) if old else CHANNEL)
    (one,) = catalogue(folder).channels
    return one


def test_that_of_the_shipped_channels_is_fresh() -> None:
    fresh = as_markdown(catalogue(ROOT / "channels"))
    said = (ROOT / "docs/catalogue.md").read_text()
    assert said == fresh, "wardline schema --write ."


def test_every_shipped_channel_says_who_sends_and_what_was_promised() -> None:
    for one in SHIPPED.values():
        assert one.sender, one.channel
        assert re.fullmatch(r"[0-9]+[smhd]", one.within), one.channel
        assert (ROOT / one.runbook).is_file(), one.channel
        assert one.cases >= 12, one.channel
        assert all(table.owner for table in one.tables), one.channel


def test_identifying_data_and_whether_they_leave() -> None:
    found = {(path, one.becomes): one for one in SHIPPED["dft-charges"].data for path in one.paths}
    person = found["PID-3", "the token of a person"]
    assert person.leaves
    assert "medical record numbers" in person.what
    assert found["FT1-4", "an operational date"].leaves
    assert not any(one.what == "names" for one in SHIPPED["dft-charges"].data)


def test_what_is_only_asked_does_not_leave(tmp_path: Path) -> None:
    asked = entry(tmp_path, "    for_each: FT1\n", "    for_each: FT1\n    when: {PID-3: present}\n")
    (person,) = [one for one in asked.data if "PID-3" in one.paths]
    assert not person.leaves
    assert "stays in the engine" in as_markdown(catalogue(tmp_path))


@pytest.mark.parametrize(
    ("source", "door"),
    [
        ("mllp: {listen: tcp:2600,", ("MLLP", "tcp:2600", "plain", "after storage")),
        ("mllp: {listen: tcp:2600, allow: [10.0.0.0/8],", ("MLLP", "tcp:2600", "plain, from 10.0.0.0/8",
         "after storage")),
        ("mllp: {listen: tcp:2600, tls: {certificate: a, key: b}, acknowledge: transform,",
         ("MLLP", "tcp:2600", "TLS", "after mapping")),
        ("mllp: {listen: tcp:2600, tls: {certificate: a, key: b, client_ca: c}, acknowledge: delivery,",
         ("MLLP", "tcp:2600", "mutual TLS", "after delivery")),
        ("folder: {path: /srv/in, pattern: '*.hl7',", ("folder", "/srv/in", "the folder's own rights",
         "after storage")),
    ],
)  # fmt: skip
def test_doors(tmp_path: Path, source: str, door: tuple[str, ...]) -> None:
    found = entry(tmp_path, "mllp: {listen: tcp:2600,", source).door
    assert (found.kind, found.address, found.protection, found.answers) == door
    assert found.takes == ("DFT^P03", "DFT^P11")


def test_a_shadow_is_told_and_what_is_kept_otherwise(tmp_path: Path) -> None:
    one = entry(tmp_path, "sequence_by", "shadow: yes\nretention: {content: 14}\nsequence_by")
    assert one.shadow
    text = as_markdown(catalogue(tmp_path))
    assert "| shadow | takes, answers and compares, and writes nothing |" in text
    assert "| kept otherwise | content: 14 days |" in text


def test_a_door_of_fhir() -> None:
    door = SHIPPED["charge-items"].door
    assert door.kind == "FHIR over HTTP"
    assert door.protection == "plain, clients of fhir/clients.yaml"
    assert "ChargeItem" in door.takes


def test_what_a_channel_says_cannot_break_page_or_table(tmp_path: Path) -> None:
    entry(tmp_path)
    found = catalogue(tmp_path)
    page = Page(as_page(found))
    assert "Charges <b>on</b> the | quotation." in page.text
    assert "<b>" not in as_page(found)
    (row,) = [line for line in as_markdown(found).splitlines() if line.startswith("| [charges]")]
    assert row.count(" | ") == 6
    (tmp_path / "charges.yaml").write_text(CHANNEL + "about: {sender: {system: 'A|B<i>'}}\n")
    assert "A\\|B&lt;i>" in as_markdown(catalogue(tmp_path))


def test_the_page_needs_nothing_from_elsewhere_and_suits_every_reader() -> None:
    text = as_page(catalogue(ROOT / "channels"))
    page = Page(text)
    assert page.open in ([], ["html"])
    assert {f"#{name}" for name in SHIPPED} == set(page.links)
    assert set(SHIPPED) <= set(page.ids)
    for said in (
        "default-src 'none'",
        "color-scheme: light dark",
        "@media print",
        'lang="en"',
        'scope="row"',
    ):
        assert said in text
    assert "<script" not in text


def test_as_a_site_has_it(tmp_path: Path) -> None:
    found = catalogue(ROOT / "channels", ("outpatient",))
    assert [one.channel for one in found.channels] == ["adt-encounters", "dft-charges"]
    assert found.channels[1].door.address == "tcp:2676"
    assert found.channels[1].tables[1].file == "sites/outpatient/locations.csv"
    assert as_markdown(found).startswith("# Integrations at outpatient\n")


def test_a_channel_without_an_owner_has_no_place_here(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="owner is missing"):
        entry(
            tmp_path,
            "owner: {business: billing@hospital.example, technical: interfaces@hospital.example}\n",
            "",
        )


def test_the_command(tmp_path: Path) -> None:
    entry(tmp_path)
    runner = CliRunner()
    asked = ["catalogue", str(tmp_path)]
    assert runner.invoke(app, asked).stdout == as_markdown(catalogue(tmp_path))
    said = json.loads(runner.invoke(app, [*asked, "--format", "json"]).stdout)
    assert said["channels"][0]["door"]["takes"] == ["DFT^P03", "DFT^P11"]
    assert said["channels"][0]["effects"] == {"charge": 1}
    done = runner.invoke(app, [*asked, "--format", "page", "-o", str(tmp_path / "page.html")])
    assert done.exit_code == 0
    assert done.stdout == ""
    assert (tmp_path / "page.html").read_text() == as_page(catalogue(tmp_path))
    refused = runner.invoke(app, [*asked, "-o", str(tmp_path / "no/such/folder")])
    assert refused.exit_code == 2 or isinstance(refused.exception, Misconfigured)
