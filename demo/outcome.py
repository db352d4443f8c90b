"""Holds what the day came to against the story."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from demo.after import AFTER
from demo.books import Books, ledger_lines
from demo.checks import Checks
from demo.line import Act
from demo.local import CACHE
from demo.messages import PEOPLE, secrets_of
from demo.play import Player, expected_states
from demo.postgres import Postgres
from demo.provision import Running
from demo.standing import Standing
from engine.proof.places import tables
from engine.proof.values import Values, identifying

__all__ = ["check_books", "check_ledger", "check_odoo", "check_privacy"]


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
    checks.same("the ledger holds every effect once", ledger_lines(ledger), expected)


def check_books(checks: Checks, books: Books, player: Player, acts: Sequence[Act], refusing: bool) -> None:
    """Every message was answered and ended as the story says, and the books balance."""
    lines = [line for act in acts for line in act.lines]
    checks.check(f"all {player.sent} messages got the right answer", not player.wrong, str(player.wrong))
    account = books.account
    states = Counter({(row["channel"], row["state"]): row["messages"] for row in account["messages"]})
    checks.same("every message ended as it must", states, expected_states(acts, player.doubles, refusing))
    causes = [(line.channel, "-", line.cause) for line in lines if line.cause]
    causes += [(line.channel, *refusal) for line in lines if refusing for refusal in line.refused]
    waits = Counter(
        (letter["channel"], row["effect"], row["code"]) for letter in books.letters for row in letter["lines"]
    )
    checks.same("what waits for a person, waits for the right reason", waits, Counter(causes))
    checks.check(
        "the books balance: nothing lost, nothing doubled", not account["gaps"], str(account["gaps"])
    )


def check_privacy(checks: Checks, odoo: Running | None, folder: Path, sent: Sequence[bytes]) -> None:
    """What identified somebody in a message is nowhere behind the privacy step: names, numbers, days
    of birth, addresses, phones."""
    words = Values(identifying(sent) | set(secrets_of(PEOPLE)))
    names = f"{words.count} names, numbers, days, addresses and phones of {len(sent)} messages"
    if odoo and os.environ.get("ODOO", "local") == "local":
        found, tokens, count = list[str](), 0, 0
        with Postgres(CACHE / "postgres").connect(odoo.database) as connection:
            for place in tables(connection, "Odoo"):
                count += 1
                tokens += b"t1v_" in place.data
                if words.found_in(place.data):
                    found.append(place.name)
        said = f"searched all {count} tables of Odoo for {names}: {len(found)} hits"
        checks.check(said, not found, ", ".join(found))
        checks.check(f"the same search finds the tokens, in {tokens} tables", bool(tokens))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    held = [path.name for path in files if words.found_in(path.read_bytes())]
    said = f"searched all {len(files)} files of the engine (store, log, ledger): {len(held)} hits"
    checks.check(said, not held, ", ".join(held))
