"""The certificate that a client showed in the handshake, as far as it says who the client is (RFC 8705)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256

import msgspec
from cryptography import x509

from mllp.tls import names_of

__all__ = ["Certificate"]


class Certificate(msgspec.Struct, frozen=True):
    """`words` are whatever a clients file may name it by: its subject alternative names, and `sha256:` with
    the hexadecimal digest of its DER form; `thumbprint` is that digest as tokens have it (`x5t#S256`). That
    an accepted authority signed it is the handshake's business."""

    words: frozenset[str]
    thumbprint: str

    @classmethod
    def read(cls, der: bytes) -> Certificate:
        """From DER, as the TLS layer gives it. Raises `ValueError`."""
        digest = sha256(der)
        try:
            names = names_of(x509.load_der_x509_certificate(der))
        except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise ValueError("a certificate whose names cannot be read") from error
        thumbprint = urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        return cls(frozenset((*names, f"sha256:{digest.hexdigest()}")), thumbprint)

    def __repr__(self) -> str:
        return f"Certificate({self.thumbprint})"
