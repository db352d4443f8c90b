"""Channels side by side: names, doors, folders and courses that two of them cannot share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os.path import normpath
from pathlib import Path

from engine.config.finding import Finding, Problem
from engine.config.listening import listens_on
from engine.config.positions import Positions
from engine.config.spec import ChannelSpec, FhirSource

__all__ = ["Beside", "side_by_side"]

Beside = tuple[Path, Positions, ChannelSpec]
"""A channel file, where its parts stand, what it says."""

_SHARED = (
    "tls", "insecure_ok", "base_url", "clients", "max_body", "max_bundle", "max_entries", "rate",
)  # fmt: skip
"""What channels that share an address of FHIR say alike: it is one door."""


def side_by_side(channels: Sequence[Beside]) -> Iterator[Finding]:
    """What is wrong with channels because of others."""
    names: dict[str, Path] = {}
    folders: dict[str, Path] = {}
    spaces: dict[str, tuple[str, Path]] = {}
    for number, (path, positions, spec) in enumerate(channels):
        first = names.setdefault(spec.channel, path)
        if first is not path:
            problem = Problem(("channel",), f"{first} is called {spec.channel} too", "choose another name")
            yield positions.finding(problem)
        yield from _shared_folder(spec, path, positions, folders)
        yield from _shared_space(spec, path, positions, spaces)
        for before in channels[:number]:
            yield from (positions.finding(problem) for problem in _shared_door(path, spec, before))


def _shared_space(
    spec: ChannelSpec, path: Path, positions: Positions, spaces: dict[str, tuple[str, Path]]
) -> Iterator[Finding]:
    """Courses of one space are of one kind."""
    if spec.course is None:
        return
    of, first = spaces.setdefault(spec.key_space or spec.channel, (spec.course.of, path))
    if of != spec.course.of:
        text = f"{first} keeps courses of another kind in the same key_space"
        yield positions.finding(Problem(("course", "of"), text, "choose another key_space"))


def _shared_folder(
    spec: ChannelSpec, path: Path, positions: Positions, folders: dict[str, Path]
) -> Iterator[Finding]:
    if spec.source.folder is None:
        return
    first = folders.setdefault(normpath(spec.source.folder.path), path)
    if first is not path:
        problem = Problem(
            ("source", "folder", "path"), f"{first} takes its files too", "choose another folder"
        )
        yield positions.finding(problem)


def _shared_door(path: Path, spec: ChannelSpec, before: Beside) -> Iterator[Problem]:
    """Two channels at one port: only those of FHIR, and only when they are one door."""
    other, _, other_spec = before
    mine, theirs = spec.source.fhir, other_spec.source.fhir
    if mine is not None and theirs is not None and mine.listen == theirs.listen:
        yield from _one_door(mine, theirs, path.parent, other)
        return
    listen = spec.source.door.model_dump().get("listen", "")
    if listen.startswith("env:") and listen == other_spec.source.door.model_dump().get("listen"):
        yield Problem((*spec.source.place, "listen"), f"{other} listens at {listen} too", "choose another")
    here, there = _bound(spec), _bound(other_spec)
    if here is None or there is None or here[1] != there[1] or here[1] == 0:
        return
    if here[0] == there[0] or not here[0] or not there[0]:
        hint = "choose another port" if mine is None or theirs is None else f"write it as in {other}"
        text = f"{other} listens on port {here[1]} already"
        yield Problem((*spec.source.place, "listen"), text, hint)


def _one_door(mine: FhirSource, theirs: FhirSource, folder: Path, other: Path) -> Iterator[Problem]:
    """What channels that share an address must say alike, and each resource is one channel's."""
    for name in _SHARED:
        here, there = getattr(mine, name), getattr(theirs, name)
        if name == "clients":
            here, there = (folder / here).resolve(), (other.parent / there).resolve()
        if here != there:
            place = ("source", "fhir", name if name in mine.model_fields_set else "listen")
            text = f"{other} shares this address and says {name} otherwise"
            yield Problem(place, text, "one address is one door: say it alike, or choose another port")
    if set(mine.releases) & set(theirs.releases):
        for type_ in mine.resources:
            if type_ in theirs.resources:
                text = f"{other} takes {type_} at this address already"
                yield Problem(
                    ("source", "fhir", "resources", type_), text, "one channel takes it", on_key=True
                )


def _bound(spec: ChannelSpec) -> tuple[str, int] | None:
    source = spec.source.mllp or spec.source.fhir
    if source is None:
        return None
    try:
        return listens_on(source.listen)
    except ValueError:
        return None  # a finding of its own
