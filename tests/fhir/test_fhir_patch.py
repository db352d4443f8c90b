"""JSON Patch (RFC 6902), its examples and its limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fhir.issues import Rejected
from engine.fhir.json_text import MAX_DEPTH
from engine.fhir.patch import patch, read_operations


@pytest.mark.parametrize(
    ("document", "operations", "after"),
    [
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
        (
            {"foo": ["bar", "baz"]},
            [{"op": "add", "path": "/foo/1", "value": "q"}],
            {"foo": ["bar", "q", "baz"]},
        ),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["a", "b", "c"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["a", "c"]}),
        ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
        (
            {"foo": {"bar": "baz", "w": "f"}, "qux": {"c": "g"}},
            [{"op": "move", "from": "/foo/w", "path": "/qux/t"}],
            {"foo": {"bar": "baz"}, "qux": {"c": "g", "t": "f"}},
        ),
        ({"a": ["x", "y", "z"]}, [{"op": "move", "from": "/a/0", "path": "/a/2"}], {"a": ["y", "z", "x"]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": [2]}], {"a": [1, [2]]}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
        ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
    ],
)
def test_examples(document: dict[str, Any], operations: list[Any], after: dict[str, Any]) -> None:
    before = json.dumps(document)
    assert patch(document, operations) == after
    assert json.dumps(document) == before


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"op": "test", "path": "/a", "value": True}, 422),
        ({"op": "test", "path": "/a", "value": "1"}, 422),
        ({"op": "remove", "path": "/nothing"}, 422),
        ({"op": "replace", "path": "/nothing", "value": 1}, 422),
        ({"op": "add", "path": "/a/b", "value": 1}, 422),
        ({"op": "add", "path": "/l/9", "value": 1}, 422),
        ({"op": "add", "path": "/l/01", "value": 1}, 422),
        ({"op": "move", "from": "/o", "path": "/o/x"}, 422),
        ({"op": "remove", "path": "/l/-"}, 422),
        ({"op": "replace", "path": "", "value": 1}, 422),
        ({"op": "add", "path": "/a"}, 400),
        ({"op": "add", "path": "a", "value": 1}, 400),
        ({"op": "add", "path": "/~2", "value": 1}, 400),
        ({"op": "wibble", "path": "/a"}, 400),
        ({"op": ["add"], "path": "/a"}, 400),
        ({"path": "/a"}, 400),
        ("add", 400),
    ],
)
def test_what_does_not_fit(operation: Any, status: int) -> None:
    with pytest.raises(Rejected) as refused:
        patch({"a": 1, "l": [1, 2], "o": {"p": 1}}, [operation])
    assert refused.value.status == status
    assert refused.value.issues[0].expression.startswith("Patch")


def test_copies_are_bounded() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/x{number}"} for number in range(60)]
    with pytest.raises(Rejected) as refused:
        patch({"a": "x" * 1000}, doubling)
    assert refused.value.status in (413, 422)
    long = [{"op": "copy", "from": "/a", "path": "/b"}] * 1000
    with pytest.raises(Rejected) as refused:
        patch({"a": "x" * 2000}, long)
    assert refused.value.status == 413


def test_depth_is_bounded() -> None:
    nest: list[Any] = [
        {"op": "add", "path": "/a" * number, "value": {}} for number in range(1, MAX_DEPTH + 1)
    ]
    patch({}, nest[:-1])
    with pytest.raises(Rejected):
        patch({}, nest)


@pytest.mark.parametrize("body", [b"{}", b"1", b"[], 1", b'[], "x": 1', b"", b"[" * 100_000, b"[{}]" + b" ]"])
def test_bodies_that_are_no_patch(body: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        read_operations(body)
    assert refused.value.status == 400


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
_POINTER = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "~0", "x"]), max_size=4).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
_OPERATION = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": _POINTER},
    optional={"from": _POINTER, "value": _JSON},
)


def _patched(document: dict[str, Any], operations: list[Any]) -> Any:
    try:
        return patch(document, operations)
    except Rejected as error:
        return {} if error.status in (400, 413, 422) else error.status


@given(st.dictionaries(st.sampled_from("abc"), _JSON, max_size=3), st.lists(_OPERATION | _JSON, max_size=6))
def test_whatever_comes(document: dict[str, Any], operations: list[Any]) -> None:
    """An object or a refusal, and the given document stays as it is."""
    before = json.dumps(document)
    assert isinstance(_patched(document, operations), dict)
    assert json.dumps(document) == before
