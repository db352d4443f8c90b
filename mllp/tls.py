"""TLS for both ends of MLLP: 1.2 or later, mutual, from certificate files (PEM).

The server asks every client for a certificate of the given authority and can narrow that to a list
of subject alternative names; whoever fails is refused in the handshake, before a byte of data is
read. Renewed files are noticed at the next connection, without a restart.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from zope.interface import implementer  # type: ignore[import-untyped]

__all__ = ["ClientTls", "ServerTls", "ends_of", "names_of", "subject_of"]

_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
_OPTIONS = SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Subject alternative names as plain text: DNS names in lower case, addresses, URIs, mail addresses."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    dns = tuple(name.lower() for name in found.get_values_for_type(x509.DNSName))
    addresses = tuple(str(address) for address in found.get_values_for_type(x509.IPAddress))
    uris = tuple(found.get_values_for_type(x509.UniformResourceIdentifier))
    return dns + addresses + uris + tuple(found.get_values_for_type(x509.RFC822Name))


def subject_of(certificate: x509.Certificate) -> str:
    """The subject in RFC 4514 form, `CN=lab,O=Hospital`."""
    return certificate.subject.rfc4514_string()


def ends_of(certificate: Path) -> datetime:
    """When a certificate in PEM ends (UTC). Raises `OSError`, `ValueError`."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


@implementer(IOpenSSLServerConnectionCreator)
class ServerTls:
    """The server's side: its certificate chain and key, and the authority (file of certificates) that
    must have signed its clients'; without one, clients are not asked and only the wire is secret.

    `names` narrows the clients to certificates with one of these subject alternative names; empty
    admits every certificate of the authority. Raises `ValueError` for names without an authority,
    `OSError` or `OpenSSL.SSL.Error` when the files cannot be used; later, files that cannot be used
    (half written) leave the last good ones in force.
    """

    def __init__(
        self,
        certificate: Path | str,
        key: Path | str,
        clients: Path | str | None = None,
        names: Iterable[str] = (),
    ) -> None:
        self._certificate, self._key = Path(certificate), Path(key)
        self._clients = Path(clients) if clients else None
        self._names = frozenset(name.lower() for name in names)
        if self._names and self._clients is None:
            raise ValueError("names of clients mean nothing without the authority that certifies them")
        self._stamp = self._files_stamp()
        self._context = self._load()

    @property
    def expires(self) -> datetime:
        """When the certificate on disk ends (UTC), for an alarm. Raises `OSError`, `ValueError`."""
        return ends_of(self._certificate)

    def serverConnectionForTLS(self, _protocol: object) -> SSL.Connection:
        """Twisted asks for a connection; a good moment to notice renewed files."""
        self._renew()
        return SSL.Connection(self._context, None)

    def _renew(self) -> None:
        try:
            stamp = self._files_stamp()
            if stamp != self._stamp:
                self._context, self._stamp = self._load(), stamp
        except (OSError, SSL.Error):
            return  # keep the good ones; asked again with the next connection

    def _files_stamp(self) -> tuple[tuple[int, int], ...]:
        paths = (self._certificate, self._key, self._clients)
        found = [os.stat(path) for path in paths if path]
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in found)

    def _load(self) -> SSL.Context:
        context = _context(SSL.TLS_SERVER_METHOD, self._certificate, self._key)
        if self._clients is not None:
            context.load_verify_locations(os.fspath(self._clients))
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._verify)
        return context

    def _verify(self, _connection: object, certificate: Any, _error: int, depth: int, good: int) -> bool:
        if not good or depth > 0 or not self._names:
            return bool(good)
        return any(name.lower() in self._names for name in names_of(certificate.to_cryptography()))


@implementer(IOpenSSLClientConnectionCreator)
class ClientTls:
    """The client's side: verifies that the server's certificate is good for `server_name` (a DNS
    name or an address) under the given authority (default: the system's), and shows our own
    certificate when there is one. Raises `OSError` or `OpenSSL.SSL.Error` when files cannot be used."""

    def __init__(
        self,
        server_name: str,
        ca: Path | str | None = None,
        certificate: Path | str | None = None,
        key: Path | str | None = None,
    ) -> None:
        self._name = server_name
        self._context = _context(SSL.TLS_CLIENT_METHOD, certificate, key or certificate)
        if ca is None:
            self._context.set_default_verify_paths()
        else:
            self._context.load_verify_locations(os.fspath(ca))
        self._context.set_verify(SSL.VERIFY_PEER, self._verify)

    def clientConnectionForTLS(self, _protocol: object) -> SSL.Connection:
        """Twisted asks for a connection."""
        connection = SSL.Connection(self._context, None)
        if not _is_address(self._name):  # addresses are not sent as server names (RFC 6066, 3)
            connection.set_tlsext_host_name(self._name.encode("idna"))
        return connection

    def _verify(self, _connection: object, certificate: Any, _error: int, depth: int, good: int) -> bool:
        if not good or depth > 0:
            return bool(good)
        fits = verify_certificate_ip_address if _is_address(self._name) else verify_certificate_hostname
        try:
            fits(certificate.to_cryptography(), self._name)
        except (VerificationError, CertificateError):
            return False
        return True


def _context(method: int, certificate: Path | str | None, key: Path | str | None) -> SSL.Context:
    context = SSL.Context(method)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    context.set_cipher_list(_CIPHERS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if certificate is not None and key is not None:
        context.use_certificate_chain_file(os.fspath(certificate))
        context.use_privatekey_file(os.fspath(key))
        context.check_privatekey()
    return context


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
