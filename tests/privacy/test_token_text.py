"""Token text (spec: PHI, section 5.1): format, check characters (P09), randomness (P11)."""

from __future__ import annotations

import itertools
import os
import random
import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.privacy.tokens import ALPHABET, DOMAINS, mint, parse

FORMAT = re.compile(r"^t1[a-z]_[0-9abcdefghjkmnpqrstvwxyz]{28}$")


def dice(seed: int):
    return random.Random(seed).randbytes


@given(st.sampled_from(sorted(DOMAINS.values())), st.binary(min_size=16, max_size=16))
def test_a_minted_token_has_the_format_and_passes_its_check(domain: str, bits: bytes) -> None:
    text = mint(domain, bits)
    assert FORMAT.fullmatch(text)
    assert len(text) == 32
    token = parse(text)
    assert token is not None
    assert (token.domain, token.text) == (domain, text)


def test_all_128_bits_are_in_the_text() -> None:
    texts = {mint("p", (1 << bit).to_bytes(16, "big")) for bit in range(128)}
    assert len(texts) == 128


def test_domains_have_letters_of_their_own() -> None:
    assert len(set(DOMAINS.values())) == len(DOMAINS)
    assert DOMAINS["person"] == "p"


@pytest.mark.parametrize("domain", sorted(DOMAINS.values()))
def test_P09_every_single_wrong_character_is_refused(domain: str) -> None:
    text = mint(domain, dice(9)(16))
    for at in range(len(text)):
        for wrong in string.printable:
            if wrong != text[at]:
                assert parse(text[:at] + wrong + text[at + 1 :]) is None


def test_P09_every_swap_of_neighbours_is_refused() -> None:
    for seed in range(200):
        text = mint("v", dice(seed)(16))
        for at in range(len(text) - 1):
            swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
            assert swapped == text or parse(swapped) is None


def test_P09_every_two_different_neighbours_at_every_place_are_told_from_their_swap() -> None:
    for at in range(1, 25):
        shift = 5 * (24 - at)
        around = int.from_bytes(dice(at)(16), "big") & ~(0x3FF << shift)
        for first, second in itertools.permutations(range(32), 2):
            bits = around | (first << 5 | second) << shift
            text = mint("p", bits.to_bytes(16, "big"))
            pair = ALPHABET[first] + ALPHABET[second]
            assert text[4 + at : 6 + at] == pair
            assert parse(text[: 4 + at] + pair[::-1] + text[6 + at :]) is None


@given(st.text(max_size=40))
def test_anything_else_is_no_token(text: str) -> None:
    assert parse(text) is None


def test_a_token_is_nothing_but_itself() -> None:
    text = mint("p", dice(1)(16))
    for spoiled in (text.upper(), text + "\n", " " + text, text[:4] + "8" + text[5:]):
        assert parse(spoiled) is None


def test_P11_tokens_are_random_at_every_position() -> None:
    amount = 30_000
    texts = [mint("p", os.urandom(16))[4:] for _ in range(amount)]
    assert len(set(texts)) == amount
    for at in range(28):
        seen = Counter(text[at] for text in texts)
        letters = ALPHABET[:8] if at == 0 else ALPHABET  # 128 bits are three bits and 25 characters
        assert set(seen) <= set(letters)
        expected = amount / len(letters)
        chi_square = sum((seen[letter] - expected) ** 2 / expected for letter in letters)
        assert chi_square < 90, f"position {at}"  # 31 degrees of freedom: chance 1e-7
