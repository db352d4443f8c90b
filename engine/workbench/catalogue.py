"""The catalogue of integrations: what runs here, for whom, from whom, where to, and what was promised; made
of the channel files, so that it is never older than they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from engine.config.cases.reading import read_cases
from engine.config.cases.running import tests_of
from engine.config.flows import flows
from engine.config.loading import LoadedChannel, examine, load_channels
from engine.config.sites import overlays_of, site_names
from engine.config.spec import EFFECTS, ChannelSpec, FhirSource, FolderSource, MllpSource
from engine.config.spec.about import SenderSpec, ServiceLevelSpec
from engine.config.table_schema import schema_beside
from engine.workbench.data_classes import DataClass, data_classes

__all__ = ["Catalogue", "Door", "Entry", "SiteEntry", "TableEntry", "catalogue", "entry_of"]


class Door(msgspec.Struct, frozen=True):
    """Where messages come in: its kind, the address, what protects it, what it takes, when it answers."""

    kind: str
    address: str
    protection: str
    takes: tuple[str, ...]
    answers: str


class TableEntry(msgspec.Struct, frozen=True):
    """A table that a channel uses; `owner` is empty where no schema says whose it is."""

    name: str
    file: str
    rows: int
    owner: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One channel."""

    channel: str
    description: str
    file: str
    criticality: str
    business: str
    technical: str
    door: Door
    data: tuple[DataClass, ...]
    effects: dict[str, int]
    """Kind → rules that make it."""

    destinations: tuple[str, ...]
    tables: tuple[TableEntry, ...]
    functions: tuple[str, ...]
    cases: int
    sender: str = ""
    vendor: str = ""
    contact: str = ""
    within: str = ""
    hours: str = ""
    runbook: str = ""
    schedule: str = ""
    shadow: bool = False
    kept: dict[str, int] = {}
    """What of its content is kept for other times than the node's, in days."""


class SiteEntry(msgspec.Struct, frozen=True):
    """An overlay: who answers for it, what it changes, and what does not run there."""

    site: str
    description: str
    business: str
    technical: str
    changes: tuple[str, ...]
    without: tuple[str, ...]


class Catalogue(msgspec.Struct, frozen=True):
    """All channels of a folder as `applied` sites have them, and the overlays that lie beside them."""

    channels: tuple[Entry, ...]
    sites: tuple[SiteEntry, ...]
    applied: tuple[str, ...] = ()


def catalogue(folder: Path, sites: Sequence[str] = ()) -> Catalogue:
    """The catalogue of a folder of channels. Raises `Misconfigured` when they have errors: an owner that is
    missing is one."""
    channels = tuple(entry_of(channel, folder) for channel in load_channels(folder, sites))
    return Catalogue(channels, tuple(_sites(folder)), tuple(sites))


def entry_of(channel: LoadedChannel, folder: Path) -> Entry:
    """The entry of a channel that was loaded from below `folder`."""
    spec = channel.spec
    sender = spec.about.sender or SenderSpec.model_construct(system="", vendor="", contact="")
    level = spec.about.service_level or ServiceLevelSpec.model_construct(within="", hours="")
    listed = read_cases(path).cases if (path := tests_of(channel.path)).is_file() else None
    return Entry(
        channel=spec.channel,
        description=spec.description,
        file=str(channel.path.relative_to(folder)),
        criticality=spec.criticality,
        business=spec.owner.business,
        technical=spec.owner.technical,
        door=_door(spec),
        data=tuple(data_classes(flows(examine(channel.path, channel.sites)))),
        effects=dict(Counter(_made(spec))),
        destinations=channel.program.destinations,
        tables=tuple(_tables(channel, folder)),
        functions=tuple(channel.functions),
        cases=len(listed.cases) if listed else 0,
        sender=sender.system,
        vendor=sender.vendor,
        contact=sender.contact,
        within=level.within,
        hours=level.hours,
        runbook=spec.about.runbook,
        schedule=spec.schedule.cron if spec.schedule else "",
        shadow=spec.shadow,
        kept={name: days for name, days in spec.retention.model_dump().items() if days is not None},
    )


def _door(spec: ChannelSpec) -> Door:
    source = spec.source.door
    if isinstance(source, FolderSource):
        return Door(
            "folder", source.path, "the folder's own rights", tuple(source.message_types), _answered(source)
        )
    takes = tuple(source.resources) if isinstance(source, FhirSource) else tuple(source.message_types)
    kind = "FHIR over HTTP" if isinstance(source, FhirSource) else "MLLP"
    answers = "with what was stored" if isinstance(source, FhirSource) else _answered(source)
    return Door(kind, source.listen, _protection(source), takes, answers)


def _answered(source: MllpSource | FolderSource) -> str:
    return f"after {'mapping' if source.acknowledge == 'transform' else source.acknowledge}"


def _protection(source: MllpSource | FhirSource) -> str:
    said = "plain"
    if source.tls is not None:
        said = "mutual TLS" if source.tls.client_ca else "TLS"
    if isinstance(source, FhirSource):
        return f"{said}, clients of {source.clients}"
    return f"{said}, from {', '.join(source.allow)}" if source.allow else said


def _made(spec: ChannelSpec) -> Iterator[str]:
    for rule in spec.effects:
        yield from (kind for kind in EFFECTS if getattr(rule, kind) is not None)


def _tables(channel: LoadedChannel, folder: Path) -> Iterator[TableEntry]:
    for name, table in channel.tables.items():
        path = channel.path.parent / channel.spec.tables[name]
        schema, _ = schema_beside(path, str(path))
        yield TableEntry(name, str(path.relative_to(folder)), len(table), schema.owner if schema else "")


def _sites(folder: Path) -> Iterator[SiteEntry]:
    for overlay in overlays_of(folder, site_names(folder)):
        spec = overlay.spec
        if spec is not None:
            changes = (*(["all"] if spec.all else []), *spec.channels)
            owner = spec.owner
            business, technical = (owner.business, owner.technical) if owner else ("", "")
            yield SiteEntry(spec.site, spec.description, business, technical, changes, tuple(spec.without))
