"""What Odoo has, listed from a real one and kept in tables; nothing is written there, and the units that Odoo
comes with are what `convert` takes them for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from odoo_desk import connection
from typer.testing import CliRunner, Result

from demo.odoo import Running
from demo.session import Session
from engine.cli import app
from engine.cli.ending import ENDING
from engine.destinations.odoo.browsing import browse
from engine.destinations.odoo.client import OdooClient
from engine.destinations.odoo.connecting import connect
from engine.transforms.measures import ODOO_UNITS, named

pytestmark = pytest.mark.odoo

LISTS = ("odoo-items.csv", "odoo-locations.csv", "odoo-units.csv", "odoo-vendors.csv")
SHIPPED = Path(__file__).parents[2] / "channels/tables"


@pytest.fixture(params=["json2", "jsonrpc"])
def client(hospital: Running, request: pytest.FixtureRequest) -> Iterator[OdooClient]:
    made = connect(connection(hospital, transport=request.param))
    yield made
    made.close()


def test_items_units_locations_and_vendors_are_told_in_words_of_their_own(client: OdooClient) -> None:
    items = {one["code"]: one for one in browse(client, "items")}
    knee = items["IMP-KNEE"]
    assert list(knee.values())[2:] == ["Units", "goods", "lot", ""]
    assert items["CON-01"]["kind"] == "service"
    assert items["RGT-CBC"]["unit"] == "ml"
    units = {one["name"]: one for one in browse(client, "units")}
    assert units["Box of 100"] == {"name": "Box of 100", "of": "Units", "factor": "100"}
    assert units["Units"] == {"name": "Units", "of": "", "factor": ""}
    locations = {one["name"]: one["usage"] for one in browse(client, "locations")}
    assert locations["WH/Stock"] == "internal"
    assert "WH" not in locations  # a view holds nothing
    assert [one["name"] for one in browse(client, "vendors")] == ["MedSupply Trading", "OrthoTech Implants"]


def test_many_records_come_page_by_page(client: OdooClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = browse(client, "items")
    for size in (11, len(whole)):
        monkeypatch.setattr("engine.destinations.odoo.browsing.PAGE", size)
        assert browse(client, "items") == whole


def test_units_that_odoo_comes_with_are_what_they_are_taken_for(client: OdooClient) -> None:
    """But for what Odoo rounds: its minute is 0.0166667 hours."""
    told = {one["name"]: one for one in browse(client, "units")}
    known = {name: named(name) for name in told if name in ODOO_UNITS or named(name) is not None}
    assert len(known) >= 12
    for name, one in told.items():
        mine, of = known.get(name), known.get(one["of"])
        if mine is None or of is None:
            continue
        assert mine.base == of.base
        assert float(mine.factor / of.factor) == pytest.approx(
            float(Fraction(Decimal(one["factor"]))), rel=1e-5
        )


@pytest.fixture
def pull(hospital: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`wardline tables pull` as the least-privilege user."""
    here = "WARDLINE_ODOO_HOSPITAL_ODOO"
    user = hospital.user
    said = {"URL": hospital.url, "DATABASE": hospital.database, "USER": user.login, "KEY": user.key}
    for name, value in said.items():
        monkeypatch.setenv(f"{here}_{name}", value)

    def ran(*words: object) -> Result:
        with ENDING:
            return CliRunner().invoke(
                app, ["tables", "pull", "--connection", "hospital-odoo", *map(str, words)]
            )

    return ran


def _schema(catalogue: str, columns: str, names: str) -> str:
    listed = "".join(f"  {name}: {{}}\n" for name in names.split(","))
    said = f"from_odoo: {{catalogue: {catalogue}, columns: {{{columns}}}}}\n"
    return f"description: x\nowner: a@b.example\ncolumns:\n{listed}{said}"


def test_tables_are_kept_as_odoo_has_it_after_a_look(
    pull: Callable[..., Result], admin: Session, tmp_path: Path
) -> None:
    table = tmp_path / "odoo-items.csv"
    table.write_text("# Odoo's items\nitem,name,unit,shelf\nGLV-M,Gloves,Units,A1\nOLD-1,Gone,Units,B2\n")
    (tmp_path / "odoo-items.table.yaml").write_text(
        _schema("items", "item: code, name: name, unit: unit", "item,name,unit,shelf")
    )
    before = _written(admin)
    seen = pull(table)
    assert seen.exit_code == 1
    assert "changed  GLV-M (line 3): name: Gloves → Examination gloves, medium" in seen.output
    assert "new      SUT-30: name" in seen.output
    assert "gone     OLD-1 (line 4): name Gone, unit Units, shelf B2" in seen.output
    assert "not written" in seen.output
    assert pull(table, "--yes").exit_code == 0
    assert 'GLV-M,"Examination gloves, medium",Units,A1\n' in table.read_text()
    assert "OLD-1,Gone,Units,B2\n" in table.read_text()
    assert pull(table, "--yes", "--prune").exit_code == 0
    assert "OLD-1" not in table.read_text()
    assert pull(table, "--yes", "--prune").exit_code == 0
    assert _written(admin) == before


def test_the_shipped_tables_name_what_the_hospital_has(pull: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    shutil.copytree(SHIPPED, folder)
    found = pull("--json", folder)
    assert found.exit_code == 0, found.output
    changes = json.loads(found.stdout)
    assert {Path(name).name: told for name, told in changes.items()} == {name: [] for name in LISTS}


def _written(admin: Session) -> dict[str, object]:
    """When anything that is listed was last written."""
    models = ("product.product", "product.template", "uom.uom", "stock.location", "res.partner")
    return {
        model: [(row["id"], row["write_date"]) for row in admin.read(model, [], "write_date")]
        for model in models
    }
