"""`wardline doctor`: is Odoo ready for what the channels will ask of it?"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.node_checks import node_checks
from engine.cli.show import JsonOption, print_json
from engine.cli.siting import SiteOption, sites_of
from engine.config.loading import Examined, channel_files, examine
from engine.config.spec import EFFECTS
from engine.destinations import mllp
from engine.destinations.odoo import from_environment
from engine.destinations.odoo.named import Check, Named
from engine.destinations.odoo.preflight import preflight
from engine.errors import Misconfigured
from engine.settings import Settings

__all__ = ["doctor"]

_MARKS = {"ok": "[green]ok  [/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}
_COLUMNS = {
    "items": "item",
    "charged": "charge_as",
    "locations": "odoo_location",
    "units": "unit",
    "companies": "company",
    "cost_centres": "cost_centre",
    "vendors": "vendor",
    "price_lists": "price_list",
}
"""Which column of a channel's table holds what Odoo has to know."""


def doctor(
    channels: Annotated[Path, typer.Argument(help="Folder of channel files.")] = Path("channels"),
    connection: Annotated[
        str, typer.Option(help="Only this connection; default: all the channels name.")
    ] = "",
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Check connections, rights, key, modules and names in Odoo, and the node itself; say what to do. Exit 1
    on a fail."""
    read = [examine(path, sites_of(site)) for path in channel_files([channels])] if channels.exists() else []
    examined = [one for one in read if not one.left_out]
    results = {
        name: _check(name, examined) for name in ([connection] if connection else _connections(examined))
    }
    if not connection:
        results |= {f"mllp:{name}": _reached(name) for name in _receivers(examined)}
    if not results:
        raise Misconfigured("no channel names a connection", where=str(channels), hint="--connection NAME")
    if not connection:
        results["node"] = list(node_checks(Settings.from_environment()))
    if json:
        print_json(results)
    else:
        for name, checks in results.items():
            _show(name, checks)
    if any(check.level == "fail" for checks in results.values() for check in checks):
        raise typer.Exit(1)


def _check(name: str, examined: Iterable[Examined]) -> list[Check]:
    try:
        found = from_environment(name, os.environ)
    except Misconfigured as error:
        return [Check("fail", "settings", f"{error.where} {error.text}", error.hint)]
    mine = [one for one in examined if name in _connections([one])]
    return list(preflight(found, _named(mine)))


def _reached(name: str) -> list[Check]:
    """Whether a system that messages are passed on to can be connected to."""
    try:
        peer = mllp.from_environment(name, os.environ)
    except Misconfigured as error:
        return [Check("fail", "settings", f"{error.where} {error.text}", error.hint)]
    where = f"{peer.host}:{peer.port}{' with TLS' if peer.secure else ''}"
    if problem := mllp.reach(peer):
        return [
            Check("fail", "connection", f"{where}: {problem}", "is it running, and may this host connect?")
        ]
    return [Check("ok", "connection", where)]


def _receivers(examined: Iterable[Examined]) -> list[str]:
    """The MLLP connections the channels name."""
    specs = [one.spec for one in examined if one.spec]
    return sorted({to.mllp.connection for spec in specs for to in spec.destinations if to.mllp})


def _connections(examined: Iterable[Examined]) -> list[str]:
    """The Odoo connections the channels name."""
    specs = [one.spec for one in examined if one.spec]
    return sorted({to.odoo.connection for spec in specs for to in spec.destinations if to.odoo})


def _named(examined: Sequence[Examined]) -> Named:
    """What the tables of these channels name in Odoo."""
    rows = [
        row
        for one in examined
        for table in one.tables.values()
        for key in table.keys()  # noqa: SIM118 - a table is no mapping
        for row in table.rows(key)
    ]
    rules = [rule for one in examined if one.spec for rule in one.spec.effects]
    return Named(
        writes=any(not one.spec.shadow for one in examined if one.spec) or not examined,
        effects=frozenset(kind for rule in rules for kind in EFFECTS if getattr(rule, kind) is not None),
        **{kind: frozenset(row.get(column, "") for row in rows) - {""} for kind, column in _COLUMNS.items()},
    )


def _show(name: str, checks: Iterable[Check]) -> None:
    console = Console(highlight=False)
    console.print(f"[bold]{name}[/]")
    for check in checks:
        console.print(f"  {_MARKS[check.level]} {check.about:<11} ", end="")
        console.print(check.text, markup=False)
        if check.remedy:
            console.print(f"                   → {check.remedy}", markup=False)
