"""Target: the stream's bytes, in arbitrary portions, through `mllp.framing.Decoder`.

The last four bytes choose the limits and the lengths of the portions, in turn; the rest is the stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from fuzz.naive_decoder import NaiveDecoder, plain
from mllp.framing import MAX_HEAD, Decoder, Fault, Partial, Piece, TooLong, encode

__all__ = ["check"]

LIMITS = ((40, 12), (5, 60), (200, 3), (4096, 4096))
UNDECIDED = 3  # bytes a decoder may hold back: a start byte and what may be the beginning of MSH


def check(data: bytes) -> None:
    """However a stream is split: the same pieces, those of the naive machine, within the limits."""
    stream, options = data[:-4] + b".", data[-4:].rjust(4, b"\0")
    max_frame, max_noise = LIMITS[options[0] % len(LIMITS)]
    split, whole = Decoder(max_frame, max_noise), Decoder(max_frame, max_noise)
    pieces: list[Piece] = []
    for portion in portions(stream, options[1:]):
        pieces += split.receive(portion)
        held, kept = len(split._held), split._frame.getbuffer().nbytes
        assert held <= UNDECIDED, "more bytes are held back than can matter"
        assert kept <= max_frame, "more is kept than the limit"
    assert plain(pieces) == plain(whole.receive(stream)), "the pieces depend on the portions"
    assert plain(pieces) == NaiveDecoder(max_frame, max_noise).read(stream).out, "not what the rules say"
    assert (split.counts, split.begun, split.inside) == (whole.counts, whole.begun, whole.inside)
    for piece in set(pieces):
        check_piece(piece, max_frame, max_noise)


def check_piece(piece: Piece, max_frame: int, max_noise: int) -> None:
    """A piece is within its limit, and a whole message survives being sent on."""
    match piece:
        case bytes():
            assert len(piece) <= max_frame
            assert Decoder(max_frame, max_noise).receive(encode(piece)) == [piece]
        case Partial(kept):
            assert 0 < len(kept) <= max_frame
        case TooLong(head):
            assert len(head) <= MAX_HEAD
            assert b"\r" not in head
            assert b"\n" not in head
        case _:
            assert isinstance(piece, Fault)


def portions(stream: bytes, lengths: bytes) -> Iterator[bytes]:
    """The stream in pieces of these lengths, again and again; 0 is 256."""
    at, turn = 0, cycle(lengths)
    while at < len(stream):
        length = next(turn) or 256
        yield stream[at : at + length]
        at += length
