"""Shows what the day came to: tables from Odoo, from the ledger and from the books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from demo.books import Books, ledger_lines
from demo.standing import Standing, Used

__all__ = ["show_books", "show_ledger", "show_odoo", "title"]


def show_odoo(console: Console, standing: Standing) -> None:
    """Reservations, requests for quotation, quotations and stock moves as they stand in Odoo."""
    title(console, "In Odoo now: kits reserved")
    shown = _table("transfer", "theatre", "at", "for", "stands")
    for held in standing.reservations:
        shown.add_row(held.name, held.theatre, held.at, _short(held.subject), held.state)
    _show(console, shown)
    for held in standing.reservations[:1]:
        console.print(Text(f"  {held.name} holds {held.kit}", style="dim"))
    title(console, "In Odoo now: requests for quotation")
    shown = _table("order", "vendor", "item", "quantity")
    for order in standing.orders:
        shown.add_row(order.name, order.vendor, order.item, f"{order.quantity}")
    _show(console, shown)
    title(console, "In Odoo now: a quotation for each encounter")
    shown = _table("order", "for", "lines", "EUR")
    for quotation in standing.quotations:
        lines = ", ".join(f"{quantity} {code}" for code, quantity in quotation.lines)
        shown.add_row(quotation.name, _short(quotation.encounter), lines, f"{quotation.total:.2f}")
    _show(console, shown)
    title(console, "In Odoo now: taken from the stock of wards and theatres")
    shown = _table("place", "used", "came back")
    for place in dict.fromkeys(used.place for used in standing.used):
        mine = [used for used in standing.used if used.place == place]
        shown.add_row(place, _items(mine, 1), _items(mine, -1))
    _show(console, shown)


def show_ledger(console: Console, ledger: Path) -> None:
    """The effects by kind."""
    title(console, f"In the ledger now ({ledger.name})")
    shown = _table("channel", "effect", "lines")
    for (channel, kind), count in sorted(ledger_lines(ledger).items()):
        shown.add_row(channel, kind, str(count))
    _show(console, shown)


def show_books(console: Console, books: Books) -> None:
    """What waits for a person, and the books."""
    title(console, "What waits for a person (wardline dead)")
    shown = _table("message", "type", "effect", "reason", "owner")
    for letter in books.letters:
        for row in letter["lines"]:
            kind = letter["type"] or "-"
            shown.add_row(str(letter["id"]), kind, row["effect"], row["reason"], row["owner"])
    _show(console, shown)
    title(console, "The books (wardline account)")
    _show(console, Text.from_ansi(books.printed))


def title(console: Console, words: str) -> None:
    """A heading between two tables."""
    console.print(Text(f"\n{words}", style="bold cyan"))


def _show(console: Console, what: RenderableType) -> None:
    console.print(Padding(what, (0, 0, 0, 2), expand=False))


def _items(used: Iterable[Used], sign: int) -> str:
    """What was used, or with -1 what came back, summed by item."""
    summed: Counter[str] = Counter()
    for one in used:
        if one.quantity * sign > 0:
            summed[one.item] += int(one.quantity * sign)
    return ", ".join(f"{quantity} {item}" for item, quantity in summed.items())


def _table(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in ("EUR", "quantity") else "left")
    return made


def _short(token: str) -> str:
    """A token is 32 characters; its beginning is enough for eyes."""
    return f"{token[:10]}…" if len(token) > 11 else token
