"""Every file of the public sample corpus, each message and each whole file: read or refused, every leaf of it
within a second of CPU for each megabyte, and what is written again reads the same.
"""

from __future__ import annotations

import time
from collections import Counter

import pytest
from corpus_messages import CORPUS, all_messages, corpus_files

from engine.errors import Unacceptable
from engine.hl7.batch import read_batch
from engine.hl7.document import Document
from engine.hl7.quirks import odd
from engine.hl7.tree import leaves

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout"),
]

FLOOR = 0.005  # seconds of CPU that the clock's grain and a cold cache may cost, whatever the size


def given() -> list[tuple[str, bytes]]:
    """Every message, and as it is every file that is not one message alone."""
    messages = all_messages()
    alone = {one.raw for one in messages}
    files = [(name, data) for name, data in corpus_files() if data not in alone]
    return [(one.name, one.raw) for one in messages] + files


def read(raw: bytes) -> Document | None:
    """All that can be asked of it; None when it is refused."""
    try:
        document = Document.parse(raw)
    except Unacceptable:
        return None
    assert all(leaf.path for leaf in leaves(document))
    odd(document)
    document.encode()
    return document


def test_each_is_read_or_refused_within_a_second_a_megabyte() -> None:
    counted: Counter[str] = Counter()
    slow = []
    for name, raw in given():
        allowed = FLOOR + len(raw) / 1_000_000
        if all(_seconds(raw) > allowed for _ in range(3)):
            slow.append((name, len(raw)))
        counted["refused" if read(raw) is None else "read"] += 1
        read_batch(raw, 1 << 24)
    print(f"\n{dict(counted)}")
    assert slow == []
    assert counted["read"] > 500


def _seconds(raw: bytes) -> float:
    started = time.process_time()
    read(raw)
    return time.process_time() - started


def test_what_is_written_reads_the_same() -> None:
    counted = 0
    for name, raw in given():
        if (document := read(raw)) is None:
            continue
        written = document.encode()
        again = Document.parse(
            written, default_charset=document.codec if "undeclared_8bit" in document.quirks else ""
        )
        assert list(again.segments()) == list(document.segments()), name
        assert list(leaves(again)) == list(leaves(document)), name
        assert again.encode() == written, name
        counted += 1
    assert counted > 500
