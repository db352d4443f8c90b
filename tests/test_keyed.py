"""engine.keyed: the very names that HMAC-SHA-256 gives, or nothing that is stored would be found again."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from engine.keyed import keyed


@given(st.binary(max_size=100), st.integers(1, 32), st.binary(max_size=100), st.binary(max_size=300))
def test_it_is_the_beginning_of_the_hmac(key: bytes, size: int, before: bytes, data: bytes) -> None:
    name = keyed(key, size, before)
    assert name(data) == hmac.digest(key, before + data, "sha256")[:size]
    assert name(data) == name(data)
