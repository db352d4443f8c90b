"""The `wardline` command: one file per group of verbs."""

from __future__ import annotations

import sys

import typer

from engine.cli import books, channels, doctor, operate, run, send
from engine.errors import Misconfigured, Unavailable

__all__ = ["app", "main"]

app = typer.Typer(
    name="wardline",
    help="HL7 v2 and FHIR in, safely stored and answered; exactly one effect in Odoo; no patient identity.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

app.command("run")(run.run)
app.command("lint", rich_help_panel="Channels")(channels.lint)
app.command("test", rich_help_panel="Channels")(channels.test)
app.command("try", rich_help_panel="Channels")(channels.try_)
app.command("schema", rich_help_panel="Channels")(channels.schema)
app.command("status", rich_help_panel="Messages")(operate.status)
app.command("messages", rich_help_panel="Messages")(operate.messages)
app.command("dead", rich_help_panel="Messages")(operate.dead)
app.command("redeliver", rich_help_panel="Messages")(operate.redeliver)
app.command("account", rich_help_panel="Messages")(books.account)
app.command("send", rich_help_panel="Tools")(send.send)
app.command("doctor", rich_help_panel="Tools")(doctor.doctor)


def main() -> None:
    """Run the command; errors of ours are one plain line and exit code 2."""
    try:
        app()
    except (Misconfigured, Unavailable) as error:
        sys.stderr.write(f"wardline: {error}\n")
        sys.exit(2)
