"""What a certificate says of the client that shows it."""

from __future__ import annotations

import hashlib
import ssl
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from certificates import Authority

from engine.access import Certificate


def der(path: Path) -> bytes:
    """As a TLS layer gives it."""
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def test_names_and_thumbprint(tmp_path: Path) -> None:
    pair = Authority(tmp_path, "hospital").issue("ward", "Ward.Example", "10.0.0.7", "urn:uuid:6A")
    raw = der(pair.certificate)
    digest = hashlib.sha256(raw)
    found = Certificate.read(raw)
    assert found.words == {"ward.example", "10.0.0.7", "urn:uuid:6A", f"sha256:{digest.hexdigest()}"}
    assert found.thumbprint == urlsafe_b64encode(digest.digest()).decode().rstrip("=")
    assert "ward" not in repr(found)


def test_a_common_name_is_no_name(tmp_path: Path) -> None:
    found = Certificate.read(der(Authority(tmp_path, "hospital").issue("ward.example").certificate))
    assert [word.partition(":")[0] for word in found.words] == ["sha256"]


@pytest.mark.parametrize("raw", [b"", b"no certificate", bytes(300)])
def test_what_is_no_certificate(raw: bytes) -> None:
    with pytest.raises(ValueError):
        Certificate.read(raw)
