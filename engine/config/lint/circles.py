"""Channels that pass messages on to each other in a circle: what leaves one comes back to it for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os.path import normpath
from urllib.parse import urlsplit

from engine.config.finding import Finding, Place, Problem
from engine.config.listening import is_loopback, listens_on
from engine.config.sharing import Beside
from engine.config.spec import ChannelSpec, DestinationSpec

__all__ = ["circles"]


def circles(channels: Sequence[Beside], env: Mapping[str, str]) -> Iterator[Finding]:
    """Links that close a circle, each told where it stands; `env` says where MLLP connections lead, as far as
    it is known here (`WARDLINE_MLLP_<NAME>_URL`)."""
    links = [list(_links(spec, channels, env)) for _, _, spec in channels]
    reached = [_reached(start, links) for start in range(len(channels))]
    for number, (_, positions, spec) in enumerate(channels):
        for place, to in links[number]:
            if number in reached[to]:
                other = channels[to][2].channel
                way = f"{spec.channel} again" if to == number else f"{other}, which passes it back"
                text = f"what leaves here comes to {way}"
                yield positions.finding(Problem(place, text, "leave one of the links of the circle out"))
        yield from (positions.finding(problem) for problem in _answered(spec, channels))


def _reached(start: int, links: Sequence[Sequence[tuple[Place, int]]]) -> set[int]:
    """The channels that what comes to one goes on to, and itself."""
    found, left = {start}, [start]
    while left:
        for _, to in links[left.pop()]:
            if to not in found:
                found.add(to)
                left.append(to)
    return found


def _links(
    spec: ChannelSpec, channels: Sequence[Beside], env: Mapping[str, str]
) -> Iterator[tuple[Place, int]]:
    """The channels that this one passes messages on to, and where it says so."""
    if not any(rule.forward is not None for rule in spec.effects):
        return
    for number, destination in enumerate(spec.destinations):
        for to, (_, _, other) in enumerate(channels):
            if _into_its_folder(destination, other) or _to_its_door(destination, other, env):
                yield ("destinations", number), to


def _into_its_folder(destination: DestinationSpec, other: ChannelSpec) -> bool:
    folder = destination.folder
    return (
        folder is not None
        and other.source.folder is not None
        and (normpath(folder.path) == normpath(other.source.folder.path))
    )


def _to_its_door(destination: DestinationSpec, other: ChannelSpec, env: Mapping[str, str]) -> bool:
    if destination.mllp is None:
        return False
    name = destination.mllp.connection.upper().replace("-", "_")
    try:
        url = urlsplit(env.get(f"WARDLINE_MLLP_{name}_URL", "").strip())
        return _is_door(url.hostname or "", url.port or 0, other)
    except ValueError:
        return False  # no address: whoever connects says so


def _answered(spec: ChannelSpec, channels: Sequence[Beside]) -> Iterator[Problem]:
    """Application answers that are sent to a door of our own."""
    source = spec.source.mllp
    if source is None or source.app_ack != "separate" or not source.app_ack_to.startswith("tcp:"):
        return
    host, _, port = source.app_ack_to.removeprefix("tcp:").rpartition(":")
    for _, _, other in channels:
        if port.isdigit() and _is_door(host, int(port), other):
            text = f"{other.channel} listens there, and takes no answers"
            hint = "name the place where the sender waits for them"
            yield Problem(("source", "mllp", "app_ack_to"), text, hint)


def _is_door(host: str, port: int, other: ChannelSpec) -> bool:
    """Whether a channel's MLLP listener is at an address: on this machine, or at the one it names."""
    if other.source.mllp is None or not port:
        return False
    try:
        bound = listens_on(other.source.mllp.listen)
    except ValueError:
        return False  # a finding of its own
    return bound is not None and bound[1] == port and (is_loopback(host) or host.strip("[]") == bound[0])
