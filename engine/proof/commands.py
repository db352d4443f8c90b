"""What officers and operators ask beside the running engine: every command that shows something."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from engine.proof.forked import Said
from engine.proof.places import Kind, Place

__all__ = ["all_said"]

_SILENT: Final = (
    "messages --json --limit 5000", "messages --limit 1000", "dead --json", "dead", "account",
    "status --json", "status", "incidents --json", "incidents", "merges --json", "merges",
    "cabinet status --json", "cabinet status", "vault status --json", "vault status", "purge --dry-run",
    "purge --dry-run --json", "find - --json --why proof", "find - --why proof",
    "find - --kind visit --why proof", "policy show PID", "policy show Patient --json", "policy show",
    "policy flows CHANNELS --json", "doctor CHANNELS", "doctor CHANNELS --json", "audit list",
    "audit list --json --limit 100000", "audit verify", "audit export", "audit export --format csv",
    "audit export --format fhir",
)  # fmt: skip
"""They may show no value of a message. `CHANNELS` is the folder of channel files; what is looked for is typed
at `-`."""

_EFFECTS: Final = ("account --every --json",)
_OF_ONE: Final[tuple[tuple[Kind, str], ...]] = (
    ("effects", "messages --id {}"), ("shown", "view --message {}"), ("shown", "view --message {} --json")
)  # fmt: skip

Say = Callable[[Sequence[str], bytes], Said]
"""Arguments and what is typed → what the command prints."""


class _Asked(NamedTuple):
    kind: Kind
    text: str


def all_said(
    say: Say, channels: Path, ids: Sequence[int], number: bytes, faults: list[str]
) -> Iterator[Place]:
    """What each command prints, two at a time. `ids` are messages to be looked at, `number` is a patient's to
    be searched for. A command that cannot do its work is one of the `faults`."""
    asked = [_Asked("silent", text) for text in _SILENT]
    asked += [_Asked("effects", text) for text in _EFFECTS]
    asked += [_Asked(kind, text.format(id_)) for id_ in ids for kind, text in _OF_ONE]

    def ask(one: _Asked) -> Said:
        return say([str(channels) if word == "CHANNELS" else word for word in one.text.split()], number)

    with ThreadPoolExecutor(2) as pool:
        for one, printed in zip(asked, pool.map(ask, asked), strict=True):
            if printed.code not in (0, 1) or not printed.text or b"Traceback (most" in printed.text:
                faults.append(f"`wardline {one.text}` could not do its work: exit code {printed.code}")
            yield Place(f"wardline {one.text}", one.kind, printed.text)
