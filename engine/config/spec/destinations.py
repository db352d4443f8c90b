"""Where effects go: what an analyst may write under `destinations:`."""

from __future__ import annotations

from pydantic import Field

from engine.config.spec.words import Name, Strict

__all__ = ["DestinationSpec", "FolderDestination", "LedgerDestination", "MllpDestination", "OdooDestination"]


class OdooDestination(Strict):
    """Effects into Odoo through a named connection (its address and key live in the environment)."""

    connection: Name


class LedgerDestination(Strict):
    """The same effects as lines of JSON in a file: for dry runs."""

    path: str


class MllpDestination(Strict):
    """Forwarded messages over MLLP through a named connection (`WARDLINE_MLLP_<NAME>_URL`, …)."""

    connection: Name


class FolderDestination(Strict):
    """Forwarded messages as files."""

    path: str
    batch: bool = Field(False, description="One batch file (BHS … BTS) for what goes out together.")


class DestinationSpec(Strict):
    """Where effects go: exactly one kind."""

    odoo: OdooDestination | None = None
    ledger: LedgerDestination | None = None
    mllp: MllpDestination | None = None
    folder: FolderDestination | None = None
