"""Splitting files into messages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.files import split_messages

ONE = b"MSH|^~\\&|A|B|||T||ADT^A01|1|P|2.5\rPID|1\rNTE|1||MSH is a word\r"
TWO = b"MSH$%~\\&$A$B$$$T$$ADT%A01$2$P$2.5\rPID$1\r"
CORPUS = Path(os.environ.get("WARDLINE_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))


@pytest.mark.parametrize(
    "data",
    [
        ONE + TWO,
        (ONE + TWO).replace(b"\r", b"\n"),
        (ONE + TWO).replace(b"\r", b"\r\n"),
        b"\xef\xbb\xbf" + ONE + b"\r\n\n" + TWO.rstrip(),
        b"\xef\xbb\xbf" + ONE + b"\xef\xbb\xbf" + TWO,
        b"\x0b" + ONE + b"\x1c\r\x0b" + TWO + b"\x1c\r",
        b"\x0b" + ONE + b"\x1c\x0b" + TWO + b"\x1c",
        b"\x0b" + ONE + b"\x1c\n\n\x0b\xef\xbb\xbf" + TWO + b"\x1c",
        b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + ONE + TWO + b"BTS|2\rFTS\r",
        b"FHS|^~\\&|A\n"
        + ONE.replace(b"\r", b"\n")
        + b"BTS|1\nBHS|^~\\&\n"
        + TWO
        + b"BTS|1|a comment\nFTS|2",
        b"a note before\n" + ONE + b"BTS|1\rafter the batch\r" + TWO,
    ],
    ids=[
        "cr",
        "lf",
        "crlf",
        "bom-blank",
        "two-boms",
        "framed",
        "no-cr",
        "framed-bom",
        "batch",
        "batches",
        "outside",
    ],
)
def test_two_messages_however_they_are_kept(data: bytes) -> None:
    assert split_messages(data) == [ONE, TWO]


@pytest.mark.parametrize("data", [b"", b"\r\n", b"PID|1\r", b"MSHA\r", b"{}", b"FHS|^~\\&\rFTS|0\r"])
def test_no_message(data: bytes) -> None:
    assert split_messages(data) == []


def test_framing_bytes_inside_text_stay() -> None:
    message = b"MSH|^~\\&|\rNTE|1||a\x0bb\x1cc\r"
    assert split_messages(message) == [message]


@given(st.lists(st.sampled_from([b"MSH|x", b"PID|1", b"\r", b"\n", b"\x0b", b"\x1c", b"BTS", b"a"])))
def test_splitting_again_changes_nothing(parts: list[bytes]) -> None:
    once = split_messages(b"".join(parts))
    assert split_messages(b"".join(once)) == once


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the public sample corpus is not beside the checkout")
def test_no_header_of_the_corpus_is_lost() -> None:
    files = [path for path in (CORPUS / "hl7v2").rglob("*") if path.suffix == ".hl7"]
    assert files
    for path in files:
        data = path.read_bytes()
        lines = data.replace(b"\x0b", b"\r").replace(b"\xef\xbb\xbf", b"").replace(b"\n", b"\r").split(b"\r")
        headers = [line for line in lines if line[:3] == b"MSH" and not line[3:4].isspace() and line[3:]]
        assert len(split_messages(data)) == len(headers), path.name
