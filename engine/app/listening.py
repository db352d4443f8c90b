"""From a channel's `source:` to an open door."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace
from OpenSSL import SSL

from engine.config.cases.rehearsal import accept_rules
from engine.config.listening import is_loopback
from engine.config.spec import ChannelSpec, FhirSource, FolderSource, MllpSource, TlsSpec
from engine.errors import Misconfigured
from engine.listeners.channel import BatchRules, Channel, Doors
from engine.listeners.file_run import FileRules
from engine.listeners.folder import FolderListener, FolderRules
from engine.listeners.mllp import MllpListener
from engine.settings import Settings
from engine.telemetry import ChannelOpened, signal
from engine.threads import Threads
from mllp.server import Caps, MllpServer
from mllp.session import Limits
from mllp.tls import ServerTls

__all__ = [
    "Address",
    "Listener",
    "Wanted",
    "address_of",
    "begin_listening",
    "change_listener",
    "channel_of",
    "folder_of",
    "from_environment",
    "is_everywhere",
    "open_listener",
    "wanted_door",
]

Listener = MllpListener | FolderListener
"""A channel's door, of whichever kind."""


class Address(NamedTuple):
    """Where a listener listens."""

    host: str
    port: int


def channel_of(spec: ChannelSpec, settings: Settings, edition: int = 0) -> Channel:
    """The channel as its listener sees it, by the rules of an edition."""
    source = spec.source.hl7
    assert source is not None  # noqa: S101 - FHIR has a listener of its own
    channel = Channel(
        name=spec.channel,
        rules=accept_rules(source),
        edition=edition,
        acknowledge=source.acknowledge,
        timeout=float(source.acknowledge_timeout),
        late="error" if source.acknowledge_late == "error" else "accepted",
        mode=source.ack_mode,
        respond=source.respond,
        unique=source.control_id_reuse == "reject",
        application=settings.application,
        facility=settings.facility,
        batches=BatchRules(answers=source.batch_answers, atomic=source.batch_atomic),
    )
    if not isinstance(source, MllpSource):
        return channel
    batches = replace(channel.batches, most=source.max_batch, headless=source.batch_headers == "optional")
    return replace(
        channel,
        nack=source.store_unavailable == "nack",
        separate=source.app_ack == "separate",
        sequence_numbers=source.sequence_numbers,
        batches=batches,
    )


class Link(NamedTuple):
    """A door of MLLP: where it is, and what is asked of connections."""

    address: Address
    server: Mapping[str, Any]
    """`limits`, `caps`, `peers` and `release` of its server."""

    tls: ServerTls | None
    secured: TlsSpec | None
    """What `tls` was made of."""


class Wanted(NamedTuple):
    """A door as an edition wants it: everything about it that can be wrong was looked at. The same `key`
    is the same door, whichever channel is behind it."""

    key: tuple[str, ...]
    channel: Channel
    link: Link | None
    folder: FolderRules | None = None


def wanted_door(spec: ChannelSpec, settings: Settings, edition: int) -> Wanted:
    """The channel's door. Raises `Misconfigured` when the environment lacks something, or it would be
    unsafe."""
    source = spec.source.hl7
    channel = channel_of(spec, settings, edition)
    if isinstance(source, MllpSource):
        return _mllp(channel, source, settings)
    assert source is not None  # noqa: S101 - FHIR has a listener of its own
    return _folder(channel, source)


def _mllp(channel: Channel, source: MllpSource, settings: Settings) -> Wanted:
    address = address_of(source, settings, os.environ)
    tls = _tls(source.tls, channel.name, os.environ) if source.tls else None
    if tls is None and not is_loopback(address.host) and not (source.insecure_ok or settings.insecure_ok):
        raise Misconfigured(
            "plain MLLP beyond loopback has neither secrecy nor proof of who sends",
            where=channel.name,
            hint="give `tls:`, or say `insecure_ok: true` and who may connect with `allow:`",
        )
    limits = Limits(
        max_frame=source.max_frame,
        require_cr=source.require_cr,
        idle_timeout=float(source.idle_timeout) if source.idle_timeout else None,
    )
    caps = Caps(source.max_connections, source.max_connections_per_peer)
    server = {"limits": limits, "caps": caps, "peers": source.allow, "release": source.mllp_release}
    key = ("mllp", address.host, str(address.port or channel.name))  # 0 is another port for everyone
    return Wanted(key, channel, Link(address, server, tls, source.tls))


def _folder(channel: Channel, source: FolderSource) -> Wanted:
    path = folder_of(source, channel.name, os.environ)
    rules = FolderRules(
        path=path,
        pattern=source.pattern,
        files=FileRules(source.max_message, source.max_file, answers=source.answers == "file"),
        order=source.order,
        settle=float(source.settle),
        every=float(source.every),
        keep=source.keep_days * 86400.0,
    )
    return Wanted(("folder", os.path.realpath(path)), channel, None, rules)


def open_listener(wanted: Wanted, doors: Doors, reactor: Any, threads: Threads) -> Listener:
    """Open a door. Raises `Misconfigured` when its address cannot be had."""
    channel, link = wanted.channel, wanted.link
    if link is None:
        assert wanted.folder is not None  # noqa: S101 - it is the one or the other
        return FolderListener(
            channel, doors, wanted.folder, from_thread=reactor.callFromThread, threads=threads
        )
    listener = MllpListener(channel, doors, partial(MllpServer, **link.server))
    listener.open(reactor, link.address.host, link.address.port, link.tls)
    return listener


def begin_listening(listener: Listener, wanted: Wanted) -> None:
    """What was opened is here to stay: say so; of a folder, look into it from now on."""
    if isinstance(listener, FolderListener):
        listener.open()
    elif wanted.link is not None:
        link = wanted.link
        signal(ChannelOpened(listener.name, f"{link.address.host}:{listener.port}", link.tls is not None))


def change_listener(listener: Listener, before: Wanted, now: Wanted) -> None:
    """The same door with the rules of `now` from the next message on. Connections stay, but for those whose
    address may not connect any more, and all of them when another proof of who they are is asked for."""
    if isinstance(listener, FolderListener):
        assert now.folder is not None  # noqa: S101 - a key is of one kind
        listener.take_up(now.channel, now.folder)
        return
    assert before.link is not None  # noqa: S101 - a key is of one kind
    assert now.link is not None  # noqa: S101
    listener.take_up(now.channel)
    listener.server.change(**now.link.server, tls=now.link.tls)
    if before.link.secured != now.link.secured:
        listener.server.hang_up()


def folder_of(source: FolderSource, channel: str, env: Mapping[str, str]) -> str:
    """The path of a channel's folder. Raises `Misconfigured` when the environment does not have it."""
    return from_environment(source.path, env, f"{channel}: path")


def address_of(source: MllpSource | FhirSource, settings: Settings, env: Mapping[str, str]) -> Address:
    """Host and port of `tcp:PORT`, `tcp:ADDRESS:PORT` or what `env:NAME` holds. Raises `Misconfigured`."""
    text = from_environment(source.listen, env, "listen")
    host, _, port = text.removeprefix("tcp:").rpartition(":")
    if not text.startswith("tcp:") or not port.isdigit() or int(port) > 65535:
        raise Misconfigured(
            "must be tcp:PORT or tcp:ADDRESS:PORT", where="listen", hint="for example tcp:2575"
        )
    return Address(host.strip("[]") or settings.bind, int(port))


def _tls(spec: TlsSpec, channel: str, env: Mapping[str, str]) -> ServerTls:
    certificate, key = (from_environment(text, env, "tls") for text in (spec.certificate, spec.key))
    clients = from_environment(spec.client_ca, env, "tls") if spec.client_ca else None
    try:
        return ServerTls(certificate, key, clients, spec.client_names)
    except OSError as error:
        raise Misconfigured(
            f"a certificate or key file cannot be read: {error.strerror}", where=f"{channel}: tls"
        ) from None
    except ValueError:
        raise Misconfigured(
            "names of senders mean nothing without the CA that vouches for them",
            where=f"{channel}: tls",
            hint="give `client_ca:`",
        ) from None
    except SSL.Error:
        raise Misconfigured(
            "certificate and key do not fit together, or are not PEM", where=f"{channel}: tls"
        ) from None


def from_environment(text: str, env: Mapping[str, str], what: str) -> str:
    """The text itself, or what the variable of `env:NAME` holds. Raises `Misconfigured`."""
    if not text.startswith("env:"):
        return text
    name = text.removeprefix("env:")
    if not env.get(name):
        raise Misconfigured(f"the environment has no {name}", where=what, hint=f"set {name}")
    return env[name]


def is_everywhere(host: str) -> bool:
    """Whether a host is every address of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
