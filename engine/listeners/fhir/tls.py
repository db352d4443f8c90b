"""TLS of the FHIR door: 1.2 or later, the same words as MLLP's (`mllp.tls`), for asyncio's servers.

Renewed files are noticed at the next handshake, without a restart; files that cannot be used (half
written) leave the last good ones in force."""

from __future__ import annotations

import os
import ssl
from datetime import datetime
from pathlib import Path
from typing import Final

from mllp.tls import ends_of

__all__ = ["Tls"]

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"


class Tls:
    """Certificate chain and key, and the authority that must have signed the certificates of clients
    (without one they are not asked). Raises `OSError` or `ssl.SSLError` when the files cannot be used."""

    def __init__(self, certificate: str, key: str, clients: str | None = None) -> None:
        self._paths = (certificate, key, clients)
        self._stamp = self._files_stamp()
        self.context = self._current = self._load()
        self.context.sni_callback = self._greeted

    @property
    def expires(self) -> datetime:
        """When the certificate on disk ends (UTC). Raises `OSError`, `ValueError`."""
        return ends_of(Path(self._paths[0]))

    def _load(self) -> ssl.SSLContext:
        certificate, key, clients = self._paths
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
        context.set_ciphers(_CIPHERS)
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(certificate, key)
        if clients is not None:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _greeted(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Every handshake begins here, with or without a server name."""
        try:
            stamp = self._files_stamp()
            if stamp != self._stamp:
                self._current, self._stamp = self._load(), stamp
        except (OSError, ssl.SSLError):
            pass  # keep the good ones; asked again at the next handshake
        connection.context = self._current

    def _files_stamp(self) -> tuple[tuple[int, int], ...]:
        found = [os.stat(path) for path in self._paths if path]
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in found)
