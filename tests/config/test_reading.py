"""YAML without its traps: text stays text, hostile files are refused cheaply and with their line (T05)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config.finding import Problem
from engine.config.reading import MAX_BYTES, MAX_DEPTH, MAX_EVENTS, read_yaml

WITNESS = Path(__file__).parent / "t05-witness"


def _nested(depth: int) -> bytes:
    return b"".join(b" " * level + b"a:\n" for level in range(depth))


def _run(code: str) -> list[bytes]:
    """Ways in which a careless loader would run `code`."""
    return [
        f'a: !!python/object/apply:os.system ["{code}"]'.encode(),
        f'!!python/object/apply:subprocess.check_output [["sh", "-c", "{code}"]]'.encode(),
        f'a: !!python/object/new:exec ["{code}"]'.encode(),
        f"a: !!python/name:os.{code.split()[0]}".encode(),
        b"a: !!python/module:os",
        b"!!python/tuple [1, 2]",
        b'a: !<tag:yaml.org,2002:python/object/apply:eval> ["1"]',
        b"%TAG !p! tag:yaml.org,2002:python/\n---\na: !p!name:os.system",
    ]


ATTACKS = {
    **{f"T05-code-{number}": raw for number, raw in enumerate(_run(f"touch {WITNESS}"), 1)},
    "T05-tag": b"a: !secret x",
    "T05-tag-bare": b"a: ! x",
    "T05-tag-binary": b"a: !!binary aGVsbG8=",
    "T05-tag-set": b"a: !!set {x, y}",
    "T05-anchor": b"a: &x 1\n",
    "T05-anchor-on-key": b"&x a: 1\n",
    "T05-alias": b"a: *x\n",
    "T05-alias-bomb": b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n",
    "T05-alias-of-itself": b"a: &a [*a]\n",
    "T05-merge": b"a: {<<: {b: 1}}\n",
    "T05-merge-alias": b"x: &x {b: 1}\na: {<<: *x}\n",
    "T05-duplicate": b"a: 1\nb: 2\na: 3\n",
    "T05-duplicate-deep": b"a:\n  - {b: 1, b: 2}\n",
    "T05-duplicate-quoted": b"a: 1\n'a': 2\n",
    "T05-duplicates": b"a: 1\n" * 9000,
    "T05-second-document": b"a: 1\n---\nb: 2\n",
    "T05-second-document-after-end": b"a: 1\n...\n---\nb: 2\n",
    "T05-directive": b"%YAML 1.1\n---\na: 1\n",
    "T05-complex-key": b"? [a, b]\n: 1\n",
    "T05-complex-key-mapping": b"? {a: b}\n: 1\n",
    "T05-flow-depth": b"[" * 100_000,
    "T05-flow-depth-mapping": b"{a: " * 50_000,
    "T05-flow-depth-keys": b"{" * 100_000,
    "T05-block-depth": _nested(600),
    "T05-block-depth-list": b"- " * 100_000,
    "T05-depth-just-over": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "T05-question-marks": b"? " * 100_000,
    "T05-too-large": b"# padding\n" * (MAX_BYTES // 10 + 1),
    "T05-too-large-line": b"a: " + b"x" * MAX_BYTES,
    "T05-too-many": b"a: [" + b"1," * MAX_EVENTS + b"]\n",
    "T05-too-many-empty": b"a: [" + b",".join([b"[]"] * (MAX_EVENTS // 2)) + b"]\n",
    "T05-utf16": "a: 1\n".encode("utf-16"),
    "T05-utf16le": "a: 1\n".encode("utf-16-le"),
    "T05-utf16be": "a: 1\n".encode("utf-16-be"),
    "T05-utf32": "a: 1\n".encode("utf-32"),
    "T05-latin1": "a: Müller\n".encode("latin-1"),
    "T05-overlong": b"a: \xc0\xaf\n",
    "T05-surrogate": b"a: \xed\xa0\x80\n",
    "T05-nul": b"a: b\0c\n",
    "T05-control": b"a: b\x1b[31mc\n",
    "T05-vertical-tab": b"a: b\x0bc\n",
    "T05-next-line": "a: b\u0085c\n".encode(),
    "T05-line-separator": "a: b\u2028c: d\n".encode(),
    "T05-bidi": "a: b\u202ec\n".encode(),
    "T05-mark-inside": "a: b\ufeffc\n".encode(),
    "T05-tab-indent": b"a:\n\tb: 1\n",
    "T05-open-quote": b"a: '" + b"x" * 1000,
    "T05-open-bracket": b"a: [1, 2\nb: 3\n",
    "T05-reserved": b"a: @x\n",
    "T05-backtick": b"a: `x`\n",
    "T05-colon-in-text": b"a: b: c\n",
    "T05-brace-first": b"key: {A}/{B}\n",
    "T05-bad-escape": b'a: "\\q"\n',
    "T05-empty-key": b"{: 1}\n",
}


def test_T05_there_are_enough_attacks() -> None:
    assert len(ATTACKS) >= 40


@pytest.mark.parametrize("name", ATTACKS)
def test_T05_attack_is_refused_with_its_line_and_at_once(name: str) -> None:
    raw = ATTACKS[name]
    started = time.process_time()
    reading = read_yaml(raw, "channel.yaml")
    spent = time.process_time() - started
    assert reading.data is None
    finding = reading.findings[0]
    assert str(finding).startswith(f"channel.yaml:{finding.line}:{finding.column}: ")
    assert 1 <= finding.line <= raw.count(b"\n") + 1
    assert finding.column >= 1
    assert spent < 0.5, "the specification says 100 ms; five times that of the processor on a busy machine"
    assert not WITNESS.exists()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("NO", "NO"), ("no", "no"), ("yes", "yes"), ("on", "on"), ("true", "true"), ("~", "~"),
        ("null", "null"), ("", ""), ("0123", "0123"), ("010", "010"), ("12:30:45", "12:30:45"),
        ("2.10", "2.10"), ("1e3", "1e3"), ("0x1F", "0x1F"), ("1_000", "1_000"), (".inf", ".inf"),
        ("2026-01-01", "2026-01-01"), ("2026-01-01 10:00:00", "2026-01-01 10:00:00"),
        ("'0123'", "0123"), ('"a\\tb"', "a\tb"), ("S14", "S14"), ("=", "="), ("<", "<"),
    ],
)  # fmt: skip
def test_T05_scalars_stay_the_text_that_was_written(written: str, read: str) -> None:
    assert read_yaml(f"a: {written}\n".encode(), "f").data == {"a": read}
    if written:
        assert read_yaml(f"a: [{written}, x]\n".encode(), "f").data == {"a": [read, "x"]}


def test_keys_stay_text_too() -> None:
    assert read_yaml(b"yes: 1\n2026-01-01: 2\n0123: 3\n", "f").data == {
        "yes": "1",
        "2026-01-01": "2",
        "0123": "3",
    }


def test_byte_order_mark_and_windows_lines_are_read() -> None:
    assert read_yaml(b"\xef\xbb\xbfa: 1\r\nb: [x,\r\n  y]\r\n", "f").data == {"a": "1", "b": ["x", "y"]}


def test_block_text_keeps_its_lines() -> None:
    assert read_yaml(b"a: |\n  MSH|^~\\&|X\n  PID|1\n", "f").data == {"a": "MSH|^~\\&|X\nPID|1\n"}


@pytest.mark.parametrize("raw", [b"", b"# only a comment\n", b"---\n"])
def test_an_empty_file_holds_nothing(raw: bytes) -> None:
    reading = read_yaml(raw, "f")
    assert not reading.findings
    assert reading.data in ({}, "")


def test_positions_lead_to_keys_values_and_into_texts() -> None:
    text = "a:\n  - b: x | nubmer\n    'c d': \"y | nubmer\"\n  - >-\n    z or\n    y | nubmer\n"
    positions = read_yaml(text.encode(), "f.yaml").positions

    def at(problem: Problem) -> str:
        return str(positions.finding(problem)).removesuffix(" no")

    assert at(Problem(("a", 0, "b"), "no", offset=4)) == "f.yaml:2:12:"
    assert at(Problem(("a", 0, "b"), "no", on_key=True)) == "f.yaml:2:5:"
    assert at(Problem(("a", 0, "c d"), "no", offset=4)) == "f.yaml:3:17:"
    assert at(Problem(("a", 0, "c d"), "no", offset=2, on_key=True)) == "f.yaml:3:8:"
    assert at(Problem(("a", 1), "no", offset=2)) == "f.yaml:5:7:"
    assert at(Problem(("a", 1), "no", offset=5)) == "f.yaml:6:5:"
    assert at(Problem(("a", 1), "no", offset=9)) == "f.yaml:6:9:"
    assert at(Problem(("a", 0, "missing", 3), "no")) == "f.yaml:2:5:"
    assert at(Problem(("other",), "no")) == "f.yaml:1:1:"
    assert positions.line(("a", 1)) == 4


_words = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        _words,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=4),
        max_leaves=20,
    ).filter(lambda node: isinstance(node, list | dict))
)
def test_what_is_written_quoted_is_read_back(node: object) -> None:
    def written(part: object) -> str:
        if isinstance(part, list):
            return "[" + ", ".join(map(written, part)) + "]"
        if isinstance(part, dict):
            return "{" + ", ".join(f"{written(key)}: {written(value)}" for key, value in part.items()) + "}"
        return "'" + str(part).replace("'", "''") + "'"

    reading = read_yaml(written(node).encode(), "f")
    if "'<<': " in written(node):
        assert reading.findings
    else:
        assert reading.data == node


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{},&*!|>'\"%@`#? \n\t", max_size=80).map(str.encode))
def test_T05_nothing_makes_it_raise(raw: bytes) -> None:
    reading = read_yaml(raw, "f")
    assert (reading.data is None) == bool(reading.findings)
    assert all(finding.line >= 1 and finding.column >= 1 for finding in reading.findings)
