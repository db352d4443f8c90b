"""Two states of channels side by side: what each lets pass, obeys and reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from engine.config.changes import changes_of, policy_of
from engine.config.flows import flows
from engine.config.loading import channel_files, examine
from engine.config.spec.privacy import FlagName, Obeys
from engine.errors import Misconfigured
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.listing import Difference, differences
from engine.privacy.policy import MAY_READ, Policy
from engine.privacy.rules import Treatment

__all__ = ["TABLE", "Departure", "compared", "read_side"]

TABLE = "table"
"""The word that stands for the reviewed table itself."""


class Side(msgspec.Struct, frozen=True):
    """One channel as far as privacy is concerned."""

    policy: Policy | FhirPolicy
    reasons: dict[str, str] = {}  # of widenings, by path
    flags: Mapping[FlagName, Obeys] = {}
    reads: frozenset[tuple[str, str, str]] = frozenset()  # path, where it goes, into


class Departure(msgspec.Struct, frozen=True):
    """One thing that is different in a channel: `wider` (more leaves than before), `narrower` or `other`."""

    channel: str
    change: str
    path: str
    text: str


def read_side(named: str, sites: Sequence[str] = ()) -> dict[str, Side] | None:
    """The channels of a file or folder by name, as `sites` have them; None for the table. Raises
    `Misconfigured`."""
    if named == TABLE and not Path(named).exists():
        return None
    found: dict[str, Side] = {}
    for path in channel_files([Path(named)]):
        examined = examine(path, sites)
        if examined.left_out:
            continue
        spec = examined.spec
        if spec is None:
            raise Misconfigured("the channel cannot be understood", where=str(path), hint="wardline lint")
        reads = frozenset((one.path, one.goes, one.into) for one in flows(examined))
        changes = [change for _, change in changes_of(spec)]
        reasons = {one.path: f"{one.reason} ({one.reviewer})" for one in changes if one.reason}
        found[spec.channel] = Side(policy_of(spec)[0], reasons, spec.privacy.flags, reads)
    return found


def compared(old: dict[str, Side] | None, new: dict[str, Side] | None) -> list[Departure]:
    """What is different, channel by channel. Against the table only treatments are compared."""
    names = sorted({**(old or {}), **(new or {})})
    found: list[Departure] = []
    for name in names:
        before, after = _one(old, new, name), _one(new, old, name)
        if before is None or after is None:
            text = "a new channel" if before is None else "the channel is gone"
            found.append(Departure(name, "other", "", text))
        before, after = before or Side(_table(after)), after or Side(_table(before))
        found += (_treated(name, one, after) for one in differences(before.policy, after.policy))
        if old is not None and new is not None:
            found += [*_flags(name, before, after), *_reads(name, before, after)]
    return found


def _one(side: dict[str, Side] | None, other: dict[str, Side] | None, name: str) -> Side | None:
    """A channel of a side; where the side is the table, the table for a channel of that kind."""
    return side.get(name) if side is not None else Side(_table((other or {}).get(name)))


def _table(of: Side | None) -> Policy | FhirPolicy:
    return FhirPolicy() if of is not None and isinstance(of.policy, FhirPolicy) else Policy()


def _treated(channel: str, one: Difference, after: Side) -> Departure:
    wider = _openness(one.after) > _openness(one.before)
    shown = f"{one.name}, class {one.letter}" if one.letter else one.name
    why = (
        next((text for path, text in after.reasons.items() if one.path.startswith(path)), "") if wider else ""
    )
    text = f"{one.path} ({shown}): {one.before} → {one.after}" + (f": {why}" if why else "")
    return Departure(channel, "wider" if wider else "narrower", one.path, text)


def _openness(treatment: Treatment) -> int:
    """How much of a value a treatment lets out: nothing, a part or a stand-in, all of it."""
    if treatment in ("keep", "keep-code", "keep-loc"):
        return 2
    return 1 if treatment in (*MAY_READ["value"], *MAY_READ["date"]) else 0


def _flags(channel: str, before: Side, after: Side) -> list[Departure]:
    found = []
    flags = sorted({**before.flags, **after.flags})
    for flag in flags:
        was, is_ = before.flags.get(flag, "as usual"), after.flags.get(flag, "as usual")
        if was != is_:
            found.append(Departure(channel, "other", flag, f"privacy flag {flag}: {was} → {is_}"))
    return found


def _reads(channel: str, before: Side, after: Side) -> list[Departure]:
    more = [
        Departure(channel, "wider", path, f"reads {path} as {goes} into {into}")
        for path, goes, into in sorted(after.reads - before.reads)
    ]
    less = [
        Departure(channel, "narrower", path, f"no longer reads {path} as {goes} into {into}")
        for path, goes, into in sorted(before.reads - after.reads)
    ]
    return more + less
