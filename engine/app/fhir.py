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

from twisted.internet.defer import Deferred

from engine.access import Access, Certificate, Clients, Rates, static_keys
from engine.app.key_fetching import fetch_keys
from engine.app.listening import Address, address_of, from_environment, is_everywhere
from engine.auditing import Entry
from engine.config.clients import read_clients
from engine.config.listening import is_loopback
from engine.config.loading import LoadedChannel
from engine.config.spec import FhirSource, TlsSpec
from engine.editions.loading import Loaded
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

__all__ = ["FhirDoors", "check_safe"]

READERS: Final = 4
"""Threads that read the store for clients."""

JUDGES: Final = 2
"""Threads that find out who calls: they may wait for keys that another server publishes."""


class Wanted(NamedTuple):
    """A door as an edition wants it: everything about it that can be wrong was looked at."""

    address: Address
    channels: tuple[LoadedChannel, ...]
    source: FhirSource
    service: Callable[[str], Service]
    limits: Limits
    tls: Tls | None

    @property
    def name(self) -> str:
        """Those of its channels."""
        return " ".join(channel.spec.channel for channel in self.channels)

    @property
    def names(self) -> frozenset[str]:
        """Who may connect, by certificate; empty: whoever can."""
        tls = self.source.tls
        return frozenset(name.lower() for name in tls.client_names) if tls else frozenset()

    def listener(self) -> FhirListener:
        """A listener for it, not open yet."""
        return FhirListener(self.name, self.service, self.limits, Certificate.read, self.names)


class _Open(NamedTuple):
    wanted: Wanted
    listener: FhirListener
    port: int

    def say(self) -> None:
        """It is here to stay."""
        shown = f"{self.wanted.address.host}:{self.port}"
        for channel in self.wanted.channels:
            signal(ChannelOpened(channel.spec.channel, shown, self.wanted.tls is not None))


class FhirDoors:
    """All doors of a node, and the group commit and the threads behind them. `stored` is told when there is
    something to route, `told` of answers that go without their words. Reactor's thread, but for `wanted`."""

    def __init__(
        self,
        reactor: Any,
        loop: asyncio.AbstractEventLoop,
        settings: Settings,
        store: Store,
        ring: KeyRing,
        commits: Threads,
        stored: Callable[[], None],
        told: Callable[[PrivacyIncident], None],
    ) -> None:
        self._loop, self._settings, self._store, self._ring = loop, settings, store, ring
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
        self._doors = Doors(
            self._submit,
            self._look,
            self._judge,
            store,
            Fingerprints(ring),
            Cipher(ring, "cursor"),
            self._record,
            told,
        )
        self._open: dict[Address, _Open] = {}
        self._fresh: dict[Address, _Open] = {}
        self._draining: list[FhirListener] = []

    @property
    def listeners(self) -> list[FhirListener]:
        """One for each address."""
        return [door.listener for door in self._open.values()]

    @property
    def available(self) -> bool:
        """Whether the store takes what comes."""
        return self._intake.available and self._audit.available

    def wanted(self, loaded: Loaded) -> list[Wanted]:
        """The doors of an edition. From any thread. Raises `Misconfigured`."""
        shared: dict[Address, list[LoadedChannel]] = {}
        for channel in loaded.channels:
            source = channel.spec.source.fhir
            if source is not None:
                shared.setdefault(address_of(source, self._settings, os.environ), []).append(channel)
        return [self._wanted(address, group, loaded.number) for address, group in shared.items()]

    def open(self, wanted: Sequence[Wanted]) -> None:
        """Open the doors that are not open yet; nothing is served by `wanted` elsewhere until `turn`. Raises
        `Misconfigured` when one of them cannot be, and then opens none."""
        try:
            for one in wanted:
                before = self._open.get(one.address)
                if before is None or before.wanted.source.tls != one.source.tls:
                    self._open_one(one, before)
        except Misconfigured:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Close again what `open` opened."""
        for door in self._fresh.values():
            door.listener.drain(0.0)
        self._fresh = {}

    def turn(self, wanted: Sequence[Wanted]) -> None:
        """Serve this from now on; what is not wanted any more, or has another in its place, drains."""
        before, self._open = self._open, {}
        for one in wanted:
            stays = before.get(one.address)
            if one.address in self._fresh:
                self._open[one.address] = self._fresh[one.address]
                self._open[one.address].say()
            elif stays is not None:
                del before[one.address]
                stays.listener.take_up(one.name, one.service, one.limits, one.names)
                self._open[one.address] = _Open(one, stays.listener, stays.port)
        self._fresh = {}
        for door in before.values():
            self._retire(door.listener)

    def drain(self, timeout: float) -> list[Deferred[None]]:
        """Answer what is in work, close."""
        return [listener.drain(timeout) for listener in (*self.listeners, *self._draining)]

    def close(self) -> None:
        """End the threads; the doors are drained by then."""
        self._reads.close()
        self._judges.close()

    def _open_one(self, wanted: Wanted, before: _Open | None) -> None:
        address, listener = wanted.address, wanted.listener()
        listener.accepting(self.available)
        bound = before.listener.hand_over() if before else None
        port = listener.open(self._loop, address.host, address.port, wanted.tls, bound)
        self._fresh[address] = _Open(wanted, listener, port)

    def _retire(self, listener: FhirListener) -> None:
        self._draining.append(listener)
        drained = listener.drain(self._settings.drain)
        drained.addBoth(lambda _: self._draining.remove(listener))

    def _wanted(self, address: Address, channels: list[LoadedChannel], edition: int) -> Wanted:
        source = channels[0].spec.source.fhir
        assert source is not None  # noqa: S101 - that is how it was found
        name = " ".join(channel.spec.channel for channel in channels)
        tls = _tls(source.tls, name) if source.tls else None
        check_safe(address, source, tls, name, self._settings)
        clients = read_clients(channels[0].path.parent / source.clients)
        limits = Limits(body=source.max_body, bundle=source.max_bundle, entries=source.max_entries)
        access = partial(
            _access, clients=clients, settings=self._settings, ring=self._ring, store=self._store
        )
        make = partial(
            _service,
            offers=tuple(_offer(channel, edition) for channel in channels),
            limits=limits,
            access=access,
            rate=source.rate,
            doors=self._doors,
            named=source.base_url,
        )
        return Wanted(address, tuple(channels), source, make, limits, tls)

    def _accepting(self, _: bool) -> None:
        for listener in self.listeners:
            listener.accepting(self.available)

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


def check_safe(address: Address, source: FhirSource, tls: Tls | None, name: str, settings: Settings) -> None:
    """Raises `Misconfigured` for a door that would be unsafe, or whose clients could not be told where it
    is."""
    safe = is_loopback(address.host) or source.insecure_ok or settings.insecure_ok
    if tls is None and not safe:
        raise Misconfigured(
            "plain HTTP beyond loopback shows tokens and patients to everyone on the wire",
            where=name,
            hint="give `tls:`, or say `insecure_ok: true` where something before it does TLS",
        )
    if not source.base_url and is_everywhere(address.host):
        raise Misconfigured(
            "clients cannot be told where they are: every address is listened on",
            where=name,
            hint="give `base_url:`, the address as clients write it",
        )


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


def _offer(channel: LoadedChannel, edition: int) -> Offer:
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
        edition,
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
