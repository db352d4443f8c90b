"""From a channel's `app_ack_to:` to a link for its application answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from OpenSSL import SSL

from engine.app.listening import Address, from_environment
from engine.config.listening import is_loopback
from engine.config.spec import ChannelSpec, LinkTlsSpec, MllpSource
from engine.errors import Misconfigured
from engine.settings import Settings
from mllp.client import ONCE, MllpClient
from mllp.tls import ClientTls

__all__ = ["link_address", "open_link"]


def open_link(reactor: Any, spec: ChannelSpec, settings: Settings) -> MllpClient:
    """A sender to where the channel's application answers go; it connects when there is one. Raises
    `Misconfigured` when the address or the files cannot be used, or the link would be unsafe."""
    source = spec.source.door
    assert isinstance(source, MllpSource)  # noqa: S101 - no other kind has such a link
    where = f"{spec.channel}: app_ack_to"
    address = link_address(source.app_ack_to, os.environ, where)
    tls = _tls(source.app_ack_tls, address.host, os.environ, where) if source.app_ack_tls else None
    if tls is None and not is_loopback(address.host) and not (source.insecure_ok or settings.insecure_ok):
        raise Misconfigured(
            "plain MLLP beyond loopback has neither secrecy nor proof of who listens",
            where=where,
            hint="give `app_ack_tls:`, or say `insecure_ok: true`",
        )
    return MllpClient(reactor, address.host, address.port, tls=tls, retry=ONCE)


def link_address(text: str, env: Mapping[str, str], where: str) -> Address:
    """Host and port of `tcp:HOST:PORT` or what `env:NAME` holds. Raises `Misconfigured`."""
    text = from_environment(text, env, where)
    host, _, port = text.removeprefix("tcp:").rpartition(":")
    if not text.startswith("tcp:") or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise Misconfigured("must be tcp:HOST:PORT", where=where, hint="for example tcp:10.1.2.3:2575")
    return Address(host.strip("[]"), int(port))


def _tls(spec: LinkTlsSpec, host: str, env: Mapping[str, str], where: str) -> ClientTls:
    ca, certificate, key = (
        from_environment(text, env, where) if text else None for text in (spec.ca, spec.certificate, spec.key)
    )
    try:
        return ClientTls(spec.server_name or host, ca, certificate, key)
    except OSError as error:
        raise Misconfigured(
            f"a certificate or key file cannot be read: {error.strerror}", where=where
        ) from None
    except SSL.Error:
        raise Misconfigured("certificate and key do not fit together, or are not PEM", where=where) from None
