"""A code that messages wait for gets its row: put forward as an edition, which another person approves.

What one person resolves in a row becomes one edition: the next goes on from what the same person put forward
and nobody has decided yet, which is withdrawn for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from msgspec.structs import replace

from engine.accounts.words import Caller, Permission
from engine.auditing import Act
from engine.config.loading import load_channels
from engine.editions.deploying import propose, withdraw
from engine.editions.opening import packed_of
from engine.editions.packing import Packed, pack, unpack
from engine.errors import Misconfigured
from engine.operations.loading import new_code
from engine.operations.operation import Desk, Operation, entry
from engine.operations.worklist import CODES, Filter
from engine.store.contracts.editions import Edition
from engine.workbench.worklist import Addition, row_for

__all__ = ["OPERATIONS", "PREVIEW", "RESOLVE", "Resolved", "Resolving", "Row"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The row of a `code` in the table `file` of the edition: `cells` by column, the rest as in the row of
    the code that it is `like`."""

    file: str
    code: str
    cells: dict[str, str] = {}
    like: str = ""


class Resolving(Row, frozen=True, kw_only=True):
    """The row, and why it is right."""

    why: str
    ticket: str = ""


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """The row as it is written, what lint says because of it, and the `edition` that was put forward with it
    (0: not yet), going on from the edition `onto`. `messages` wait for it."""

    row: str
    findings: tuple[str, ...]
    onto: int
    messages: int
    edition: int = 0


def _preview(desk: Desk, caller: Caller, asked: Row) -> Resolved:
    base = _base(desk, caller)
    with _written(desk, base, asked) as (added, _):
        return _resolved(desk, caller, added, base, asked)


def _resolve(desk: Desk, caller: Caller, asked: Resolving) -> Resolved:
    base = _base(desk, caller)
    told = entry(desk, caller, Act.DEPLOY, "edition", why=asked.why.strip(), ticket=asked.ticket)
    with _written(desk, base, asked) as (added, packed):
        made = _resolved(desk, caller, added, base, asked)
        if any(finding.severity == "error" for finding in added.findings):
            raise Misconfigured("\n".join(made.findings), where=asked.file)
        edition = propose(desk.store, packed, told)
    if base.state == "proposed":
        goes_on = replace(told, why=f"edition {edition.number} goes on from it")
        withdraw(desk.store, base.number, goes_on)
    return replace(made, edition=edition.number)


def _base(desk: Desk, caller: Caller) -> Edition:
    """What the row is added to: the newest edition that the same person put forward since the active one came
    and nobody decided, else the active one. Raises `Misconfigured` when there is none."""
    active = desk.store.active()
    if active is None:
        raise Misconfigured("there is no active edition that could get the row", hint="wardline deploy")
    for one in desk.store.editions(50):
        if one.at >= active.at and one.state == "proposed" and one.who == caller.name:
            if not new_code(desk, one.number):
                return one
            break
    found = desk.store.edition(active.edition)
    assert found is not None  # noqa: S101 - an activation names one
    return found


@contextmanager
def _written(desk: Desk, base: Edition, asked: Row) -> Iterator[tuple[Addition, Packed]]:
    """The files of the edition with the row in them, as they are packed. Raises `Misconfigured` for a row
    that cannot be, or for channels that cannot run with it."""
    files = packed_of(desk.store, base.number)
    if asked.file not in files.files or not asked.file.endswith(".csv"):
        raise Misconfigured("is no table of the edition", where="file")
    with TemporaryDirectory(prefix="wardline-row-") as name:
        folder = Path(name) / "edition"
        unpack(files, folder)
        try:
            added = row_for(folder / asked.file, asked.code, asked.cells, asked.like)
            added.path.write_bytes(added.text.encode())
            load_channels(folder, files.sites)
        except Misconfigured as error:
            text = str(error).replace(f"{folder}/", "")
            raise Misconfigured(text, where="" if asked.file in text else asked.file) from None
        yield added, pack(folder, files.sites)


def _resolved(desk: Desk, caller: Caller, added: Addition, base: Edition, asked: Row) -> Resolved:
    waiting = CODES.call(desk, caller, Filter())
    count = sum(one.messages for one in waiting if (one.file, one.code) == (asked.file, asked.code))
    findings = tuple(str(replace(one, file=asked.file)) for one in added.findings)
    return Resolved(row=added.row.rstrip(), findings=findings, onto=base.number, messages=count)


PREVIEW: Final = Operation(
    "codes.preview", "POST", "/codes/preview", "The row that a code would get, and what lint says of it.",
    Permission.AUTHOR, Row, Resolved, _preview,
)  # fmt: skip
RESOLVE: Final = Operation(
    "codes.resolve", "POST", "/codes/resolve",
    "Give a code its row: an edition is put forward with it, and the messages flow when it is approved.",
    Permission.AUTHOR, Resolving, Resolved, _resolve, reasoned=True,
)  # fmt: skip

OPERATIONS: Final = (PREVIEW, RESOLVE)
