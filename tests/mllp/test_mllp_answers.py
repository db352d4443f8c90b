"""What a sender reads from messages and answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllp.answers import control_id, read_answer


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"MSH|^~\\&|A|B|C|D|T||ADT^A01|C1|P|2.5\rPID|1\r", b"C1"),
        (b"MSH|^~\\&|A|B|C|D|T||ADT^A01|C1", b"C1"),
        (b"MSH$%~\\&$A$B$C$D$T$$ADT%A01$C|1$P$2.5\nPID$1\n", b"C|1"),
        (b"\xef\xbb\xbf\r\nMSH|^~\\&|||||||| A\\T\\B 1|", b" A\\T\\B 1"),
        (b"MSH|^~\\&|A|B\rPID|||||||||X\r", b""),
        (b"PID|1||||||||X", b""),
        (b"MSH", b""),
        (b"", b""),
    ],
)
def test_control_id(message: bytes, expected: bytes) -> None:
    assert control_id(message) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"MSH|^~\\&|||||||ACK|N|P|2.5\rMSA|AA|C1\r", ("AA", b"C1")),
        (b"MSH|^~\\&|||||||ACK|N|P|2.5\nSFT|x\nMSA|CR|C1|text\nERR|\n", ("CR", b"C1")),
        (b"MSH$%~\\&$$$$$$$ACK$N$P$2.5\rMSA$AE$C|1\r", ("AE", b"C|1")),
        (b"MSH|^~\\&|||||||ACK|N|P|2.5\rMSA|AA\r", ("AA", b"")),
        (b"MSH|^~\\&|||||||ACK|N|P|2.5\rMSA|OK|C1\r", ("", b"C1")),
        (b"MSH|^~\\&|||||||ACK|N|P|2.5\rMSA\r", ("", b"")),
        (b"MSH|^~\\&|||||||ADT|N|P|2.5\rPID|AA|C1\r", ("", b"")),
        (b"MSA|AA|C1\r", ("", b"")),
        (b"", ("", b"")),
    ],
)
def test_read_answer(answer: bytes, expected: tuple[str, bytes]) -> None:
    assert read_answer(answer) == expected


@given(st.binary())
def test_any_bytes_can_be_read(data: bytes) -> None:
    control_id(b"MSH" + data)
    assert read_answer(b"MSH|\rMSA|" + data)[0] in {"", *(a + b for a in "AC" for b in "AER")}
