"""The `wardline` command: one file per group of verbs, imported when its verb is used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from engine.cli.ending import ENDING
from engine.errors import Misconfigured, Unavailable

__all__ = ["app", "main"]

COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("run", "run", "Engine"),
    "console": ("console", "console", "Engine"),
    "api": ("api", "api", "Tools"),
    "doctor": ("doctor", "doctor", "Engine"),
    "new": ("new", "new", "Channels"),
    "lint": ("channels", "lint", "Channels"),
    "test": ("testing", "test", "Channels"),
    "try": ("trying", "try_", "Channels"),
    "shadow": ("shadow", "shadow", "Channels"),
    "workbench": ("workbench", "workbench", "Channels"),
    "schema": ("channels", "schema", "Channels"),
    "deploy": ("deploy", "deploy", "Channels"),
    "impact": ("impact", "impact", "Channels"),
    "approve": ("approving", "approve", "Channels"),
    "withdraw": ("approving", "withdraw", "Channels"),
    "rollback": ("approving", "rollback", "Channels"),
    "editions": ("editions", "editions", "Channels"),
    "catalogue": ("catalogue", "show_catalogue", "Channels"),
    "tables": ("tables", "tables", "Channels"),
    "policy": ("policy", "policy", "Channels"),
    "status": ("operate", "status", "Messages"),
    "messages": ("operate", "messages", "Messages"),
    "dead": ("operate", "dead", "Messages"),
    "find": ("find", "find", "Messages"),
    "merges": ("unmerge", "merges", "Messages"),
    "unmerge": ("unmerge", "unmerge", "Messages"),
    "codes": ("codes", "codes", "Messages"),
    "scheduled": ("scheduled", "scheduled", "Messages"),
    "release": ("scheduled", "release", "Messages"),
    "pause": ("holds", "pause", "Messages"),
    "resume": ("holds", "resume", "Messages"),
    "hold": ("holds", "hold", "Messages"),
    "let-go": ("holds", "let_go", "Messages"),
    "holds": ("holds", "holds", "Messages"),
    "redeliver": ("fixing", "redeliver", "Messages"),
    "skip": ("fixing", "skip", "Messages"),
    "replay": ("replaying", "replay", "Messages"),
    "edit": ("replaying", "edit", "Messages"),
    "revisions": ("replaying", "revisions", "Messages"),
    "alerts": ("alerts", "alerts", "Messages"),
    "account": ("books", "account", "Messages"),
    "reconcile": ("reconcile", "reconcile", "Messages"),
    "send": ("send", "send", "Tools"),
    "view": ("view", "view", "Tools"),
    "profile": ("profile", "profile", "Tools"),
    "incidents": ("incidents", "incidents", "Privacy"),
    "audit": ("audit", "audit", "Privacy"),
    "prove-phi": ("proof", "prove_phi", "Privacy"),
    "manual": ("manual", "manual", "Tools"),
    "access": ("access", "access", "Tools"),
    "backup": ("backup", "backup", "Store"),
    "store": ("store", "store", "Store"),
    "restore": ("restore", "restore", "Store"),
    "cabinet": ("cabinet", "cabinet", "Privacy"),
    "purge": ("purge", "purge", "Privacy"),
    "erase": ("erase", "erase", "Privacy"),
    "vault": ("vault", "vault", "Privacy"),
    "user": ("users", "user", "Privacy"),
    "person": ("people", "person", "Privacy"),
    "reidentify": ("reidentify", "reidentify", "Privacy"),
}
"""Verb → module of this package, function, panel of the help."""


class _Verbs(TyperGroup):
    """Imports a verb's module when it is asked for: most verbs need neither Odoo nor a reactor."""

    def invoke(self, ctx: Any) -> Any:
        with ENDING:
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's interface
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, function, panel = COMMANDS[cmd_name]
        verb: Callable[..., Any] | typer.Typer = getattr(import_module(f"engine.cli.{module}"), function)
        if isinstance(verb, typer.Typer):  # a verb with verbs of its own
            return _grouped(verb, cmd_name, panel)
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
        alone.command(cmd_name, rich_help_panel=panel)(verb)
        return typer.main.get_command(alone)


def _grouped(verbs: typer.Typer, name: str, panel: str) -> Any:
    above = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    above.add_typer(verbs, name=name, rich_help_panel=panel)
    return typer.main.get_group(above).commands[name]


app = typer.Typer(
    cls=_Verbs,
    name="wardline",
    help="HL7 v2 and FHIR in, safely stored and answered; exactly one effect in Odoo; no patient identity.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def wardline() -> None:
    """HL7 v2 and FHIR in, safely stored and answered; exactly one effect in Odoo; no patient identity."""


def main() -> None:
    """Run the command; errors of ours are one plain line and exit code 2."""
    try:
        app()
    except (Misconfigured, Unavailable) as error:
        sys.stderr.write(f"wardline: {error}\n")
        sys.exit(2)
