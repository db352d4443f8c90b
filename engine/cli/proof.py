"""`wardline prove-phi`: the proof of privacy, and the check of a report."""

from __future__ import annotations

import base64
import secrets
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.app.opening import ring_of
from engine.cli.secrecy import refuse_password
from engine.errors import Misconfigured
from engine.proof.prove import Wanted, prove
from engine.proof.report import page, read_signed, signed
from engine.settings import Settings
from engine.store.audit_keys import AuditKeys

__all__ = ["prove_phi"]


def prove_phi(
    channels: Annotated[
        Path | None, typer.Option(help="Folder of channel files to be proved too.", exists=True)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed sends the same; 0: by chance.")] = 1,
    messages: Annotated[int, typer.Option(min=0, max=1_000_000, help="Messages by chance.")] = 10_000,
    rows: Annotated[
        str, typer.Option(help="Only rows of such segments or types: `PID-*`, `Patient.*`.")
    ] = "*",
    store: Annotated[
        str,
        typer.Option(
            help="An empty PostgreSQL database to run on; default: a SQLite store of its own.",
            envvar="WARDLINE_PROOF_STORE",
        ),
    ] = "",
    odoo: Annotated[
        str,
        typer.Option(
            help="Address of Odoo's PostgreSQL database: effects go to Odoo as channels and environment say,"
            " and it is searched too; `none`: a ledger.",
            envvar="WARDLINE_PROOF_ODOO",
        ),
    ] = "none",
    report: Annotated[
        Path | None, typer.Option(help="Write the signed report here, and a page beside it (.md).")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Run in this empty folder and leave it as it ends.")
    ] = None,
    verify: Annotated[
        Path | None, typer.Option(help="Check the signature of this report, and run nothing.")
    ] = None,
    public: Annotated[
        str, typer.Option(help="With --verify: the public key (base64) that must have signed.")
    ] = "",
) -> None:
    """Send a canary in every row of the policy through a running engine, and search all it wrote or said."""
    if verify is not None:
        raise typer.Exit(_verify(verify, public))
    refuse_password(store, "--store", "WARDLINE_PROOF_STORE")
    refuse_password(odoo, "--odoo", "WARDLINE_PROOF_ODOO")
    wanted = Wanted(
        seed=seed or secrets.randbelow(2**32) + 1,
        channels=channels,
        store=store,
        chance=messages,
        rows=rows,
        odoo="" if odoo == "none" else odoo,
    )
    console = Console(highlight=False, stderr=True)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise Misconfigured("is not empty", where=str(keep))
        found = prove(wanted, keep, lambda text: console.print(f"  {text} ...", style="dim"))
    else:
        with tempfile.TemporaryDirectory(prefix="wardline-proof-") as folder:
            found = prove(wanted, Path(folder), lambda text: console.print(f"  {text} ...", style="dim"))
    text = page(found)
    if report is not None:
        report.write_bytes(signed(found, AuditKeys(ring_of(Settings.from_environment()))))
        report.with_suffix(".md").write_text(text)
    typer.echo(text)
    raise typer.Exit(0 if found.clean else 1)


def _verify(path: Path, public: str) -> int:
    try:
        key = base64.b64decode(public, validate=True)
    except ValueError:
        raise Misconfigured("is no base64", where="--public") from None
    found, holds, said = read_signed(path, key or None)
    word = "holds" if holds else "does NOT hold"
    typer.echo(f"The signature {word} under the public key {said}.")
    if not public:
        typer.echo(
            "That key stands in the report itself: compare it with `wardline audit key` of the engine."
        )
    typer.echo(f"Seed {found.seed}, {sum(found.tried.values()):,} rows tried, {len(found.hits)} hits.")
    return 0 if holds else 1
