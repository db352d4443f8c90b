"""What the day came to: shown from Odoo, the ledger and the books, and held against the story."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from demo.after import AFTER
from demo.checks import Checks
from demo.line import Act
from demo.local import CACHE
from demo.messages import PEOPLE, secrets_of
from demo.play import Player, expected_states
from demo.postgres import Postgres
from demo.provision import Running
from demo.standing import Standing
from demo.traces import in_database, in_files
from demo.wardline import Wardline

__all__ = [
    "check_books",
    "check_ledger",
    "check_odoo",
    "check_privacy",
    "show_books",
    "show_ledger",
    "show_odoo",
]


def show_odoo(console: Console, standing: Standing) -> None:
    """Reservations, requests for quotation, quotations and stock moves as they stand in Odoo."""
    _title(console, "In Odoo now: kits reserved")
    shown = _table("transfer", "theatre", "at", "for", "stands")
    for held in standing.reservations:
        shown.add_row(held.name[-9:], held.theatre, held.at, _short(held.subject), held.state)
    console.print(Padding(shown, (0, 0, 0, 2), expand=False))
    for held in standing.reservations[:1]:
        console.print(Text(f"  {held.name[-9:]} holds {held.kit}", style="dim"))
    _title(console, "In Odoo now: requests for quotation")
    shown = _table("order", "vendor", "item", "quantity")
    for order in standing.orders:
        shown.add_row(order.name, order.vendor, order.item, f"{order.quantity}")
    console.print(Padding(shown, (0, 0, 0, 2), expand=False))
    _title(console, "In Odoo now: a quotation for each encounter")
    shown = _table("order", "for", "lines", "EUR")
    for quotation in standing.quotations:
        lines = ", ".join(f"{quantity} {code}" for code, quantity in quotation.lines)
        shown.add_row(quotation.name, _short(quotation.encounter), lines, f"{quotation.total}")
    console.print(Padding(shown, (0, 0, 0, 2), expand=False))
    _title(console, "In Odoo now: used on the wards (minus: came back)")
    shown = _table("place", "items")
    for place, lines in _by_place(standing).items():
        shown.add_row(place, lines)
    console.print(Padding(shown, (0, 0, 0, 2), expand=False))


def _by_place(standing: Standing) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for used in standing.used:
        found.setdefault(used.place, []).append(f"{used.quantity} {used.item}")
    return {place: ", ".join(lines) for place, lines in found.items()}


def show_ledger(console: Console, ledger: Path) -> None:
    """The effects by kind."""
    _title(console, f"In the ledger now ({ledger.name})")
    shown = _table("channel", "effect", "lines")
    for (channel, kind), count in sorted(_lines(ledger).items()):
        shown.add_row(channel, kind, str(count))
    console.print(Padding(shown, (0, 0, 0, 2), expand=False))


def show_books(console: Console, engine: Wardline) -> None:
    """What waits for a person, and the books."""
    _title(console, "What waits for a person (wardline dead)")
    shown = _table("message", "type", "effect", "reason", "owner")
    for letter in engine.ask("dead"):
        for line in letter["lines"]:
            shown.add_row(str(letter["id"]), letter["type"], line["effect"], line["reason"], line["owner"])
    console.print(Padding(shown, (0, 0, 0, 2), expand=False))
    _title(console, "The books (wardline account)")
    console.print(Text.from_ansi(engine.say("account").stdout.rstrip()))


def check_odoo(checks: Checks, standing: Standing) -> None:
    """Odoo holds what the story says, no more and no less."""
    words = {
        "reservations": "kits are reserved, moved and given back as booked",
        "ordered": "what was short is asked for, once",
        "quotations": "each encounter's quotation holds each charge and credit once",
        "stock": "what was used left the wards' stock once, credits came back",
        "visits": "visits are open, closed, and where the patients are",
        "persons": "two numbers of one person became one",
    }
    summary = standing.summary()
    for field in fields(summary):
        checks.same(words[field.name], getattr(summary, field.name), getattr(AFTER, field.name))


def check_ledger(checks: Checks, ledger: Path, acts: Sequence[Act]) -> None:
    """The ledger holds each effect of the story once."""
    expected = Counter(
        (line.channel, effect) for act in acts for line in act.lines for effect in line.effects.split()
    )
    checks.same("the ledger holds every effect once", _lines(ledger), expected)


def check_books(
    checks: Checks, engine: Wardline, player: Player, acts: Sequence[Act], refusing: bool
) -> None:
    """Every message was answered and ended as the story says, and the books balance."""
    lines = [line for act in acts for line in act.lines]
    checks.check(f"all {player.sent} messages got the right answer", not player.wrong, str(player.wrong))
    account = engine.ask("account")
    states = Counter({(row["channel"], row["state"]): row["messages"] for row in account["messages"]})
    checks.same("every message ended as it must", states, expected_states(acts, player.doubles, refusing))
    causes = [(line.channel, "-", line.cause) for line in lines if line.cause]
    causes += [(line.channel, *refusal) for line in lines if refusing for refusal in line.refused]
    waits = Counter(
        (letter["channel"], row["effect"], row["code"])
        for letter in engine.ask("dead")
        for row in letter["lines"]
    )
    checks.same("what waits for a person, waits for the right reason", waits, Counter(causes))
    checks.check(
        "the books balance: nothing lost, nothing doubled", not account["gaps"], str(account["gaps"])
    )


def check_privacy(checks: Checks, odoo: Running | None, folder: Path) -> None:
    """None of the made-up people can be found behind the privacy step."""
    words = secrets_of(PEOPLE)
    names = f"{len(words)} names, numbers and streets"
    if odoo:
        with Postgres(CACHE / "postgres").connect(odoo.database) as connection:
            tables, found = in_database(connection, words)
            _, control = in_database(connection, ["t1v_"])
        said = f"searched all {tables} tables of Odoo for {names}: {len(found)} hits"
        checks.check(f"{said} (for tokens: {len(control)})", not found and bool(control), ", ".join(found))
    files, held = in_files(folder, words)
    said = f"searched all {files} files of the engine (store, log, ledger): {len(held)} hits"
    checks.check(said, not held, ", ".join(held))


def _lines(ledger: Path) -> Counter[tuple[str, str]]:
    rows: list[dict[str, Any]] = [json.loads(line) for line in ledger.read_text().splitlines()]
    return Counter((row["channel"], row["kind"]) for row in rows)


def _title(console: Console, words: str) -> None:
    console.print(Text(f"\n{words}", style="bold cyan"))


def _table(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in ("EUR", "quantity") else "left")
    return made


def _short(token: str) -> str:
    """A token is 32 characters; its beginning is enough for eyes."""
    return f"{token[:10]}…" if len(token) > 11 else token
