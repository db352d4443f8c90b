"""Token text (spec: PHI, section 5.1): format, check characters (P09), randomness (P11)."""

from __future__ import annotations

import itertools
import os
import random
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.privacy.tokens import ALPHABET, DOMAINS, mint, parse

FORMAT = re.compile(r"^t1[a-z]_[0-9abcdefghjkmnpqrstvwxyz]{28}$")


def dice(seed: int):
    return random.Random(seed).randbytes


@given(st.sampled_from(sorted(DOMAINS.values())), st.binary(min_size=26, max_size=26))
def test_a_minted_token_has_the_format_and_passes_its_check(domain: str, bits: bytes) -> None:
    (text,) = mint(domain, bits)
    assert FORMAT.fullmatch(text)
    assert len(text) == 32
    token = parse(text)
    assert token is not None
    assert (token.domain, token.text) == (domain, text)


def test_all_128_bits_are_in_the_text() -> None:
    bits = [(place, bit) for place in range(26) for bit in range(5 if place else 3)]
    texts = {mint("p", bytes(1 << bit if at == place else 0 for at in range(26)))[0] for place, bit in bits}
    assert len(texts) == 128


def test_a_token_minted_before_is_one_still() -> None:
    text = "t1p_0z8w4kq6m2xj9r5tc1yvg3ndhb@@"  # its check characters are the CRC-10 of all before
    crc = 0
    for value in (ord("p") - 97, *_tens(text[4:30])):
        crc = _remainder(crc ^ value)
    whole = text[:30] + ALPHABET[crc >> 5] + ALPHABET[crc & 31]
    assert parse(whole) is not None


def _tens(body: str) -> list[int]:
    values = [ALPHABET.index(letter) for letter in body]
    return [high << 5 | low for high, low in zip(values[::2], values[1::2], strict=True)]


def _remainder(value: int) -> int:
    """Of ten bits, shifted up by ten, by x^10+x^9+x^5+x^4+x+1."""
    value <<= 10
    for bit in range(19, 9, -1):
        value ^= (0x633 << bit - 10) if value >> bit & 1 else 0
    return value


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    bits = dice(3)(26 * 50)
    assert mint("a", bits) == [mint("a", bits[at : at + 26])[0] for at in range(0, len(bits), 26)]
    assert mint("a", b"") == []


def test_domains_have_letters_of_their_own() -> None:
    assert len(set(DOMAINS.values())) == len(DOMAINS)
    assert DOMAINS["person"] == "p"


@pytest.mark.parametrize("domain", sorted(DOMAINS.values()))
def test_P09_every_single_wrong_character_is_refused(domain: str) -> None:
    (text,) = mint(domain, dice(9)(26))
    for at in range(len(text)):
        for wrong in string.printable:
            if wrong != text[at]:
                assert parse(text[:at] + wrong + text[at + 1 :]) is None


def test_P09_every_swap_of_neighbours_is_refused() -> None:
    for seed in range(200):
        (text,) = mint("v", dice(seed)(26))
        for at in range(len(text) - 1):
            swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
            assert swapped == text or parse(swapped) is None


def test_P09_every_two_different_neighbours_at_every_place_are_told_from_their_swap() -> None:
    for at in range(1, 25):
        around = dice(at)(26)
        for first, second in itertools.permutations(range(32), 2):
            (text,) = mint("p", around[:at] + bytes([first, second]) + around[at + 2 :])
            pair = ALPHABET[first] + ALPHABET[second]
            assert text[4 + at : 6 + at] == pair
            assert parse(text[: 4 + at] + pair[::-1] + text[6 + at :]) is None


@given(st.text(max_size=40))
def test_anything_else_is_no_token(text: str) -> None:
    assert parse(text) is None


def test_a_token_is_nothing_but_itself() -> None:
    (text,) = mint("p", dice(1)(26))
    for spoiled in (text.upper(), text + "\n", " " + text, text[:4] + "8" + text[5:]):
        assert parse(spoiled) is None


def test_P11_a_million_tokens_are_random_at_every_position() -> None:
    amount = 1_000_000
    texts = [text[4:] for text in mint("p", os.urandom(26 * amount))]
    texts.sort()
    pairs = itertools.pairwise(texts)
    assert not any(one[:12] == other[:12] for one, other in pairs)  # 58 bits: by chance 2e-6
    whole = "".join(texts)
    for at in range(28):
        column = whole[at::28]
        letters = ALPHABET[:8] if at == 0 else ALPHABET  # 128 bits are three bits and 25 characters
        seen = {letter: column.count(letter) for letter in letters}
        assert sum(seen.values()) == amount
        expected = amount / len(letters)
        chi_square = sum((seen[letter] - expected) ** 2 / expected for letter in letters)
        assert chi_square < 90, f"position {at}"  # 31 degrees of freedom: chance 1e-7
