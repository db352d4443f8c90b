"""engine.keyed: the very names that HMAC-SHA-256 gives, or nothing that is stored would be found again."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.keyed import keyed


@given(st.binary(max_size=64), st.integers(1, 32), st.binary(max_size=100), st.binary(max_size=300))
def test_it_is_the_beginning_of_the_hmac(key: bytes, size: int, before: bytes, data: bytes) -> None:
    name = keyed(key, size, before)
    assert name(data) == hmac.digest(key, before + data, "sha256")[:size]
    assert name(data) == name(data)


def test_a_key_that_would_have_to_be_hashed_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a block"):
        keyed(bytes(65), 16)
