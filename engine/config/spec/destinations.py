"""Where effects go: what an analyst may write under `destinations:`."""

from __future__ import annotations

from pydantic import Field

from engine.config.spec.words import Name, Strict

__all__ = ["DestinationSpec", "FolderDestination", "LedgerDestination", "MllpDestination", "OdooDestination"]


class OdooDestination(Strict):
    """Effects into Odoo through a named connection (its address and key live in the environment)."""

    connection: Name = Field(
        description="Its name: `WARDLINE_ODOO_<NAME>_URL`, `_DATABASE`, `_USER` and `_KEY` say the rest."
    )


class LedgerDestination(Strict):
    """The same effects as lines of JSON in a file: for dry runs."""

    path: str = Field(description="The file; it is appended to.")


class MllpDestination(Strict):
    """Forwarded messages over MLLP through a named connection (`WARDLINE_MLLP_<NAME>_URL`, …)."""

    connection: Name = Field(description="Its name.")


class FolderDestination(Strict):
    """Forwarded messages as files."""

    path: str = Field(description="The folder that files are written into.")
    batch: bool = Field(False, description="One batch file (BHS … BTS) for what goes out together.")


class DestinationSpec(Strict):
    """Where effects go: exactly one kind."""

    odoo: OdooDestination | None = Field(None, description="Into Odoo.")
    ledger: LedgerDestination | None = Field(None, description="Into a file, as lines of JSON.")
    mllp: MllpDestination | None = Field(None, description="What `forward:` makes, to another system.")
    folder: FolderDestination | None = Field(None, description="What `forward:` makes, as files.")
