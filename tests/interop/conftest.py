"""Interoperability: engines are started as in `tests/flows`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from certificates import Authority

sys.path.append(str(Path(__file__).parents[1] / "flows"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs for both ends."""
    return Authority(tmp_path_factory.mktemp("certificates"), "hospital")


@pytest.fixture(scope="module")
def tls(authority: Authority) -> dict[str, str]:
    """What a peer shows and trusts, on either end."""
    pair = authority.issue("peer", "localhost", "peer.hospital.example")
    return {"key": str(pair.key), "cert": str(pair.certificate), "ca": str(authority.file)}
