"""The demo's own examination: what stands against what the story says, one line each."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.text import Text

__all__ = ["Checks"]


class Checks:
    """Prints each check when it is made and remembers those that failed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.made = 0
        self.failed: list[str] = []

    def check(self, words: str, true: bool, found: str = "") -> None:
        """One check; `found` is what was found instead, said only when it is not true."""
        self.made += 1
        mark, style = ("✓", "green") if true else ("✗", "bold red")
        self._console.print(Text(f"  {mark} {words}", style=style), soft_wrap=True)
        if not true:
            self.failed.append(words)
            if found:
                self._console.print(Text(f"      {found}", style="red"), soft_wrap=True)

    def same(self, words: str, found: Counter[Any], expected: Counter[Any]) -> None:
        """One check that the same things were found, each as often."""
        said = [f"too much {dict(found - expected)}", f"missing {dict(expected - found)}"]
        differ = [part for part, some in zip(said, (found - expected, expected - found), strict=True) if some]
        self.check(words, not differ, "; ".join(differ))
