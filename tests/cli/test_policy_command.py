"""`wardline policy`: what an officer sees of the table, of a channel's changes, and of where paths lead."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.policy import policy

CHANNELS = Path(__file__).parents[2] / "channels"
CHARGES = CHANNELS / "dft-charges.yaml"


def said(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(policy, list(arguments))
    assert result.exit_code == code, result.output
    return result.stdout


def rows(*arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(said(*arguments, "--json"))
    return found


def test_a_field_is_shown_with_its_components_and_what_may_be_done_instead() -> None:
    field, *components = rows("show", "PV1-3")
    assert (field["path"], field["treatment"], field["row"]) == ("PV1-3", "keep-loc", "PV1-3")
    by_name = {one["name"]: one for one in components}
    assert by_name["ROOM"]["treatment"] == "drop"
    assert by_name["ROOM"]["offers"] == "keep"
    assert "ROOM" in said("show", "PV1-3")


def test_a_version_says_its_datatypes_and_what_it_lacks() -> None:
    (old, *_) = rows("show", "PID-3", "--version", "2.2")
    (new, *_) = rows("show", "PID-3", "--version", "2.8.2")
    assert (old["types"], new["types"]) == ("CM_PAT_ID", "CX")
    (tags, *_) = rows("show", "MSH-26", "--version", "2.5")
    assert tags["absent"] is True
    encounter = {one["path"]: one for one in rows("show", "ChargeItem", "--version", "R4")}
    assert encounter["ChargeItem.encounter"]["absent"] is True
    assert "absent" not in encounter["ChargeItem.context"]


def test_fhir_and_unknown_places_and_versions() -> None:
    (address,) = rows("show", "Patient.address")
    assert (address["treatment"], address["letter"]) == ("drop", "B")
    (anything,) = rows("show", "ZPI")
    assert (anything["treatment"], anything["row"]) == ("deny", "Z*-*")
    for arguments in (("show", "PID-999"), ("show", "PID", "--version", "3.0")):
        result = CliRunner().invoke(policy, arguments)
        assert result.exit_code == 1
        assert result.exception is not None


def test_without_a_path_everything_is_counted() -> None:
    places = rows("show")
    paths = [one["path"] for one in places]
    assert len(set(paths)) == len(paths)
    assert {"PID-3", "PID-3.4", "Patient.identifier"} <= set(paths)
    assert "0 of" in said("show")


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The charges channel that keeps less of one place and lets another one pass."""
    for name in ("tables",):
        (tmp_path / name).symlink_to(CHANNELS / name)
    text = CHARGES.read_text()
    more = (
        "widen:\n  - {path: PV1-3.2, to: keep, reason: Stock is kept per room., reviewer: D. Testdoc}\n"
        "privacy:\n  narrow: [PV1-3.4]\n  flags: {PV1-16: block}\n"
    )
    path = tmp_path / CHARGES.name
    path.write_text(text.replace("sequence_by:", f"{more}sequence_by:", 1))
    return path


def test_a_channel_shows_what_it_has_otherwise(changed: Path) -> None:
    by_path = {one["path"]: one for one in rows("show", "PV1-3", "--channel", str(changed))}
    assert (by_path["PV1-3.2"]["treatment"], by_path["PV1-3.2"]["table"]) == ("keep", "drop")
    assert (by_path["PV1-3.4"]["treatment"], by_path["PV1-3.4"]["table"]) == ("drop", "keep")
    assert "table" not in by_path["PV1-3.1"]


def test_a_diff_says_what_is_wider_and_why(changed: Path) -> None:
    found = rows("diff", str(CHARGES), str(changed))
    assert [(one["change"], one["path"]) for one in found] == [
        ("wider", "PV1-3.2"),
        ("narrower", "PV1-3.4"),
        ("other", "PV1-16"),
    ]
    assert found[0]["text"] == "PV1-3.2 (ROOM): drop → keep: Stock is kept per room. (D. Testdoc)"
    assert [one["change"] for one in rows("diff", "table", str(changed))] == ["wider", "narrower"]
    assert rows("diff", str(changed), str(changed)) == []
    assert rows("diff", "table", str(CHANNELS)) == []


def test_a_diff_says_which_paths_are_read_now(tmp_path: Path, changed: Path) -> None:
    text = CHARGES.read_text()
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("cost_centre: FT1-13.1 or", "cost_centre: FT1-16.4 or", 1))
    assert text != other.read_text(), "the channel has another field now"
    wider = [one for one in rows("diff", str(CHARGES), str(other)) if one["change"] == "wider"]
    assert {one["path"] for one in wider} == {"FT1-16.4"}
    narrower = [one for one in rows("diff", str(CHARGES), str(other)) if one["change"] == "narrower"]
    assert {one["path"] for one in narrower} == {"FT1-13.1"}


def test_flows_name_every_path_with_its_row_and_its_place_in_the_file() -> None:
    found = json.loads(said("flows", str(CHARGES), "--json"))
    assert found["refused"] == []
    lines = CHARGES.read_text().splitlines()
    for one in found["flows"]:
        assert one["row"]
        assert one["goes"] in {"key", "value", "date", "condition", "order", "course", "required"}
        stem = one["path"].partition(".")[0].partition("[")[0]
        near = " ".join(lines[one["line"] - 1 : one["line"] + 3])
        assert stem in near or stem in ("FT1-26", "PR1-16", "MSH-7"), one
    orders = {one["path"] for one in found["flows"] if one["goes"] == "order"}
    assert orders == {"PV1-19", "PID-18", "PV1-50"}
    assert {one["treatment"] for one in found["flows"] if one["goes"] == "order"} == {"token"}


def test_flows_are_a_page_and_a_spreadsheet_without_formulas() -> None:
    page = said("flows", str(CHANNELS), "--markdown")
    assert "## dft-charges" in page
    assert "- C: as `opdate`" in page
    table = list(csv.reader(io.StringIO(said("flows", str(CHANNELS), "--csv"))))
    assert table[0][:3] == ["channel", "file", "path"]
    assert len(table) > 500
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in table for cell in row)


def test_shipped_channels_read_identifiers_as_tokens_and_dates_alone() -> None:
    """Names, addresses, phones, numbers of nations and insurers, photos: no shipped channel reads one."""
    files = [*CHANNELS.glob("*.yaml"), *(CHANNELS / "fhir").glob("*.yaml")]
    channels = [str(path) for path in files if ".test." not in path.name and path.name != "clients.yaml"]
    assert len(channels) >= 10
    found = json.loads(said("flows", *channels, "--json"))["flows"]
    read = {(letter, one["treatment"]) for one in found for letter in one.get("letter", "").split("/")}
    assert read - {("", one["treatment"]) for one in found} <= {
        ("C", "opdate"), *((letter, "token") for letter in "HGIKJR"), ("R", "keep"), ("R", "engine"),
    }  # fmt: skip
    kept = {one["path"] for one in found if one.get("letter") == "R" and one["treatment"] == "keep"}
    assert kept == {"ChargeItem.product"}, "the product that is billed"


def test_flows_of_a_channel_that_the_policy_refuses_say_so() -> None:
    spoiled = Path(__file__).parents[1] / "config" / "spoiled" / "identity-in-key.yaml"
    result = CliRunner().invoke(policy, ["flows", str(spoiled)])
    assert result.exit_code == 1
    assert "PATIENT_NAME" in result.stderr
