"""`wardline vault`: who can open identifiers, and the rotation of what seals and finds them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.app.opening import check_there, open_settings, reader_of, ring_of
from engine.app.rotating import Rotated, rotate, rotate_terms
from engine.auditing import Act
from engine.cli.acting import TicketOption, WhyOption, act
from engine.cli.show import JsonOption, StoreOption, print_json, table
from engine.errors import Misconfigured
from engine.privacy.sealing import Sealer
from engine.privacy.searching import KnownAuthorities
from engine.privacy.unsealing import Unsealer, make_pair, private_keys
from engine.secret_files import read_secret, write_secret
from engine.settings import Settings
from engine.store.base import Store
from engine.store.key_sources import PKCS11_VARIABLE, Token
from engine.store.keys import KeyRing

__all__ = ["vault"]

vault = typer.Typer(
    help="Keys of the vault: make the re-identification pair, see and rotate the keys in use.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@vault.command()
def keygen(
    output: Annotated[Path, typer.Argument(help="Where the private key goes; must not exist.")],
) -> None:
    """Make a re-identification pair: the private half into a file, the public half beside it (.pub).

    The engine gets the public half only: WARDLINE_REIDENTIFY_PUBLIC."""
    private, public = make_pair()
    beside = output.with_name(f"{output.name}.pub")
    if beside.exists():
        raise Misconfigured("the public key cannot be written: there is one", where=str(beside))
    write_secret(output, f"{private}\n", "private key")
    beside.write_text(f"{public}\n", "ascii")
    typer.echo(public)


@vault.command()
def status(store: StoreOption = None, json: JsonOption = False) -> None:
    """Which keys are in use, and whether a rotation is under way."""
    settings = Settings.from_environment(store=store)
    check_there(settings)
    ring, opened = ring_of(settings), open_settings(settings)
    rows = [
        {"purpose": purpose, "keys": " ".join(use.keys), "carried by": use.carried_by}
        for purpose, use in sorted(opened.uses().items())
        if purpose != "vault-seal"
    ]
    about = {
        "ring": " ".join(ring.ids),
        "sealed for": reader_of(settings, ring).id,
        "rotation": "under way: wardline vault rotate" if "vault-seal" in opened.uses() else "",
        "cabinet": opened.cabinet.id,
        "identifiers": str(opened.to_rotate()),
        "seal keys": " ".join(f"{reader}: {count}" for reader, count in sorted(opened.readers().items())),
    }
    opened.close()
    if json:
        print_json({**about, "uses": rows})
        return
    console = Console(highlight=False)
    for name, text in about.items():
        console.print(f"{name:<12} {text}", markup=False)
    shown = table("purpose", "keys", "carried by")
    for row in rows:
        shown.add_row(*row.values())
    console.print(shown)


@vault.command(name="rotate")
def rotate_(
    store: StoreOption = None,
    why: WhyOption = "",
    ticket: TicketOption = "",
    leaked: Annotated[
        bool,
        typer.Option("--leaked", help="A key is known to others: forget, too, what older messages name "
                     "besides numbers with tokens. Searches for those find newer messages only."),
    ] = False,
    lose: Annotated[
        bool, typer.Option("--lose", help="Give up numbers that do not open: they will be newcomers.")
    ] = False,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Seal every identifier anew, and find it by the ring's current key; tokens do not change.

    Runs while engines run, once all of them were started with the new key first in the ring. Needs the
    private key (WARDLINE_REIDENTIFY_PRIVATE). Afterwards older keys may leave the ring. What is interrupted
    is run again. Exit code 1 when some identifiers do not open."""
    settings = Settings.from_environment(store=store)
    check_there(settings)
    ring, opened = ring_of(settings), open_settings(settings)
    if opened.uses()["term"].keys[0] != ring.current:
        if not opened.own():
            raise Misconfigured(
                "the engine that runs was not started with this ring", hint="start it with the new key first"
            )
        opened.begin_terms(ring.current)
    act(opened, Act.ROTATE, "vault", why=why, ticket=ticket, key=ring.current)
    with _progress(opened.to_rotate(), quiet=json) as told:
        done = _rotated(settings, opened, ring, told, lose=lose)
    forgotten = 0
    if leaked and (lose or not done.closed):
        forgotten = opened.forget_strangers(ring.current)
    opened.close()
    _report(done, forgotten, lose=lose, json=json)


def _rotated(
    settings: Settings, store: Store, ring: KeyRing, told: Callable[[int], None], *, lose: bool
) -> Rotated:
    """All that goes by keys of the ring: the vault, names of messages, the cabinet, authorities."""
    following = ring.following(store.uses())
    sealer = Sealer(reader_of(settings, ring), store.keep_seal_key, store.cabinet, clock=time.time)
    private = private_keys(settings.reidentify_private, ring)
    unsealer = Unsealer(private, store.seal_keys, store.cabinet, ring)
    done = rotate(
        store, following, ring.current, unsealer, sealer, now=time.time(), told=told, lose=lose
    )  # fmt: skip
    rotate_terms(store, following, ring.current)
    store.carry_names(ring)
    store.cabinet.rewrap()
    KnownAuthorities(ring, store).remember(())
    return done


def _report(done: Rotated, forgotten: int, *, lose: bool, json: bool) -> None:
    """What it came to. Exit code 1 when something is left to do."""
    if json:
        print_json({**msgspec.to_builtins(done), "forgotten": forgotten})
    else:
        typer.echo(f"{done.rows} identifiers, {done.sealed} sealed anew; no token changed")
        if forgotten:
            typer.echo(f"{forgotten} mentions of numbers without a token forgotten")
        for token in done.closed[:20]:
            typer.echo(f"does not open: {token}", err=True)
    if done.closed and not lose:
        typer.echo(
            f"{len(done.closed)} identifiers do not open with the keys given, and still need their old ones."
            " Give the private key that they were sealed for, or --lose them",
            err=True,
        )
        raise typer.Exit(1)


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("rotating"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("", total=total)
        yield lambda rows: progress.advance(task, rows)


@vault.command("seal-ring")
def seal_ring(
    ring: Annotated[Path, typer.Argument(help="A file with the ring in plain text, mode 0600.", exists=True)],
    output: Annotated[Path, typer.Argument(help="The key file to write; must not exist.")],
) -> None:
    """Seal a ring with the key on the PKCS#11 token that WARDLINE_KEY_PKCS11 names, as a key file.

    For a ring that is there already, or that gets a new key: destroy the plain file afterwards."""
    text = read_secret(ring, "ring")
    KeyRing.parse(text, str(ring))
    named = os.environ.get(PKCS11_VARIABLE, "").strip()
    write_secret(output, Token(named).seal(text), "key file")
