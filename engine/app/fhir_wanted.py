"""From channels with a FHIR source to the doors that they want: one for each address."""

from __future__ import annotations

import os
import ssl
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import NamedTuple
from zoneinfo import ZoneInfo

from engine.access import Access, Certificate, Clients, Rates, static_keys
from engine.access.https import fetch_keys
from engine.app.listening import Address, from_environment, is_everywhere
from engine.config.clients import read_clients
from engine.config.listening import is_loopback
from engine.config.loading import LoadedChannel
from engine.config.spec import FhirSource, TlsSpec
from engine.errors import Misconfigured
from engine.fhir import models
from engine.listeners.fhir import Doors, FhirListener, Limits, Offer, Service, Tls
from engine.settings import Settings
from engine.store.base import Store
from engine.store.keys import KeyRing

__all__ = ["Needs", "Wanted", "check_safe", "wanted_door"]


class Needs(NamedTuple):
    """What stands behind every door of a node."""

    settings: Settings
    ring: KeyRing
    store: Store
    doors: Doors


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


def wanted_door(address: Address, channels: Sequence[LoadedChannel], edition: int, needs: Needs) -> Wanted:
    """The door of channels that share an address. From any thread. Raises `Misconfigured`."""
    source = channels[0].spec.source.fhir
    assert source is not None  # noqa: S101 - that is how it was found
    name = " ".join(channel.spec.channel for channel in channels)
    tls = _tls(source.tls, name) if source.tls else None
    check_safe(address, source, tls, name, needs.settings)
    clients = read_clients(channels[0].path.parent / source.clients)
    limits = Limits(body=source.max_body, bundle=source.max_bundle, entries=source.max_entries)
    make = partial(
        _service,
        offers=tuple(_offer(channel, edition) for channel in channels),
        limits=limits,
        access=partial(_access, clients=clients, needs=needs),
        rate=source.rate,
        doors=needs.doors,
        named=source.base_url,
    )
    return Wanted(address, tuple(channels), source, make, limits, tls)


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


def _access(base: str, *, clients: Clients, needs: Needs) -> Access:
    settings, ring, store, _ = needs
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
