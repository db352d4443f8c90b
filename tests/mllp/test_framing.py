"""The decoder, against a naive machine that reads one byte at a time (T01 in miniature)."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fuzz.naive_decoder import NaiveDecoder, plain
from mllp.framing import Decoder, Fault, Partial, TooLong, encode

B1 = b"MSH|^~\\&|EHR|HOSP|ENG|STORE|20261121120000||DFT^P03|C1|P|2.5\rPID|1||77\r"
MAX_FRAME, MAX_NOISE = 40, 12


def decode(decoder: Decoder, *portions: bytes) -> list[Any]:
    return [piece for portion in portions for piece in decoder.receive(portion)]


def test_a_frame_is_what_was_encoded() -> None:
    assert encode(b"MSH|") == b"\x0bMSH|\x1c\r"
    assert decode(Decoder(), encode(B1)) == [B1]


def test_a03_many_frames_in_one_portion() -> None:
    frames = [B1.replace(b"C1", b"C%d" % n) for n in range(1, 51)]
    assert decode(Decoder(), b"".join(map(encode, frames))) == frames


def test_a02_one_byte_at_a_time() -> None:
    assert decode(Decoder(), *(bytes([byte]) for byte in encode(B1))) == [B1]


def test_a05_noise_is_skipped_and_counted() -> None:
    decoder = Decoder()
    noise = bytes(range(0x0C, 0x100)) * 4
    assert decode(decoder, noise[:500], noise[500:] + encode(B1)) == [B1]
    assert decoder.counts == {"noise_bytes": len(noise)}


def test_a06_a_missing_cr_is_known_and_can_be_done_without() -> None:
    decoder = Decoder()
    assert decode(decoder, encode(B1)[:-1]) == []
    assert decoder.awaiting_cr
    assert decoder.inside
    assert decoder.finish() == [B1]
    assert not decoder.inside
    assert decoder.counts == {"cr_missing": 1}


def test_a07_the_next_start_byte_ends_a_frame() -> None:
    decoder = Decoder()
    assert decode(decoder, encode(B1)[:-1] + encode(B1)) == [B1, B1]
    assert decoder.counts == {"cr_missing": 1}


def test_a08_a_restart_gives_the_partial() -> None:
    decoder = Decoder()
    assert decode(decoder, b"\x0bMSH|^~\\&|EHR" + encode(B1)) == [Partial(b"MSH|^~\\&|EHR"), B1]
    assert decoder.counts == {"restarted_frames": 1}


def test_a09_a_start_byte_in_text_is_data() -> None:
    decoder, message = Decoder(), B1 + b"NTE|1||one\x0btwo\x0bMS|\x0b\r"
    assert decode(decoder, encode(message)) == [message]
    assert decoder.counts == {"vt_in_data": 3}


def test_a10_an_end_byte_in_text_is_data() -> None:
    decoder, message = Decoder(), B1 + b"NTE|1||one\x1cAtwo\r"
    assert decode(decoder, encode(message)) == [message]
    assert decoder.counts == {"fs_in_data": 1}


def test_a_message_may_end_in_an_end_byte() -> None:
    assert decode(Decoder(), b"\x0bMSH|\x1c\x1c\r") == [b"MSH|\x1c"]


def test_lf_instead_of_cr() -> None:
    decoder = Decoder()
    assert decode(decoder, b"\x0b" + B1 + b"\x1c\n" + encode(B1)) == [B1, B1]
    assert decoder.counts == {"lf_instead_of_cr": 1}


@pytest.mark.parametrize("message", [b"\xef\xbb\xbf" + B1, b"\r\n" + B1 + b"\r\n", B1.replace(b"\r", b"\n")])
def test_a66_a18_raw_bytes_are_untouched(message: bytes) -> None:
    assert decode(Decoder(), encode(message)) == [message]


def test_a13_oversize_keeps_the_first_segment_only() -> None:
    decoder = Decoder(max_frame=1000)
    message = B1 + b"x" * 1000
    assert decode(decoder, encode(message)) == [TooLong(B1.split(b"\r")[0]), Fault.SKIPPED]
    assert decoder.counts == {"oversize_frames": 1}
    assert decode(decoder, encode(B1)) == []


def test_a13_oversize_without_a_readable_first_segment() -> None:
    assert decode(Decoder(max_frame=10_000), b"\x0b" + b"y" * 20_000) == [TooLong(b"")]


def test_a_restart_ends_an_oversize_message_too() -> None:
    decoder = Decoder(max_frame=100)
    assert decode(decoder, b"\x0bMSH|1\r" + b"x" * 100 + encode(B1)) == [TooLong(b"MSH|1"), Fault.SKIPPED]


def test_a_frame_of_the_limit_passes() -> None:
    assert decode(Decoder(max_frame=len(B1)), encode(B1)) == [B1]
    assert decode(Decoder(max_frame=len(B1)), encode(B1)[:9], encode(B1)[9:]) == [B1]


def test_a68_too_much_noise_ends_it() -> None:
    decoder = Decoder(max_noise=100)
    assert decode(decoder, b"GET / HTTP/1.1\r\n" * 7) == [Fault.NOISE]
    assert decode(decoder, encode(B1)) == []


def test_content_has_no_voice() -> None:
    assert "DOE" not in repr([Partial(b"DOE"), TooLong(b"DOE")])


def test_trickled_bytes_cost_the_same_each() -> None:
    def seconds(size: int) -> float:
        decoder, data = Decoder(), b"\x0b" + b"z" * size
        portions = [data[at : at + 1] for at in range(len(data))]
        started = time.process_time()
        for portion in portions:
            decoder.receive(portion)
        return time.process_time() - started

    assert seconds(160_000) < 40 * seconds(20_000)  # eight times the bytes; quadratic would be 64


WORDS = [b"\x0b", b"\x1c", b"\r", b"\n", b"M", b"MSH", b"MSH|", b"S", b"H", b"a" * 9, b"\x1c\r"]
ALPHABET = st.sampled_from(WORDS)
STREAMS = st.one_of(
    st.lists(ALPHABET, max_size=40).map(b"".join),
    st.binary(max_size=120),
    st.lists(st.one_of(st.binary(max_size=45).map(encode), ALPHABET), max_size=8).map(b"".join),
)


@given(STREAMS, st.lists(st.integers(0, 200), max_size=30))
@settings(max_examples=1500, deadline=None, derandomize=True)
@example(b"\x0b\x0bMS", [1, 2, 3])
def test_t01_no_difference_to_the_naive_machine(stream: bytes, cuts: list[int]) -> None:
    stream += b"."  # decides what a start byte at the very end is
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    portions = [stream[low:high] for low, high in itertools.pairwise(edges)]
    expected = NaiveDecoder(MAX_FRAME, MAX_NOISE).read(stream).out
    whole, split = Decoder(MAX_FRAME, MAX_NOISE), Decoder(MAX_FRAME, MAX_NOISE)
    assert plain(decode(split, *portions)) == expected
    assert plain(decode(whole, stream)) == expected
    assert whole.counts == split.counts
