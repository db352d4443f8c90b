"""What the engine and its ledger say after the day."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.wardline import Wardline

__all__ = ["Books", "ledger_lines", "read_books"]


@dataclass(frozen=True)
class Books:
    """What `wardline dead --json`, `wardline account --json` and `wardline account` say."""

    letters: list[dict[str, Any]]
    account: dict[str, Any]
    printed: str


def read_books(engine: Wardline) -> Books:
    """Asks for everything at once."""
    with ThreadPoolExecutor(3) as pool:
        letters, account = pool.submit(engine.ask, "dead"), pool.submit(engine.ask, "account")
        printed = pool.submit(engine.say, "account")
        return Books(letters.result(), account.result(), printed.result().stdout.rstrip())


def ledger_lines(ledger: Path) -> Counter[tuple[str, str]]:
    """How many effects of each kind the ledger holds for each channel."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in ledger.read_text().splitlines()]
    return Counter((row["channel"], row["kind"]) for row in rows)
