"""From channels with a FHIR source to open doors: one for each address, however many channels share it."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from engine.access import Access, Certificate, Clients, Rates, static_keys
from engine.app.key_fetching import fetch_keys
from engine.app.listening import Address, address_of, from_environment, is_everywhere
from engine.auditing import Entry
from engine.config.clients import read_clients
from engine.config.listening import is_loopback
from engine.config.loading import LoadedChannel
from engine.config.spec import FhirSource, TlsSpec
from engine.errors import Misconfigured
from engine.fhir import models
from engine.intake import Intake, record_all
from engine.listeners.fhir import Doors, FhirListener, Limits, Offer, Service, Tls
from engine.model import Moved, Unit, Written
from engine.settings import Settings
from engine.store.base import Store
from engine.store.cipher import Cipher, Fingerprints
from engine.store.keys import KeyRing
from engine.telemetry import AuditFailed, ChannelOpened, PrivacyIncident, signal
from engine.threads import Threads

__all__ = ["FhirDoors"]

READERS: Final = 4
"""Threads that read the store for clients."""

JUDGES: Final = 2
"""Threads that find out who calls: they may wait for keys that another server publishes."""


class _Door(NamedTuple):
    """A listener with the channels behind it."""

    listener: FhirListener
    channels: list[LoadedChannel]
    source: FhirSource
    address: Address

    def open(self, loop: asyncio.AbstractEventLoop, settings: Settings) -> None:
        """Open it. Raises `Misconfigured` when the address cannot be used or would be unsafe."""
        tls = _tls(self.source.tls, self.listener.name) if self.source.tls else None
        safe = is_loopback(self.address.host) or self.source.insecure_ok or settings.insecure_ok
        if tls is None and not safe:
            raise Misconfigured(
                "plain HTTP beyond loopback shows tokens and patients to everyone on the wire",
                where=self.listener.name,
                hint="give `tls:`, or say `insecure_ok: true` where something before it does TLS",
            )
        if not self.source.base_url and is_everywhere(self.address.host):
            raise Misconfigured(
                "clients cannot be told where they are: every address is listened on",
                where=self.listener.name,
                hint="give `base_url:`, the address as clients write it",
            )
        port = self.listener.open(loop, self.address.host, self.address.port, tls)
        for channel in self.channels:
            signal(ChannelOpened(channel.spec.channel, f"{self.address.host}:{port}", tls is not None))


class FhirDoors:
    """All doors of a node, and the group commit and the threads behind them. `stored` is told when there is
    something to route, `told` of answers that go without their words."""

    def __init__(
        self,
        reactor: Any,
        loop: asyncio.AbstractEventLoop,
        settings: Settings,
        store: Store,
        channels: Sequence[LoadedChannel],
        ring: KeyRing,
        commits: Threads,
        stored: Callable[[], None],
        told: Callable[[PrivacyIncident], None],
    ) -> None:
        self._loop, self._settings = loop, settings
        self._reads, self._judges = Threads(reactor, "read", READERS), Threads(reactor, "judge", JUDGES)
        self._intake: Intake[Unit, Written | Moved] = Intake(
            store,
            store.write,
            commits,
            call_soon=loop.call_soon,
            call_later=reactor.callLater,
            opened=self._accepting,
            stored=stored,
            size=lambda unit: len(unit.writes),
        )
        self._audit: Intake[Sequence[Entry], int] = Intake(
            store,
            partial(record_all, store),
            commits,
            call_soon=loop.call_soon,
            call_later=reactor.callLater,
            opened=self._accepting,
            stored=lambda: None,
            size=len,
            failed=AuditFailed,
        )
        doors = Doors(
            self._submit,
            self._look,
            self._judge,
            store,
            Fingerprints(ring),
            Cipher(ring, "cursor"),
            self._record,
            told,
        )
        self._doors = _group(channels, settings, ring, doors, store)

    @property
    def listeners(self) -> list[FhirListener]:
        """One for each address."""
        return [door.listener for door in self._doors]

    @property
    def available(self) -> bool:
        """Whether the store takes what comes."""
        return self._intake.available and self._audit.available

    def open(self) -> None:
        """Open all. Raises `Misconfigured` when an address cannot be used or would be unsafe."""
        for door in self._doors:
            door.open(self._loop, self._settings)

    def close(self) -> None:
        """End the threads; the doors are drained by then."""
        self._reads.close()
        self._judges.close()

    def _accepting(self, _: bool) -> None:
        for door in self._doors:
            door.listener.accepting(self.available)

    def _submit(self, unit: Unit) -> asyncio.Future[Written | Moved | None]:
        done: asyncio.Future[Written | Moved | None] = self._loop.create_future()
        self._intake.submit(unit, lambda result: None if done.done() else done.set_result(result))
        return done

    def _record(self, entries: Sequence[Entry]) -> asyncio.Future[bool]:
        done: asyncio.Future[bool] = self._loop.create_future()
        self._audit.submit(entries, lambda last: None if done.done() else done.set_result(last is not None))
        return done

    def _look(self, call: Callable[..., Any], *args: Any, **named: Any) -> asyncio.Future[Any]:
        return self._reads.run(call, *args, **named).asFuture(self._loop)

    def _judge(self, call: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        return self._judges.run(call, *args).asFuture(self._loop)


def _group(
    channels: Sequence[LoadedChannel], settings: Settings, ring: KeyRing, doors: Doors, store: Store
) -> list[_Door]:
    """The doors of these channels, not open yet. Raises `Misconfigured`."""
    shared: dict[Address, list[LoadedChannel]] = {}
    for channel in channels:
        source = channel.spec.source.fhir
        if source is not None:
            shared.setdefault(address_of(source, settings, os.environ), []).append(channel)
    return [_door(address, group, settings, ring, doors, store) for address, group in shared.items()]


def _door(
    address: Address,
    channels: list[LoadedChannel],
    settings: Settings,
    ring: KeyRing,
    doors: Doors,
    store: Store,
) -> _Door:
    source = channels[0].spec.source.fhir
    assert source is not None  # noqa: S101 - that is how it was found
    clients = read_clients(channels[0].path.parent / source.clients)
    limits = Limits(body=source.max_body, bundle=source.max_bundle, entries=source.max_entries)
    make = partial(
        _service,
        offers=tuple(_offer(channel) for channel in channels),
        limits=limits,
        access=partial(_access, clients=clients, settings=settings, ring=ring, store=store),
        rate=source.rate,
        doors=doors,
        named=source.base_url,
    )
    names = frozenset(name.lower() for name in source.tls.client_names) if source.tls else frozenset()
    name = " ".join(channel.spec.channel for channel in channels)
    return _Door(FhirListener(name, make, limits, Certificate.read, names), channels, source, address)


def _service(
    bound: str,
    *,
    offers: tuple[Offer, ...],
    limits: Limits,
    access: Callable[[str], Access],
    rate: int,
    doors: Doors,
    named: str,
) -> Service:
    """`bound` is the address that was bound, `named` the one that clients write, if that is another."""
    base = named or bound
    return Service(
        offers=offers,
        limits=limits,
        access=access(base),
        rates=Rates(rate),
        doors=doors,
        base=base,
        clock=time.time,
        new_id=lambda: str(uuid.uuid4()),
        version=version("wardline"),
        since=time.time(),
    )


def _access(base: str, *, clients: Clients, settings: Settings, ring: KeyRing, store: Store) -> Access:
    ids = [ring.current, *(id_ for id_ in ring.ids if id_ != ring.current)]
    return Access(
        clients,
        base=base,
        keys={id_: ring.derive("access-token", id_) for id_ in ids},
        fetch=fetch_keys,
        first_use=store.first_use,
        static=static_keys(clients, os.environ, allowed=settings.dev_keys),
    )


def _offer(channel: LoadedChannel) -> Offer:
    source = channel.spec.source.fhir
    assert source is not None  # noqa: S101 - only such channels are here
    for release in source.releases:
        models.prepare(release, ("Bundle", "OperationOutcome", *source.resources))
    return Offer(
        channel.spec.channel,
        tuple(source.releases),
        {type_: frozenset(rights) for type_, rights in source.resources.items()},
        source.identifiers == "unique",
        ZoneInfo(source.timezone),
    )


def _tls(spec: TlsSpec, where: str) -> Tls:
    paths = [from_environment(text, os.environ, "tls") for text in (spec.certificate, spec.key)]
    clients = from_environment(spec.client_ca, os.environ, "tls") if spec.client_ca else None
    if spec.client_names and clients is None:
        raise Misconfigured(
            "names of senders mean nothing without the CA that vouches for them",
            where=f"{where}: tls",
            hint="give `client_ca:`",
        )
    try:
        return Tls(paths[0], paths[1], clients)
    except ssl.SSLError:
        raise Misconfigured(
            "certificate and key do not fit together, or are not PEM", where=f"{where}: tls"
        ) from None
    except OSError as error:
        raise Misconfigured(
            f"a certificate or key file cannot be read: {error.strerror}", where=f"{where}: tls"
        ) from None
