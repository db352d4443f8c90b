"""The search finds a canary however it is spelled, and nothing that is none."""

from __future__ import annotations

import base64
import gzip
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.proof.canaries import Canaries
from engine.proof.search import Search, leaks

SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "lower case": bytes.lower,
    "as a name": bytes.capitalize,
    "backwards": lambda text: text[::-1],
    "utf-16": lambda text: text.decode().encode("utf-16"),
    "utf-16 big end": lambda text: text.decode().encode("utf-16-be"),
    "utf-32": lambda text: text.decode().encode("utf-32"),
    "url": lambda text: "".join(f"%{byte:02X}" for byte in text).encode(),
    "json": lambda text: "".join(f"\\u{byte:04x}" for byte in text).encode(),
    "python": lambda text: "".join(f"\\x{byte:02x}" for byte in text).encode(),
    "html": lambda text: "".join(f"&#x{byte:x};" for byte in text).encode(),
    "html, decimal": lambda text: "".join(f"&#{byte};" for byte in text).encode(),
    "hex": lambda text: text.hex().encode(),
    "hex, capitals, blanks": lambda text: text.hex(" ").upper().encode(),
    "hex, colons": lambda text: text.hex(":").encode(),
    "base64": lambda text: base64.b64encode(b"\x00" + text + b"\x00"),
    "base64, one off": lambda text: base64.b64encode(b"^" + text + b"^"),
    "base64, two off": lambda text: base64.b64encode(b"^^" + text + b"^"),
    "base64 of small letters": lambda text: base64.b64encode(b"\x01" + text.lower()),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(b"\xff\xfe" + text + b"\xff\xfe\xfd"),
    "gzip": gzip.compress,
}


@pytest.mark.parametrize("spelled", SPELLINGS)
@pytest.mark.parametrize("passes", [False, True], ids=["identifying", "passing"])
@pytest.mark.parametrize("digits", [False, True], ids=["word", "digits"])
def test_it_finds_every_spelling(spelled: str, digits: bool, passes: bool) -> None:
    canaries = Canaries(7)
    canaries.word("another")
    text = (canaries.digits if digits else canaries.word)("PID-5", passes=passes)
    noise = random.Random(3).randbytes(1 << 16)
    blob = noise + b"\x00something=" + SPELLINGS[spelled](text.encode()) + b" or other\x00" + noise
    assert Search(canaries).places_in(blob) == {"PID-5"}


@pytest.mark.parametrize("before", range(0, 2000, 97))
def test_wherever_in_a_large_file_it_stands(before: int) -> None:
    canaries = Canaries()
    text = canaries.word("PID-5").encode()
    blob = bytes((1 << 18) - 1000 + before) + text.hex().encode() + bytes(300_000)
    assert Search(canaries).places_in(blob) == {"PID-5"}


def test_random_bytes_hold_none() -> None:
    assert leaks(random.Random(1).randbytes(4_000_000)) == set()


@given(st.integers(0, 2**64), st.integers(1, 50))
def test_the_same_seed_makes_the_same_and_each_is_its_own(seed: int, count: int) -> None:
    one, same = Canaries(seed), Canaries(seed)
    texts = [one.word(f"place {number}") for number in range(count)]
    assert texts == [same.word("x") for _ in range(count)]
    assert len(set(texts)) == count
    assert [one.place_of(text) for text in texts] == list(one.places())


def test_another_seed_makes_others() -> None:
    assert Canaries(1).word("x") != Canaries(2).word("x")


def test_what_was_never_made_is_told_as_it_stands() -> None:
    assert Search(Canaries()).places_in(b"ZQXW00000000WXQZ") == {"ZQXW00000000WXQZ"}
