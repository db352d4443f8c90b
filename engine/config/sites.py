"""Overlays: what a site, or an environment, has otherwise than the channels say (`sites/NAME.yaml`).

Mappings are merged key by key; anything else takes the place of what the channel says. Every part remembers
the file that it came from, so a finding names the line that a person has to change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.config.finding import Finding, Place, Problem
from engine.config.positions import Positions
from engine.config.reading import MAX_BYTES, Node, read_yaml
from engine.config.spec import SourceSpec
from engine.config.spec.sites import SiteSpec
from engine.config.validation import validate
from engine.errors import Misconfigured
from engine.transforms.wording import meant

__all__ = ["SITES", "Overlay", "check_overlay", "laid_over", "left_out", "overlays_of", "site_names"]

SITES = "sites"
"""The folder of overlays, beside the channel files."""

_CASES = ".test.yaml"
_NAMED = ("source", "tables", "values", "systems")
"""Parts of a channel whose keys are its own: `all` changes those that are there, and adds none."""


class Overlay(NamedTuple):
    """A site's file as far as it could be understood, where its parts stand, and what is wrong with it."""

    path: Path
    positions: Positions
    findings: list[Finding]
    spec: SiteSpec | None


def site_names(folder: Path) -> list[str]:
    """The sites and environments that a folder of channels has overlays for."""
    found = (folder / SITES).glob("*.yaml")
    return sorted(file.stem for file in found if not file.name.endswith(_CASES))


def overlays_of(folder: Path, sites: Sequence[str]) -> list[Overlay]:
    """The overlays called `sites` of a folder of channels, in that order. Never raises for what they hold,
    but `Misconfigured` for one that is not there."""
    there = site_names(folder) if sites else []
    for name in sites:
        if name not in there:
            raise Misconfigured(
                f"there is no site {name}",
                where=str(folder / SITES),
                hint=meant(name, there) or f"{name}.yaml",
            )
    return [_overlay(folder / SITES / f"{name}.yaml") for name in sites]


def left_out(data: dict[str, Node], overlays: Sequence[Overlay]) -> str:
    """The site that does not run this channel, or nothing."""
    name = data.get("channel")
    return next((one.spec.site for one in overlays if one.spec and name in one.spec.without), "")


def laid_over(
    data: dict[str, Node], positions: Positions, overlays: Sequence[Overlay], keep: Collection[str] = ()
) -> dict[str, Node]:
    """What a channel's file says with the overlays laid over it, but for the keys `keep`; `positions` learn
    which file says what."""
    name = str(data.get("channel"))
    for overlay in overlays:
        if overlay.spec is not None:
            merging = _Merging(positions, overlay.positions)
            data = merging.mapping(data, _but(keep, _concerning(data, overlay.spec.all)), (), ("all",))
            own = overlay.spec.channels.get(name, {})
            data = merging.mapping(data, _but(keep, own), (), ("channels", name))
    return data


def check_overlay(overlay: Overlay, channels: Mapping[str, Node]) -> list[Finding]:
    """What is wrong with an overlay beside `channels`, all of its folder: names that none of them has."""
    spec = overlay.spec
    if spec is None:
        return []
    return [overlay.positions.finding(problem) for problem in _misnamed(spec, channels)]


def _overlay(path: Path) -> Overlay:
    try:
        with path.open("rb") as file:
            reading = read_yaml(file.read(MAX_BYTES + 1), str(path))
    except OSError:
        raise Misconfigured("the file cannot be read", where=str(path)) from None
    if reading.data is None:
        return Overlay(path, reading.positions, reading.findings, None)
    spec, problems = validate(SiteSpec, reading.data)
    if spec is not None:
        problems += _of_itself(spec, path)
    return Overlay(path, reading.positions, [reading.positions.finding(one) for one in problems], spec)


def _of_itself(spec: SiteSpec, path: Path) -> Iterator[Problem]:
    if spec.site != path.stem:
        yield Problem(("site",), f"the file is called {path.stem}", "a site is called like its file")
    parts: list[tuple[Place, Mapping[str, Node]]] = [(("all",), spec.all)]
    parts += [(("channels", name), part) for name, part in spec.channels.items()]
    for place, part in parts:
        if "channel" in part:
            yield Problem((*place, "channel"), "a channel keeps its name", "remove the line", on_key=True)
    for number, name in enumerate(spec.without):
        if name in spec.channels:
            text = f"{spec.site} does not run {name}, and changes it"
            yield Problem(("without", number), text, "one of the two")


def _misnamed(spec: SiteSpec, channels: Mapping[str, Node]) -> Iterator[Problem]:
    for name in spec.channels:
        if name not in channels:
            yield Problem(
                ("channels", name), f"there is no channel {name}", meant(name, channels), on_key=True
            )
    for number, name in enumerate(spec.without):
        if name not in channels:
            yield Problem(("without", number), f"there is no channel {name}", meant(name, channels))
    for part in _NAMED:
        there = set(SourceSpec.model_fields) if part == "source" else set()
        there |= {name for data in channels.values() for name in _keys(data, part)}
        for name in _keys(spec.all, part):
            if name not in there:
                text = f"no channel has {name} in its {part}"
                yield Problem(("all", part, name), text, meant(name, there), on_key=True)


def _but(keep: Collection[str], part: Mapping[str, Node]) -> dict[str, Node]:
    return {key: value for key, value in part.items() if key not in keep}


def _keys(data: Node, part: str) -> list[str]:
    here = data.get(part) if isinstance(data, dict) else None
    return list(here) if isinstance(here, dict) else []


def _concerning(data: dict[str, Node], everywhere: Mapping[str, Node]) -> dict[str, Node]:
    """What `all` says that a channel can be changed by."""
    found: dict[str, Node] = {}
    for key, part in everywhere.items():
        if key == "course" and key not in data:
            continue
        if key in _NAMED and isinstance(part, dict):
            own = _keys(data, key)
            part = {name: value for name, value in part.items() if name in own}
            if not part:
                continue
        found[key] = part
    return found


class _Merging(NamedTuple):
    """Lays what one file says over what stands; what is taken from it stands there from now on."""

    positions: Positions
    other: Positions

    def mapping(
        self, below: Mapping[str, Node], above: Mapping[str, Node], place: Place, there: Place
    ) -> dict[str, Node]:
        """Both as one, key by key."""
        merged = dict(below)
        for key, part in above.items():
            here, from_, old = (*place, key), (*there, key), below.get(key)
            if isinstance(old, dict) and isinstance(part, dict):
                merged[key] = self.mapping(old, part, here, from_)
            else:
                self.positions.take(here, self.other, from_)
                merged[key] = part
        return merged
