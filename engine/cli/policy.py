"""`wardline policy`: the privacy policy, what channels changed of it, and where their paths lead."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.show import JsonOption, print_json, table
from engine.cli.siting import SiteOption, sites_of
from engine.config.changes import policy_of
from engine.config.flows import Flow, flows
from engine.config.loading import Examined, channel_files, examine
from engine.config.policies import compared, read_side
from engine.errors import Misconfigured
from engine.fhir.releases import RELEASES
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.listing import VERSIONS, Listed, listed
from engine.privacy.policy import Policy

__all__ = ["policy"]

policy = typer.Typer(
    help="The privacy policy: what becomes of every field, what a channel changed, where its paths lead.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

ChannelsArgument = Annotated[list[Path], typer.Argument(help="Channel files, or folders of them.")]


@policy.command()
def show(
    what: Annotated[
        str, typer.Argument(metavar="[PATH]", help="PID, PID-3, PID-3.1, Patient.identifier.")
    ] = "",
    channel: Annotated[Path | None, typer.Option("--channel", help="As this channel file has it.")] = None,
    version: Annotated[str, typer.Option(help="Of HL7 v2 (2.5.1) or a FHIR release (R5).")] = "",
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Show what becomes of a segment, field, component, resource or element; without one, a summary."""
    if version and version not in (*VERSIONS, *RELEASES):
        raise Misconfigured(f"there is no version {version}", hint=", ".join((*VERSIONS, *RELEASES)))
    places = _listed(what, channel, version, sites_of(site))
    if json:
        print_json(places)
    elif what:
        _print_places(places, version)
    else:
        _print_summary(places)


@policy.command()
def diff(
    old: Annotated[str, typer.Argument(help="A channel file, a folder of them, or the word `table`.")],
    new: Annotated[str, typer.Argument(help="Likewise, with the overlays of `--site`.")],
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Show what two states of channels have differently: treatments, flags, and paths that are read."""
    found = compared(read_side(old), read_side(new, sites_of(site) if site else ()))
    if json:
        print_json(found)
        return
    for one in found:
        typer.echo(f"{one.channel}: {one.text}")
    if not found:
        typer.echo("no difference", err=True)


@policy.command(name="flows")
def flows_(
    paths: ChannelsArgument,
    site: SiteOption = None,
    json: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="A page for an officer.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A table for a spreadsheet.")] = False,
) -> None:
    """Show every field path that channels read: where it goes, and which row lets it. Exit code 1 when the
    policy refuses one."""
    read = [examine(path, sites_of(site)) for path in channel_files(paths)]
    examined = [one for one in read if not one.left_out]
    found = [flow for one in examined for flow in flows(one)]
    refused = [finding for one in examined for finding in one.findings if finding.severity == "error"]
    if json:
        print_json({"flows": found, "refused": refused})
    elif markdown:
        typer.echo(_page(examined))
    elif as_csv:
        typer.echo(_spreadsheet(found), nl=False)
    else:
        _print_flows(found)
    for finding in refused:
        typer.echo(str(finding), err=True)
    if refused:
        raise typer.Exit(1)


def _listed(what: str, channel: Path | None, version: str, sites: Sequence[str]) -> list[Listed]:
    """Of the channel's kind, or of both kinds where none is named."""
    if channel is not None:
        spec = examine(channel, sites).spec
        if spec is None:
            raise Misconfigured("the channel cannot be understood", where=str(channel), hint="wardline lint")
        return listed(what, policy_of(spec)[0], version)
    fhir = version in RELEASES or (not what.isupper() and what[1:2].islower())
    if what or version:
        return listed(what, FhirPolicy() if fhir else Policy(), version)
    return [*listed("", Policy()), *listed("", FhirPolicy())]


def _print_places(places: list[Listed], version: str) -> None:
    shown = table("path", "name", "class", "id", "treatment", "may be", "type", "row")
    for one in places:
        treatment = f"{one.treatment} ({one.table} in the table)" if one.table else one.treatment
        token = f" ({one.domain})" if one.domain else ""
        gone = f"not in {version}" if one.absent else one.types
        shown.add_row(
            one.path, one.name, one.phi_class, one.letter, treatment + token, one.offers, gone, one.row
        )
    Console(width=None).print(shown)


def _print_summary(places: list[Listed]) -> None:
    counts = Counter((_kind(one), one.treatment) for one in places)
    shown = table("places", "treatment", "number")
    for (kind, treatment), number in sorted(counts.items()):
        shown.add_row(kind, treatment, f"{number:,}")
    Console().print(shown)
    changed = [one for one in places if one.table]
    typer.echo(f"{len(changed)} of {len(places):,} places are otherwise than the table says")


def _kind(one: Listed) -> str:
    return "HL7 v2" if "-" in one.path else "FHIR"


def _print_flows(found: list[Flow]) -> None:
    shown = table("path", "treatment", "row", "id", "goes", "into", "through", "at")
    for one in found:
        through = " | ".join(one.through)
        at = f"{Path(one.file).name}:{one.line}:{one.column}"
        shown.add_row(one.path, one.treatment, one.row, one.letter, one.goes, one.into, through, at)
    Console(width=180 if not Console().is_terminal else None).print(shown)


def _page(examined: list[Examined]) -> str:
    """One section per channel; what stands in a cell cannot end it."""
    lines = ["# Where field paths lead", ""]
    for one in examined:
        found = flows(one)
        title = one.spec.channel if one.spec else one.path.stem
        lines += [f"## {title}", "", *_identifiers(found), "", *_markdown(found), ""]
    return "\n".join(lines)


def _identifiers(found: list[Flow]) -> list[str]:
    """Which of the 18 identifiers a channel reads at all, and as what."""
    counts = Counter((one.letter, one.treatment) for one in found if one.letter)
    read = [
        f"- {letter}: as `{treatment}`, {number}×" for (letter, treatment), number in sorted(counts.items())
    ]
    return ["Identifiers that are read:", "", *(read or ["- none"])]


def _markdown(found: list[Flow]) -> list[str]:
    head = [
        "| path | treatment | row | identifier | goes | into | through | line |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return head + [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(one)[2:]) + " |" for one in found
    ]


def _cells(one: Flow) -> list[str]:
    through, where = " | ".join(one.through), f"{one.line}:{one.column}"
    return [
        one.channel,
        one.file,
        one.path,
        one.treatment,
        one.row,
        one.letter,
        one.goes,
        one.into,
        through,
        where,
    ]


def _spreadsheet(found: list[Flow]) -> str:
    """CSV in which no cell is a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["channel", "file", "path", "treatment", "row", "identifier", "goes", "into", "through", "at"]
    )
    writer.writerows(
        [f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell for cell in _cells(one)] for one in found
    )
    return out.getvalue()
