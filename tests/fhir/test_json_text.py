"""JSON in and out: exact, nothing guessed, no attack that hurts."""

from __future__ import annotations

import contextlib
import json
import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import costing_less_than

from engine.fhir.issues import Rejected
from engine.fhir.json_text import MAX_DEPTH, Number, Twice, dump, load


@pytest.mark.parametrize(
    "text", ["1.10", "0.0", "-0", "-0.00", "1e2", "1E+2", "12.50", "1240.00", "0.000001", "2", "-7", "1e-7"]
)
def test_numbers_keep_their_text(text: str) -> None:
    """F20."""
    body = f'{{"a":{text}}}'.encode()
    value = load(body)["a"]
    assert dump({"a": value}).decode() == body.decode()
    assert value == Decimal(text)


def test_a_number_shows_nothing_and_travels() -> None:
    value = load(b'{"a":1.10}')["a"]
    assert isinstance(value, Number)
    assert "1" not in repr(value)
    again = pickle.loads(pickle.dumps(value))
    assert (str(again), again) == ("1.10", value)
    assert value + 1 == Decimal("2.10")


BAD = {
    "NaN (F19)": b'{"a": NaN}',
    "Infinity (F19)": b'{"a": -Infinity}',
    "2e400 (F19)": b'{"a": 2e400}',
    "exponent": b'{"a": 1e999999999999999999999}',
    "many digits": b'{"a": ' + b"9" * 100_000 + b"}",
    "many decimals": b'{"a": 0.' + b"1" * 100_000 + b"}",
    "plus sign": b'{"a": +1}',
    "leading zero": b'{"a": 01}',
    "hexadecimal": b'{"a": 0x10}',
    "bare point": b'{"a": 1.}',
    "single quotes": b"{'a': 1}",
    "comment": b'{"a": 1 /* */}',
    "a name twice, and cut off": b'{"a":1,"b":{"c":1,"c":2},',
    "a name twice, in an array that is not closed": b'[{"a":1,"a":2}',
    "trailing comma": b'{"a": 1,}',
    "two values": b'{"a": 1} {"b": 2}',
    "empty": b"",
    "blank": b"  \n ",
    "an array": b'[{"a": 1}]',
    "a string": b'"a"',
    "null": b"null",
    "cut off": b'{"a": "b',
    "cut off in an escape": b'{"a": "\\',
    "raw control character": b'{"a": "\x01"}',
    "raw newline": b'{"a": "\n"}',
    "raw NUL": b'{"a": "\x00"}',
    "wrong escape": b'{"a": "\\x41"}',
    "half a surrogate": b'{"a": "\\ud800"}',
    "half a surrogate in a name": b'{"\\udc00": 1}',
    "surrogates the wrong way round": b'{"a": "\\udc00\\ud800"}',
    "encoded surrogate": b'{"a": "\xed\xa0\x80"}',
    "Latin-1": '{"a": "Müller"}'.encode("latin-1"),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-16LE": '{"a": 1}'.encode("utf-16-le"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "UTF-8 with a mark": b'\xef\xbb\xbf{"a": 1}',
    "overlong": b'{"a": "\xc0\xaf"}',
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        load(body)
    assert refused.value.status == 400
    assert refused.value.issues[0].code in ("structure", "value")


def test_where_it_is_wrong_is_told() -> None:
    with pytest.raises(Rejected, match="line 3, column 7"):
        load(b'{\n "a": 1,\n "b": JaneDoe\n}')


@pytest.mark.parametrize("depth", [1_000, 100_000, 500_000])
@pytest.mark.parametrize("unit", [b'{"a":', b"[", b'{"a":[', b'["\\"[",['])
def test_nesting_is_refused_before_it_hurts(depth: int, unit: bytes) -> None:
    """F28: less than 100 ms."""
    with costing_less_than(0.1), pytest.raises(Rejected, match="nested deeper"):
        load(b'{"x":' + unit * depth)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 400_000 + b"]" * 400_000,
        (b"[" * 65 + b"]" * 65 + b",") * 5_000,
        b'{"a":[1,[2],' * 80_000,
        b"[[]," * 250_000,
    ],
)
def test_other_shapes_of_nesting_cost_no_more(body: bytes) -> None:
    """F28."""
    with costing_less_than(0.1), pytest.raises(Rejected, match="nested deeper"):
        load(b'{"x":[' + body + b"]}")


def test_nesting_is_counted_as_it_is() -> None:
    inner = b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)
    assert load(b'{"a":' + inner + b"}")
    with pytest.raises(Rejected, match="nested deeper"):
        load(b'{"a":[' + inner + b"]}")
    wide = b'{"a":[' + b",".join([b'{"b":["]}\\"[{"]}'] * 500) + b"]}"
    assert len(load(wide)["a"]) == 500
    assert load(b'{"a":"' + b"[{" * 5_000 + b'"}')


def test_quotes_that_never_close_cost_no_time() -> None:
    for body in (b'{"a":[' * 100 + b'\\"' * 500_000, b'{"a":' + b"[" * 70 + b'"' + b"\\" * 1_000_001):
        with costing_less_than(0.25), pytest.raises(Rejected):
            load(body)


@pytest.mark.parametrize(
    ("body", "steps"),
    [
        (b'{"a":1,"a":1}', ("a",)),
        (b'{"resourceType":"Patient","b":[1,{"c":{"d":1,"e":2,"d":1}}]}', ("b", 1, "c", "d")),
        (b'{"a":1,"\\u0061":2}', ("a",)),
    ],
)
def test_a_name_that_stands_twice(body: bytes, steps: tuple[str | int, ...]) -> None:
    """F21."""
    with pytest.raises(Twice) as twice:
        load(body)
    assert twice.value.steps == steps


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(_texts, _values, max_size=4))
def test_what_is_written_is_read(value: dict[str, object]) -> None:
    written = dump(value)
    assert load(written) == value == json.loads(written)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4))
def test_decimals_are_exact(value: Decimal) -> None:
    body = f'{{"a":{value:f}}}'.encode()
    assert dump(load(body)) == body


@given(st.binary(max_size=60) | _texts.map(str.encode))
def test_never_anything_but_an_object_or_a_refusal(body: bytes) -> None:
    with contextlib.suppress(Rejected, Twice):
        assert isinstance(load(body), dict)
