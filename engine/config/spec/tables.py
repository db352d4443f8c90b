"""What a schema beside a table says (`tables/items.table.yaml` beside `tables/items.csv`): whose it is, what
its columns hold, what names a row, when rows hold, and what of it comes from Odoo."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from engine.config.spec.words import Name, Strict

__all__ = ["CATALOGUES", "Catalogue", "CatalogueSpec", "ColumnSpec", "ColumnType", "TableSpec", "ValidSpec"]

ColumnType = Literal[
    "text", "code", "number", "ratio", "date", "yes-no",
    "item", "unit", "location", "vendor", "company", "cost-centre", "price-list",
]  # fmt: skip
"""The second line are names of Odoo's."""

Catalogue = Literal["items", "units", "locations", "vendors"]

CATALOGUES: dict[str, tuple[str, ...]] = {
    "items": ("code", "name", "unit", "kind", "tracking", "barcode"),
    "units": ("name", "of", "factor"),
    "locations": ("name", "usage", "barcode"),
    "vendors": ("name", "reference"),
}
"""What Odoo says of each, as text; the first is what it is known by."""

Text = Annotated[str, StringConstraints(min_length=1)]


class ColumnSpec(Strict):
    """One column: what its cells hold."""

    type: ColumnType = Field(
        "text",
        description="`text`, `code` (no blanks), `number`, `ratio` (`100`, `1/3`), `date` (2026-11-30), "
        "`yes-no`; or what Odoo has by that name: `item`, `unit`, `location`, `vendor`, `company`, "
        "`cost-centre`, `price-list`.",
    )
    one_of: list[str] = Field([], description="The words that a cell may be, and no other.")
    required: bool = Field(False, description="Whether a cell may not be empty.")
    unique: bool = Field(False, description="Whether no two rows say the same here.")
    within: Name | None = Field(
        None,
        alias="in",
        description="A table beside this one, among whose codes each cell must be: `bedside-kits`.",
    )
    description: str = Field("", description="What it means, for those who fill it in.")


class ValidSpec(Strict):
    """The columns with the first and the last day on which a row holds. Both count; an empty cell is open."""

    since: Text = Field(alias="from", description="The column with the first day.")
    until: Text = Field(description="The column with the last day.")


class CatalogueSpec(Strict):
    """What `wardline tables pull` keeps as Odoo has it."""

    catalogue: Catalogue = Field(description="`items`, `units`, `locations` or `vendors`.")
    columns: dict[str, str] = Field(
        min_length=1,
        description="Column → what Odoo says: `{item: code, description: name}`. The one that holds what "
        "Odoo knows it by finds the rows; is it the first column, what is new in Odoo becomes a row.",
    )


class TableSpec(Strict):
    """A schema beside a table."""

    description: Text = Field(description="What the table translates.")
    owner: Text = Field(description="Who answers for its rows: an address, or a team.")
    columns: dict[str, ColumnSpec] = Field(min_length=1, description="Every column, by its name.")
    key: list[str] = Field(
        [], description="The columns that name a row, the first column among them; default: that one alone."
    )
    valid: ValidSpec | None = Field(None, description="When its rows hold.")
    from_odoo: CatalogueSpec | None = Field(None, description="What of it comes from Odoo.")
