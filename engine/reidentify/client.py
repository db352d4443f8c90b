"""Asking the service: one request over TLS, one answer that goes nowhere but to its caller."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from engine.config.listening import is_loopback
from engine.errors import Misconfigured, Unavailable

__all__ = ["Access", "Said", "ask"]

SECONDS: Final = 30.0
_MOST: Final = 1024 * 1024


class Access(msgspec.Struct, frozen=True):
    """Where the service is, and what proves who asks: the person's key, and a certificate where one is asked
    for. `ca` vouches for the service (None: the system's authorities). Has no `repr`."""

    url: str
    key: str
    ca: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None

    def __repr__(self) -> str:
        return f"Access({self.url!r})"


class Said(NamedTuple):
    """An answer. Has no `repr`: it may hold an identifier."""

    status: int
    body: dict[str, Any]

    def __repr__(self) -> str:
        return f"Said({self.status})"


def ask(access: Access, method: str, path: str, body: dict[str, str] | None = None) -> Said:
    """Send one request. Raises `Misconfigured` for an address or certificate that will not do, `Unavailable`
    when nothing that can be understood comes back."""
    connection = _connection(access)
    headers = {"Authorization": f"Bearer {access.key}", "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        said = json.loads(response.read(_MOST))
        return Said(response.status, msgspec.convert(said, dict[str, Any]))
    except ssl.SSLCertVerificationError:
        raise Unavailable("the certificate of the service is not to be trusted") from None
    except (OSError, http.client.HTTPException, ValueError, msgspec.ValidationError):
        raise Unavailable(f"{access.url} gives no answer") from None
    finally:
        connection.close()


def _connection(access: Access) -> http.client.HTTPConnection:
    parts = urlsplit(access.url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "http" and is_loopback(host):
        return http.client.HTTPConnection(host, port, timeout=SECONDS)
    if parts.scheme != "https" or not host:
        raise Misconfigured(
            "the service is asked over https only", where=access.url or "WARDLINE_REIDENTIFY_URL",
            hint="https://reidentify.hospital.example:8583",
        )  # fmt: skip
    try:
        context = ssl.create_default_context(cafile=str(access.ca) if access.ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if access.certificate:
            context.load_cert_chain(access.certificate, access.certificate_key)
    except (OSError, ssl.SSLError):
        raise Misconfigured(
            "a certificate, its key or the authority cannot be used",
            where="WARDLINE_REIDENTIFY_CA, WARDLINE_PERSON_CERTIFICATE",
        ) from None
    return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
