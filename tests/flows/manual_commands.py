"""The commands of the manual, out of its own text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from engine.manual.contents import docs

_BLOCK = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)
_SHELL = ("", "sh", "console")
_COMMAND = re.compile(r"^\s*(?:\$ )?((?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?wardline (?!:).*|export WARDLINE.*)$")
_REMARK = re.compile(r"\s+#.*$|\s{2,}[^-\s'\"\\].*$")


class Command(NamedTuple):
    """A command line, and where it stands."""

    line: int
    text: str


def commands(page: str) -> Iterator[Command]:
    """The `wardline` commands in the blocks of a page and the settings exported for them, without what is
    remarked beside them."""
    text = (docs() / f"{page}.md").read_text("utf-8")
    for block in _BLOCK.finditer(text):
        if block[1] in _SHELL:
            first = text.count("\n", 0, block.start(2)) + 1
            yield from _in_block(block[2], first)


def _in_block(block: str, first: int) -> Iterator[Command]:
    lines = iter(enumerate(block.splitlines(), first))
    for number, line in lines:
        found = _COMMAND.match(line)
        if not found:
            continue
        said = found[1]
        while said.endswith("\\"):
            said = said[:-1].rstrip() + " " + next(lines)[1].strip()
        yield Command(number, _REMARK.sub("", said).rstrip())
