"""Checks of the books and repairs as the command line shows them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from engine.cli.show import table, when
from engine.reconciling.finding import plain
from engine.reconciling.words import Check, Difference, Gap, Repair, Total

__all__ = ["difference", "print_check", "print_repair", "print_repairs"]

_LISTED = 200


def print_check(found: Check) -> None:
    """What differs, whether the control totals agree, and what was looked at."""
    console = Console(markup=False, highlight=False, soft_wrap=True)
    report = found.report
    for gap_number, gap in enumerate(report.gaps[:_LISTED], 1):
        console.print(_line(gap_number, gap))
        for one in gap.differences:
            console.print(f"        {difference(one)}")
        if gap.advice:
            console.print(f"        {gap.advice}")
    total = sum(report.counts.values())
    if total > _LISTED:
        console.print(f"… and {total - _LISTED} more: --json has them all")
    _print_totals(console, [one for one in report.totals if not one.balances], len(report.totals))
    for name, why in report.unread.items():
        console.print(f"{name} could not be asked: {why}")
    compared = ", ".join(f"{count} {kind}" for kind, count in sorted(report.compared.items())) or "nothing"
    console.print(f"check {found.number}: compared {compared}, in {report.seconds:.1f} s")
    counts = ", ".join(f"{count} {kind}" for kind, count in report.counts.items())
    console.print(f"found: {counts}" if counts else "the books agree with Odoo: no gap")


def _line(number: int, gap: Gap) -> str:
    where = f" ({gap.model} {', '.join(map(str, gap.documents))})" if gap.documents else ""
    what = " ".join(filter(None, (gap.effect, gap.key)))
    return f"{number:4} {gap.kind.value:9} {what}: {gap.text}{where}"


def difference(one: Difference) -> str:
    """`quantity: 4 in the message, 6 in Odoo`."""
    if not one.said and not one.found:
        return f"{one.field} differs"
    return f"{one.field}: {one.said or 'nothing'} in the message, {one.found or 'another'} in Odoo"


def _print_totals(console: Console, unbalanced: Sequence[Total], count: int) -> None:
    if not unbalanced:
        console.print(f"control totals: {count}, all agree" if count else "control totals: none")
        return
    console.print(f"control totals: {len(unbalanced)} of {count} do not agree")
    shown = table(
        "book",
        "channel",
        "day",
        "effect",
        "item",
        "lines",
        "in Odoo",
        "quantity",
        "in Odoo",
        "amount",
        "in Odoo",
    )
    for one in unbalanced[:_LISTED]:
        shown.add_row(
            one.subject, one.channel, one.day, one.effect, one.item, str(one.effects), str(one.documents),
            plain(one.quantity_said), plain(one.quantity_found), plain(one.amount_said),
            f"{plain(one.amount_found)} {one.currency}",
        )  # fmt: skip
    console.print(shown)


def print_repair(found: Repair) -> None:
    """Each step with the calls that Odoo would get, and what came of it."""
    console = Console(markup=False, highlight=False, soft_wrap=True)
    if found.number:
        console.print(f"repair {found.number} of check {found.check}, {found.state}: {found.why}")
    for one in found.remedies:
        console.print(_line(one.number, one.gap))
        console.print(f"        {one.text}{f': {one.outcome}' if one.outcome else ''}")
        for call in one.calls:
            console.print(f"          {call}")
    if not found.remedies:
        console.print("there is nothing that is repaired unless it is asked for: --gap NUMBER")


def print_repairs(found: Sequence[Repair]) -> None:
    """A line each."""
    shown = table("repair", "check", "state", "put forward (UTC)", "by", "steps", "decided by", "why")
    for one in found:
        shown.add_row(
            str(one.number), str(one.check), one.state, when(one.at), one.who, str(len(one.remedies)),
            one.decided_by, one.why,
        )  # fmt: skip
    Console(markup=False, highlight=False).print(shown)
