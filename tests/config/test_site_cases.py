"""Cases under a site: the channel's own with its own tables, the site's with the site's."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from test_site_overlays import CHARGES
from typer.testing import CliRunner

from engine.cli import app
from engine.config.cases.sites import results_of, spoiled_site_cases

ROOT = Path(__file__).parents[2]
CASES = """\
messages:
  gloves: |
    MSH|^~\\&|HIS|GENERAL|||20261121101500||DFT^P03|1|P|2.5.1
    PID|1||50001
    PV1|1|I|||||||||||||||||V-1
    FT1|1|T-1||20261121||CG|270001|||2
cases:
  - name: gloves are charged
    message: gloves
    expect:
      effects:
        - charge: {key: charges/txn:T-1, encounter: visit:V-1, item: {code: GLV-M, quantity: 2}}
  - name: what is not known waits
    message: gloves
    with: {FT1-7: '1'}
    expect: {state: dead, reason: {code: unmapped-code}}
"""
SITE = """\
channels:
  charges:
    cases:
      - name: gloves of the north
        message: gloves
        expect:
          effects:
            - charge: {key: charges/txn:T-1, encounter: visit:V-1, item: {code: N-GLV, quantity: 2}}
"""
OVERLAY = """\
site: north
description: The house in the north.
channels:
  charges:
    tables: {items: sites/items.csv}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One channel whose items are others in the north."""
    for name, text in {
        "charges.yaml": CHARGES, "charges.test.yaml": CASES, "tables/items.csv": "code,item\n270001,GLV-M\n",
        "sites/north.yaml": OVERLAY, "sites/items.csv": "code,item\n270001,N-GLV\n",
        "sites/north.test.yaml": SITE,
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def outcomes(folder: Path, *sites: str) -> dict[str, bool]:
    return {result.case: result.passed for result in results_of(folder / "charges.yaml", sites)}


def replace(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_own_cases_hold_with_their_own_tables_and_the_sites_with_the_sites(folder: Path) -> None:
    own = {"gloves are charged": True, "what is not known waits": True}
    assert outcomes(folder) == own
    assert outcomes(folder, "north") == {**own, "gloves of the north": True}


def test_a_case_called_alike_takes_the_place_of_the_channels_own(folder: Path) -> None:
    small = "    filters: [{name: small, when: {FT1-10: '2'}}]\n    tables:"
    replace(folder / "sites/north.yaml", "    tables:", small)
    assert outcomes(folder, "north") == {
        "gloves are charged": False, "what is not known waits": False, "gloves of the north": False,
    }  # fmt: skip
    (folder / "sites/north.test.yaml").write_text(
        "channels:\n  charges:\n    cases:\n"
        "      - {name: gloves are charged, message: gloves, expect: {state: filtered, step: small}}\n"
    )
    assert outcomes(folder, "north") == {"what is not known waits": False, "gloves are charged": True}


def test_of_two_sites_the_later_ones_case_counts(folder: Path) -> None:
    (folder / "sites/production.yaml").write_text("site: production\ndescription: For real.\n")
    (folder / "sites/production.test.yaml").write_text(
        (folder / "sites/north.test.yaml").read_text().replace("N-GLV", "P-GLV")
    )
    results = results_of(folder / "charges.yaml", ("north", "production"))
    assert [(one.case, one.passed) for one in results][-1] == ("gloves of the north", False)
    assert len(results) == 3
    (failure,) = results[-1].failures
    assert str(failure).startswith(f"{folder}/sites/production.test.yaml:8:")


def test_a_failure_names_the_sites_test_file(folder: Path) -> None:
    replace(folder / "sites/north.test.yaml", "quantity: 2", "quantity: 3")
    (result,) = [one for one in results_of(folder / "charges.yaml", ("north",)) if not one.passed]
    assert (result.file, result.line) == (f"{folder}/sites/north.test.yaml", 4)
    assert str(result.failures[0]).startswith(f"{folder}/sites/north.test.yaml:8:")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  charges:", "  charge:", "2:3: there is no channel charge (did you mean charges?)"),
        ("channels:", "chanels:", "1:1: unknown key chanels (did you mean channels?)"),
        ("expect:", "expct:", "6:9: unknown key expct"),
    ],
)
def test_a_test_file_of_a_site_that_is_of_no_use_is_a_failed_result(
    folder: Path, old: str, new: str, said: str
) -> None:
    replace(folder / "sites/north.test.yaml", old, new)
    (result,) = spoiled_site_cases(folder, ("north",))
    assert not result.passed
    assert any(str(one).startswith(f"{folder}/sites/north.test.yaml:{said}") for one in result.failures)
    done = CliRunner().invoke(app, ["test", str(folder), "--site", "north"])
    assert done.exit_code == 1
    assert said in done.stdout


def test_rules_that_only_the_sites_table_can_serve_are_tested_with_it(folder: Path) -> None:
    (folder / "sites/items.csv").write_text("code,item,goods\n270001,N-GLV,GLV-M\n")
    replace(folder / "charges.yaml", "lookup(items, item)", "lookup(items, item) | default(GLV-M)")
    replace(
        folder / "sites/north.yaml",
        "    tables:",
        "    effects:\n      - for_each: FT1\n        charge: {key: '{FT1-2}', encounter: PV1-19, item: "
        "'FT1-7.1 | lookup(items, goods)', quantity: FT1-10}\n    values: {price: FT1-12}\n    tables:",
    )
    assert outcomes(folder, "north")["gloves are charged"] is True


@pytest.mark.parametrize(("file", "schema"), [("", "site"), (".test", "site-test")])
def test_the_shipped_site_fits_the_schemas_that_editors_use(file: str, schema: str) -> None:
    shape = json.loads((ROOT / f"channels/{schema}.schema.json").read_text())
    data = yaml.safe_load((ROOT / f"channels/sites/outpatient{file}.yaml").read_text())
    jsonschema.validate(data, shape)
    data["channels"]["dft-charges"]["sequence"] = "PID-3"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, shape)


def test_the_shipped_site_is_in_order_and_each_of_its_cases_passes() -> None:
    channels = sorted((ROOT / "channels").glob("*[a-z].yaml"))
    results = [
        result
        for path in channels
        if ".test" not in path.name
        for result in results_of(path, ("outpatient",))
    ]
    assert {result.channel for result in results} == {"adt-encounters", "dft-charges"}
    assert {result.file for result in results} >= {str(ROOT / "channels/sites/outpatient.test.yaml")}
    assert [str(failure) for result in results for failure in result.failures] == []
    assert spoiled_site_cases(ROOT / "channels", ("outpatient",)) == []
