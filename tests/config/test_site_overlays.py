"""Overlays of sites and environments: merged key by key, and every finding names the file to change."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.config.cases.rehearsal import trial_of
from engine.config.configured import channel_configuration
from engine.config.loading import LoadedChannel, examine, lint_files, load_channel, load_channels
from engine.errors import Misconfigured
from engine.settings import Settings

CHARGES = """\
channel: charges
description: Charges go on the quotation.
owner: {business: billing@hospital.example, technical: interfaces@hospital.example}
source:
  mllp: {listen: tcp:2600, message_types: [DFT^P03]}
sequence_by: PV1-19
tables:
  items: tables/items.csv
values:
  price: FT1-12 | money
effects:
  - name: charge
    for_each: FT1
    charge:
      key: "{FT1-2}"
      encounter: PV1-19
      item: FT1-7.1 | lookup(items, item)
      quantity: FT1-10 | number
      price: price
destinations:
  - odoo: {connection: hospital-odoo}
"""
VISITS = """\
channel: visits
description: Visits are known to the quotation.
owner: {business: billing@hospital.example, technical: interfaces@hospital.example}
source:
  mllp: {listen: tcp:2601, message_types: [ADT^A01]}
sequence_by: PV1-19
effects:
  - encounter: {key: "{PV1-19}", subject: PID-3, state: open}
destinations:
  - odoo: {connection: hospital-odoo}
"""
NORTH = """\
site: north
description: The house in the north.
all:
  owner: {technical: north@hospital.example}
  source:
    mllp:
      tls: {certificate: env:NORTH_CERTIFICATE, key: env:NORTH_KEY}
    folder: {path: /srv/north}
  tables: {items: sites/north/items.csv}
channels:
  charges:
    source: {mllp: {listen: tcp:3600}}
    destinations:
      - ledger: {path: var/north.ndjson}
without: [visits]
"""
MESSAGE = (
    b"MSH|^~\\&|HIS|GENERAL|||20261121101500||DFT^P03|1|P|2.5.1\rPID|1||50001\r"
    b"PV1|1|I|||||||||||||||||V-1\rFT1|1|T-1||20261121||CG|270001|||2||3.50&EUR\r"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two channels, and the site north."""
    for name, text in {
        "charges.yaml": CHARGES, "visits.yaml": VISITS, "tables/items.csv": "code,item\n270001,GLV-M\n",
        "sites/north.yaml": NORTH, "sites/north/items.csv": "code,item\n270001,N-GLV\n",
        "sites/production.yaml": (
            "site: production\ndescription: For real.\n"
            "channels:\n  charges: {destinations: [{odoo: {connection: production-odoo}}]}\n"
        ),
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def changed(folder: Path, old: str, new: str) -> list[str]:
    """What lint says after a change of the overlay, without the folder's name."""
    path = folder / "sites/north.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    found = lint_files([folder / "charges.yaml", folder / "visits.yaml"], ("north",))
    assert (
        lint_files([folder / "charges.yaml", folder / "visits.yaml"]) == found
    )  # also found when not chosen
    return [str(finding).replace(f"{folder}/", "") for finding in found]


def item_of(channel: LoadedChannel) -> str:
    (effect,) = trial_of(channel).say(MESSAGE).effects
    code: str = effect["charge"]["item"]["code"]
    return code


def test_an_overlay_is_merged_key_by_key(folder: Path) -> None:
    (charges,) = load_channels(folder, ("north",))
    source = charges.spec.source.mllp
    assert source is not None
    assert source.listen == "tcp:3600"
    assert source.message_types == ["DFT^P03"]
    assert source.tls is not None
    assert charges.spec.owner.technical == "north@hospital.example"
    assert charges.spec.owner.business == "billing@hospital.example"
    assert charges.program.destinations == ("ledger:var/north.ndjson",)
    assert charges.sites == ("north",)
    assert item_of(charges) == "N-GLV"


def test_without_sites_the_channels_are_as_they_are_written(folder: Path) -> None:
    charges, visits = load_channels(folder)
    assert visits.spec.channel == "visits"
    assert item_of(charges) == "GLV-M"
    assert load_channel(folder / "charges.yaml").sites == ()


def test_what_comes_later_wins(folder: Path) -> None:
    for sites, destination in {
        ("north", "production"): "odoo:production-odoo",
        ("production", "north"): "ledger:var/north.ndjson",
    }.items():
        (charges,) = load_channels(folder, sites)
        assert charges.program.destinations == (destination,)
        assert item_of(charges) == "N-GLV"


def test_a_channel_that_a_site_does_not_run_is_left_out(folder: Path) -> None:
    with pytest.raises(Misconfigured, match="the site north does not run this channel"):
        load_channel(folder / "visits.yaml", ("north",))
    assert examine(folder / "visits.yaml", ("north",)).left_out == "north"


def test_a_site_that_is_not_there(folder: Path) -> None:
    with pytest.raises(Misconfigured) as refused:
        load_channels(folder, ("nroth",))
    assert str(refused.value) == f"{folder}/sites: there is no site nroth (did you mean north?)"
    with pytest.raises(Misconfigured, match="there is no site"):
        load_channels(folder, ("../charges",))


def test_all_that_is_shipped_in_a_folder_is_in_order(folder: Path) -> None:
    paths = [folder / "charges.yaml", folder / "visits.yaml"]
    assert lint_files(paths) == []
    assert lint_files(paths, ("north", "production")) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("site: north", "site: south", "1:7: the file is called north (a site is called like its file)"),
        ("description: The", "descripton: The", "2:1: unknown key descripton (did you mean description?)"),
        ("  charges:\n", "  charge:\n", "11:3: there is no channel charge (did you mean charges?)"),
        ("[visits]", "[visit]", "15:11: there is no channel visit (did you mean visits?)"),
        ("[visits]", "[charges, visits]", "15:11: north does not run charges, and changes it"),
        ("{items: sites", "{itmes: sites", "9:12: no channel has itmes in its tables (did you mean items?)"),
        ("{listen: tcp:3600}", "{lisen: tcp:1}", "12:21: unknown key lisen (did you mean listen?)"),
        ("tcp:3600", "tpc:3600", "12:29: "),
        ("north/items.csv", "north/item.csv", "9:19: there is no file sites/north/item.csv (did"),
        ("    destinations:", "    channel: other\n    destinations:", "13:5: a channel keeps its name"),
        ("channels:\n", "channels: &all\n", "10:11: anchors (&) are not allowed"),
        ("  charges:\n", "  charges: !!python/object\n", "11:12: tags (!) are not allowed"),
        ("  charges:\n", "  <<: *all\n  charges:\n", "11:3: merge keys (<<) are not allowed"),
        ("without:", "all: {}\nwithout:", "15:1: all is written twice"),
        ("without:", "---\nwithout:", "15:1: a second document starts here"),
        ("  charges:\n", "\tcharges:\n", "11:1: a tab (indent with spaces)"),
        ("  charges:\n    source: {mllp: {listen: tcp:3600}}\n    destinations:\n      - ledger: "
         "{path: var/north.ndjson}", "  charges: none", "11:12: charges must hold keys"),
        ("{path: var/north.ndjson}", "{path: 'https://me:12345@x'}", "14:24: this looks like a secret"),
        ("    source: {mllp", "    values: {price: FT1-12 | mony}\n    source: {mllp",
         "12:30: there is no verb mony"),
        ("    source: {mllp", "    values: {price: PID-5}\n    source: {mllp",
         "12:21: PID-5: is dropped (PATIENT_NAME, class A), used on line 19 of charges.yaml"),
    ],
)  # fmt: skip
def test_a_finding_names_the_overlay_where_the_overlay_is_wrong(
    folder: Path, old: str, new: str, found: str
) -> None:
    said = changed(folder, old, new)
    assert any(one.startswith(f"sites/north.yaml:{found}") for one in said), said


def test_what_an_overlay_breaks_elsewhere_names_the_site(folder: Path) -> None:
    (folder / "sites/north/items.csv").write_text("code,goods\n270001,N-GLV\n")
    (finding,) = lint_files([folder / "charges.yaml"])
    assert str(finding).startswith(
        f"{folder}/charges.yaml:17:37: at the site north: the table has no column item"
    )
    with pytest.raises(Misconfigured, match="no column item"):
        load_channels(folder, ("north",))


def test_a_place_that_is_only_in_the_overlay_has_its_rows(folder: Path) -> None:
    """A folded text counts its columns in its own file."""
    folded = "    values:\n      price: >-\n        FT1-12\n        | mony\n    source: {mllp"
    said = changed(folder, "    source: {mllp", folded)
    assert any(one.startswith("sites/north.yaml:15:11: there is no verb mony") for one in said), said


def test_what_all_says_of_what_a_channel_has_not_is_for_others(folder: Path) -> None:
    overlay = folder / "sites/north.yaml"
    overlay.write_text(overlay.read_text().replace("without: [visits]\n", ""))
    visits = load_channel(folder / "visits.yaml", ("north",))
    assert visits.spec.tables == {}
    assert visits.spec.source.folder is None
    assert visits.spec.source.mllp is not None
    assert visits.spec.source.mllp.tls is not None


def test_the_audit_tells_which_places_a_site_changed(folder: Path) -> None:
    def named(text: bytes) -> bytes:
        return text[:16]

    before = channel_configuration(load_channel(folder / "charges.yaml"), named)
    after = channel_configuration(load_channel(folder / "charges.yaml", ("north",)), named)
    assert before.digest != after.digest
    assert before.places["source.mllp.listen"] != after.places["source.mllp.listen"]
    assert "sites" in after.places
    assert "sites" not in before.places


def test_commands_take_the_site_by_word_or_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = folder / "charge.hl7"
    message.write_bytes(MESSAGE)
    tried = ["try", str(folder / "charges.yaml"), str(message), "--json"]
    runner = CliRunner()
    assert '"GLV-M"' in runner.invoke(app, tried).stdout
    assert '"N-GLV"' in runner.invoke(app, [*tried, "--site", "north"]).stdout
    monkeypatch.setenv("WARDLINE_SITES", "north, production")
    assert '"N-GLV"' in runner.invoke(app, tried).stdout
    assert runner.invoke(app, ["lint", str(folder)]).stderr == "2 channels: 0 errors, 0 warnings\n"
    assert Settings.from_environment(os.environ).sites == ("north", "production")


def test_the_policy_as_a_site_has_it(folder: Path) -> None:
    overlay = folder / "sites/north.yaml"
    overlay.write_text(overlay.read_text().replace("all:\n", "all:\n  privacy: {narrow: [PV1-3.1]}\n"))
    asked = ["policy", "show", "PV1-3.1", "--channel", str(folder / "charges.yaml"), "--json"]
    runner = CliRunner()
    (as_written,) = json.loads(runner.invoke(app, asked).stdout)
    (at_north,) = json.loads(runner.invoke(app, [*asked, "--site", "north"]).stdout)
    assert (as_written["treatment"], at_north["treatment"]) == ("keep", "drop")
    told = runner.invoke(app, ["policy", "diff", str(folder), str(folder), "--site", "north"]).stdout
    assert "PV1-3.1" in told
