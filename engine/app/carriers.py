"""From a destination's name in a program to what carries its effects out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.config.listening import is_loopback
from engine.destinations import mllp
from engine.destinations.base import Destination
from engine.destinations.folder import FolderDestination
from engine.destinations.ledger import LedgerDestination
from engine.destinations.mllp import MllpDestination
from engine.destinations.odoo import OdooDestination, from_environment
from engine.destinations.shadow import ShadowDestination
from engine.errors import Misconfigured

__all__ = ["open_destinations"]


def open_destinations(
    names: set[str], env: Mapping[str, str], dry: Destination | None = None, *, insecure_ok: bool = False
) -> dict[str, Destination]:
    """The destinations by name (`odoo:<connection>`, `ledger:<path>`); in a `dry` run all of them are that
    one, but those of shadows, which compare with nothing then. Connections are made when the first batch
    comes; `insecure_ok` allows plain MLLP beyond loopback. Raises `Misconfigured`."""
    if dry is not None:
        return {name: ShadowDestination(None) if _shadows(name) else dry for name in names}
    return {name: _open(name, env, insecure_ok=insecure_ok) for name in sorted(names)}


def _open(name: str, env: Mapping[str, str], *, insecure_ok: bool) -> Destination:
    kind, _, rest = name.partition(":")
    if kind == "shadow":
        odoo = rest.partition(":")[2] if rest.startswith("odoo:") else ""
        return ShadowDestination(from_environment(odoo, env) if odoo else None)
    if kind == "ledger":
        return LedgerDestination(Path(rest))
    if kind in ("folder", "folder-batch"):
        return FolderDestination(Path(rest), batch=kind == "folder-batch")
    if kind == "mllp":
        peer = mllp.from_environment(rest, env)
        if not (peer.secure or is_loopback(peer.host) or insecure_ok):
            raise Misconfigured(
                "plain MLLP beyond loopback has neither secrecy nor proof of who listens",
                where=name,
                hint="say mllps://, or WARDLINE_INSECURE_OK=true",
            )
        return MllpDestination(peer, _running_reactor)
    if kind == "odoo":
        return OdooDestination(from_environment(rest, env))
    raise Misconfigured(f"no destination is called {kind!r}", where=name)


def _shadows(name: str) -> bool:
    return name.startswith("shadow:")


def _running_reactor() -> Any:
    """The process's reactor; importing it earlier would install another."""
    from twisted.internet import reactor

    return reactor
