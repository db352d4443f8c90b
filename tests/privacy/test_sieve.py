"""What the sieve lets through, reading the whole message lets through as well: it only saves the reading."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from corpus_messages import CORPUS, all_messages
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Unacceptable
from engine.hl7.document import Document
from engine.privacy.harvest import Harvester
from engine.privacy.matching import Identities
from engine.privacy.policy import Policy

HARVESTER = Harvester(Policy())
MESSAGE = (
    "MSH|^~\\&|A|HOSP|W|HOSP|20261121||DFT^P03|C1|P|2.5.1\r"
    "PID|1||0012345678^^^HOSP^MR~T77^^^B^PI||Mueller^Li^Bo||19700109|F|||1 Elm Road^^Littleton^^90210||"
    "(555) 010-0199^^^li@home.example||S|||ACC-4711\r"
    "PV1|1|I|ICU||||1234^HOUSEMAN^GREGORIA\r"
    "FT1|1|T998877||20261121||CG|270001^Lap chole^L||note\r"
)
SAMPLE = Identities(HARVESTER.of(Document.parse(MESSAGE.encode())))
PARTS = st.sampled_from(
    ["12345678", "0123", "T77", "Mueller", "muller", "Li", "Bo", "BO", "1970", "01", "09", "Jan", "Elm",
     "Littleton", "90210", "555", "010", "0199", "home", "ACC", "4711", "GREG", "ORIA", "998877", "270001",
     "ICU", "LOT", "x", "7", "-", " ", "/", ".", "_"]
)  # fmt: skip


@given(st.lists(PARTS, min_size=1, max_size=5).map("".join))
def test_what_is_clear_holds_nothing(text: str) -> None:
    if HARVESTER.sieve.clear(MESSAGE.encode(), [text]):
        assert SAMPLE.row_in(text) == ""


@pytest.mark.parametrize("text", ["270001", "ICU", "LOT99", "WH/Stock", "SVC-9", "B7"])
def test_codes_are_clear(text: str) -> None:
    assert HARVESTER.sieve.clear(MESSAGE.encode(), [text])


@pytest.mark.parametrize(
    "text",
    ["12345678", "Mueller", "Muller", "9 Jan 1970", "09011970", "90210", "5550100199", "acc4711",
     "0012345678", "01.09.70", "M%C3%BCller", "Müller", "x" * 24],
)  # fmt: skip
def test_doubt_is_no_clearance(text: str) -> None:
    assert not HARVESTER.sieve.clear(MESSAGE.encode(), [text])


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout")
def test_over_the_corpus_nothing_that_identifies_is_cleared() -> None:
    """Every word of a message, compared with the message both ways."""
    dice, cleared = random.Random(7), 0
    for message in all_messages():
        with suppress(Unacceptable):
            known = Identities(HARVESTER.of(Document.parse(message.raw, default_charset="latin-1")))
            words = message.raw.decode("latin-1").replace("^", "|").replace("\r", "|").split("|")
            for word in dice.sample(words, min(30, len(words))):
                if HARVESTER.sieve.clear(message.raw, [word]):
                    cleared += 1
                    assert known.row_in(word) == "", message.name
    assert cleared > 1_000
