"""engine.hl7.continuation: ADD and DSC (spec: ack, section 7.2; cases A57 to A59 run in tests/flows)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Unacceptable
from engine.hl7.continuation import Pointers, chains, fold, join
from engine.hl7.document import Document
from engine.hl7.path import Path
from engine.model import HeldFragment

MSH = "MSH|^~\\&|EHR|HOSP|ENG|STORE|20261121120000||DFT^P03^DFT_P03|{}|P|2.5||{}"


def message(*segments: str, control_id: str = "C1", pointer: str = "") -> bytes:
    return "\r".join([MSH.format(control_id, pointer), *segments, ""]).encode()


def value(document: Document, path: str) -> object:
    return document.value(Path.parse(path))


def held(number: int, follows: str = "", leads: str = "") -> HeldFragment:
    return HeldFragment(number, "charges", follows.encode(), leads.encode(), 0.0)


def numbers(*fragments: HeldFragment) -> list[list[int]]:
    return [[one.message_id for one in chain] for chain in chains(fragments)]


# ADD


def test_a58_add_in_one_message() -> None:
    document = Document.parse(message("PID|1||77", "FT1|1|||20261121||CG|G1", "ADD|00^Glove^L", "ZZZ|1"))
    assert value(document, "FT1-7.1") == "G100"
    assert value(document, "FT1-7.2") == "Glove"
    assert value(document, "ZZZ-1") == "1"
    assert not document.positions("ADD")


def test_several_adds_and_one_that_breaks_before_a_separator() -> None:
    document = Document.parse(message("NTE|1||a", "ADD|b", "ADD||c"))
    assert value(document, "NTE-3") == "ab"
    assert value(document, "NTE-4") == "c"


def test_the_break_may_fall_inside_an_escape() -> None:
    document = Document.parse(message("NTE|1||x\\", "ADD|T\\y"))
    assert value(document, "NTE-3") == "x&y"


@pytest.mark.parametrize(
    ("segments", "place"),
    [
        (["ADD|x"], "ADD[1]"),
        (["PID|1", "ADD"], "ADD[1]"),
        (["PID|1", "ADD|", "PV1|1"], "ADD[1]"),
        (["PID|1", "ADD|2", "PV1|1", "ADD"], "ADD[2]"),
    ],
)
def test_an_add_that_cannot_be_meant(segments: list[str], place: str) -> None:
    with pytest.raises(Unacceptable) as caught:
        Document.parse(message(*segments))
    assert (caught.value.code, caught.value.place) == ("structure", place)


@given(st.text("abc|^~&\\", min_size=1, max_size=40), st.data())
def test_folding_gives_back_what_was_broken_anywhere(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text)), max_size=5)))
    parts = [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]
    lines = ["MSH|", f"NTE|{parts[0]}", *(f"ADD|{part}" for part in parts[1:] if part)]
    assert fold(lines) == ["MSH|", f"NTE|{text}"]


def test_many_adds_take_linear_time() -> None:
    assert len(fold(["MSH|", "NTE|", *["ADD|" + "x" * 100] * 99_000])[1]) == 9_900_004


# Pointers


@pytest.mark.parametrize(
    ("segments", "pointer", "expected"),
    [
        (["PID|1"], "", None),
        (["PID|1", "DSC|P1"], "", Pointers(b"", b"P1")),
        (["PID|1", "DSC| P1 |F"], "", Pointers(b"", b"P1")),
        (["PID|1", "DSC|P2"], "P1", Pointers(b"P1", b"P2")),
        (["PID|1"], "P1", Pointers(b"P1", b"")),
        (["PID|1"], '""', None),
        (["PID|1", 'DSC|""'], "", None),
        (["PID|1", "DSC|"], "", None),
        (["PID|1", "DSC"], "", None),
        (["PID|1", "DSC|P1|I"], "", None),  # the interactive continuation of a query
        (["PID|1", "dsc|P1"], "", Pointers(b"", b"P1")),
    ],
)
def test_pointers(segments: list[str], pointer: str, expected: Pointers | None) -> None:
    assert Document.parse(message(*segments, pointer=pointer)).pointers == expected


def test_pointers_do_not_show_in_their_repr() -> None:
    assert "SECRET" not in repr(Pointers(b"SECRET", b"SECRET"))


# Joining


def test_a_message_broken_inside_a_field_is_whole_again() -> None:
    first = message("PID|1||77", "FT1|1|||20261121||CG|G1", "ADD", "DSC|W1")
    second = message("ADD|00^Glo", "DSC|W2", control_id="C2", pointer="W1").replace(b"\r", b"\n")
    third = message("ADD|ve^L", "FT1|2|||20261121||CG|G200", control_id="C3", pointer="W2")
    whole = join([first, second, third])
    assert whole == message("PID|1||77", "FT1|1|||20261121||CG|G1", "ADD", "ADD|00^Glo", "ADD|ve^L",
                            "FT1|2|||20261121||CG|G200")  # fmt: skip
    document = Document.parse(whole)
    assert value(document, "FT1-7.1") == "G100"
    assert value(document, "FT1-7.2") == "Glove"
    assert value(document, "FT1[2]-7") == "G200"
    assert document.pointers is None
    assert value(document, "MSH-10") == "C1"


def test_a_segment_that_promises_more_and_gets_none_is_refused() -> None:
    first = message("FT1|1|||20261121||CG|G1", "ADD", "DSC|W1")
    with pytest.raises(Unacceptable) as caught:
        Document.parse(join([first, message("FT1|2", control_id="C2", pointer="W1")]))
    assert (caught.value.code, caught.value.place) == ("structure", "ADD[1]")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ((b"|^~\\&|", b"|^~\\$|"), "MSH-2"),
        ((b"DFT^P03^DFT_P03", b"ADT^A01^ADT_A01"), "MSH-9"),
        ((b"|2.5||W1", b"|2.5||W1||||8859/1"), "MSH-18"),
    ],
)
def test_fragments_that_differ_are_not_joined(change: tuple[bytes, bytes], place: str) -> None:
    second = message("PV1|1", control_id="C2", pointer="W1").replace(*change)
    with pytest.raises(Unacceptable) as caught:
        join([message("PID|1", "DSC|W1"), second])
    assert (caught.value.code, caught.value.place) == ("structure", place)


# Chains


@pytest.mark.parametrize(
    ("fragments", "expected"),
    [
        ([], []),
        ([held(1, "", "a"), held(2, "a")], [[1, 2]]),
        ([held(1, "", "a"), held(2, "a", "b"), held(3, "b")], [[1, 2, 3]]),
        ([held(1, "b"), held(2, "", "a"), held(3, "a", "b")], [[2, 3, 1]]),  # out of order
        ([held(1, "", "a"), held(2, "", "x"), held(3, "a"), held(4, "x")], [[1, 3], [2, 4]]),  # interleaved
        ([held(1, "", "p"), held(2, "p", "p"), held(3, "p")], [[1, 2, 3]]),  # one pointer all along
        ([held(1, "", "a"), held(3, "b")], [[1], [3]]),  # a missing middle
        ([held(1, "", "a"), held(2, "a"), held(3, "a")], [[1, 2], [3]]),  # said again under a new id
        ([held(1, "", "p"), held(2, "", "p"), held(3, "p")], [[1], [2], [3]]),  # whose? nobody knows
        ([held(1, "p", "p"), held(2, "p", "p")], [[1], [2]]),  # a ring, without a beginning
    ],
    ids=[
        "none",
        "two",
        "three",
        "unordered",
        "interleaved",
        "same-pointer",
        "hole",
        "again",
        "doubt",
        "ring",
    ],
)
def test_chains(fragments: list[HeldFragment], expected: list[list[int]]) -> None:
    assert numbers(*fragments) == expected


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_chains_of_distinct_pointers_are_found_in_any_order(lengths: list[int], random) -> None:
    made = []
    for chain, length in enumerate(lengths):
        made += [
            (chain, at, f"{chain}-{at}" if at else "", f"{chain}-{at + 1}" if at + 1 < length else "")
            for at in range(length)
        ]
    random.shuffle(made)
    where = {number: (chain, at) for number, (chain, at, *_) in enumerate(made, 1)}
    found = numbers(*(held(number, follows, leads) for number, (_, _, follows, leads) in enumerate(made, 1)))
    assert sorted([where[one] for one in chain] for chain in found) == [
        [(chain, at) for at in range(length)] for chain, length in enumerate(lengths)
    ]


def plainly(held: list[HeldFragment]) -> dict[int, int]:
    """What follows what, by id, as the description of `chains` has it, without regard to time."""
    by_id = sorted(held, key=lambda one: one.message_id)
    following: dict[int, int] = {}
    late = set[int]()
    for before in (True, False):
        for one in by_id:
            found = [
                other.message_id for other in by_id
                if other.leads == one.follows != b"" and other.message_id not in following
                and other.message_id != one.message_id and (other.message_id < one.message_id) == before
            ]  # fmt: skip
            if len(found) == 1 and (before or one.message_id in late):
                following[found[0]] = one.message_id
            elif not found:
                late.add(one.message_id)
    return following


@given(st.lists(st.tuples(*[st.sampled_from(["", "a", "b", "c"])] * 2), max_size=14))
def test_chains_of_any_pieces_are_those_of_the_description(pointers: list[tuple[str, str]]) -> None:
    fragments = [held(number, *two) for number, two in enumerate(pointers, 1)]
    found = chains(fragments)
    assert sorted(one.message_id for chain in found for one in chain) == [one.message_id for one in fragments]
    pairs = [(one.message_id, after.message_id) for chain in found for one, after in pairwise(chain)]
    following = plainly(fragments)
    assert set(pairs) <= following.items()
    missing = following.items() - set(pairs)
    ring = set(following) & set(following.values())
    assert {number for pair in missing for number in pair} <= ring


def test_pieces_that_all_use_one_pointer_take_linear_time() -> None:
    """A hundred thousand: with the square of it this would take minutes."""
    same = [held(number, "p" if number % 2 else "", "p") for number in range(1, 100_001)]
    assert sum(map(len, chains(same))) == len(same)
    late = [held(number, "q", "") for number in range(1, 50_001)]
    late += [held(number, "", "q") for number in range(50_001, 100_001)]
    assert len(chains(late)) == len(late)
