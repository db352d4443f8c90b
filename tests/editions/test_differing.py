"""What one edition has other than another, file by file and place by place."""

from __future__ import annotations

import pytest

from engine.editions.differing import FileChange, changes
from engine.editions.packing import Packed


def between(name: str, old: str | None, new: str | None) -> FileChange:
    before, after = (Packed({} if text is None else {name: text.encode()}) for text in (old, new))
    (change,) = changes(before, after)
    return change


def test_files_that_are_the_same_are_not_told() -> None:
    assert changes(Packed({"a": b"1", "b": b"2"}), Packed({"b": b"2", "a": b"1"})) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "places"),
    [
        (
            "a.yaml",
            "channel: a\nowner: {business: x}\n",
            "channel: a\nowner: {business: y}\n",
            ("owner.business",),
        ),
        (
            "a.yaml",
            "effects:\n- {x: 1}\n- {x: 2}\n",
            "effects:\n- {x: 1}\n- {x: 3, y: 4}\n",
            ("effects[2].x", "effects[2].y"),
        ),
        ("a.yaml", "b: 1\na: 1\n", "b: 2\na: 2\nc: 1\n", ("b", "a", "c")),
        ("a.yaml", "a: 1 # seen\n", "a: 1\n", ()),
        ("a.yaml", "a: [", "a: 1\n", ("a",)),
        ("a.test.yaml", "cases:\n- {name: x, step: y}\n", "cases:\n- {name: z, step: v}\n", ("cases[1]",)),
        ("t.csv", "code,item\nA,1\nB,2\n", "code,item\nA,1\nB,3\nC,4\n", ("B", "C")),
        ("t.csv", "code,item\nA,1\nB,2\n", "code,item\nB,2\n", ("A",)),
        ("t.csv", "code,item\nA,1\n", "# more\ncode,item\nA,1\n", ()),
        ("f.py", "x = 1\n", "x = 2\n", ()),
    ],
)
def test_places_that_say_something_else_are_named(
    name: str, old: str, new: str, places: tuple[str, ...]
) -> None:
    change = between(name, old, new)
    assert (change.file, change.what, change.places) == (name, "changed", places)
    assert change.lines[:2] == (f"--- a/{name}", f"+++ b/{name}")


def test_new_and_removed_files_are_shown_whole() -> None:
    assert between("t.csv", None, "code\nA\n") == FileChange(
        "t.csv", "added", (), ("--- a/t.csv", "+++ b/t.csv", "@@ -0,0 +1,2 @@", "+code", "+A")
    )
    assert between("t.csv", "code\n", None).what == "removed"


def test_what_is_no_text_is_shown_all_the_same() -> None:
    assert changes(Packed({"a.hl7": b"MSH|\xff"}), Packed({"a.hl7": b"MSH|"}))[0].lines[-2:] == (
        "-MSH|\\xff", "+MSH|",
    )  # fmt: skip
