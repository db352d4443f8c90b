"""Conditions held against each other: what is said to exclude or to follow does so for every message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config.lint.asked import Asked, apart, asked, contradictory, follows
from engine.config.lint.outcomes import outcomes
from engine.config.tables import parse_table
from engine.errors import Unacceptable
from engine.hl7.document import Document
from engine.privacy.book import TokenBook
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.privacy.vault import Vault
from engine.transforms.compiling import compile_text
from engine.transforms.condition import compile_condition
from engine.transforms.expression import parse
from engine.transforms.scope import Scope
from engine.transforms.setting import Setting
from engine.transforms.values import Values

VALUES = Values({"kind": "PV1-2", "place": "PV1-3.1 or PV1-6.1"})


def _asked(text: str, wanted: str | list[str]) -> Asked:
    (one,) = asked({text: wanted}, VALUES)
    return one


@pytest.mark.parametrize(
    ("one", "other", "never"),
    [
        (("PV1-2", "I"), ("PV1-2", "O"), True),
        (("PV1-2", ["I", "O"]), ("PV1-2", ["O", "E"]), False),
        (("PV1-2", "I"), ("kind", "O"), True),
        (("PV1-2", "present"), ("PV1-2", "absent"), True),
        (("PV1-2", "I"), ("PV1-2", "absent"), True),
        (("PV1-2", "I"), ("PV1-2", "present"), False),
        (("PV1-3.1", "ICU"), ("place", "absent"), True),
        (("place", "present"), ("PV1-3.1", "absent"), False),
        (("PV1-2 | map(I: in)", "in"), ("PV1-2", "absent"), True),
        (("PV1-2 | default(I)", "I"), ("PV1-2", "absent"), False),
        (("FT1-7 | code(CDM)", "1"), ("FT1-7", "absent"), False),
        (("PV1-2", "I"), ("PV1-3.1", "O"), False),
    ],
)
def test_two_that_never_hold_together(
    one: tuple[str, str | list[str]], other: tuple[str, str | list[str]], never: bool
) -> None:
    assert contradictory(_asked(*one), _asked(*other)) is never
    assert contradictory(_asked(*other), _asked(*one)) is never
    assert apart([_asked(*one)], [_asked(*other)]) is never


PATHS = ["PV1-2", "PV1-3.1", "PV1-6.1", "kind", "place", "PV1-2 or PV1-3.1", "PV1-2 + PV1-3.1"]
VERBS = ["", " | map(A: B, B: A)", " | map(A: B, else: '')", " | default(A)", " | lookup(words, column, '')"]
WANTED = ["present", "absent", "A", "B", ["A"], ["A", "B"], ["present", "A"]]
WORDS, _ = parse_table("code,column\nA,B\nB,\nA/B,A\n", "words.csv")
CONDITIONS = st.tuples(st.sampled_from(PATHS), st.sampled_from(VERBS), st.sampled_from(WANTED))
BOOK = TokenBook(Vault(tenant="test", index_keys={"k1": b"i" * 32}), lambda _: {})
FIELD = st.sampled_from(["", "A", "B", "C", '""'])


def _setting() -> Setting:
    assert WORDS is not None
    return Setting(Readers(Policy()), {"words": WORDS}, values=VALUES)


def _scope(setting: Setting, fields: tuple[str, str, str]) -> Scope:
    kind, here, before = fields
    raw = f"MSH|^~\\&|||||||ADT^A01|1|P|2.5\rPV1|1|{kind}|{here}|||{before}\r".encode()
    return Scope(Document.parse(raw), BOOK, setting.slots)


def _holds(condition: tuple[str, str, str | list[str]], fields: tuple[str, str, str]) -> bool:
    setting = _setting()
    compiled = compile_condition(condition[0] + condition[1], condition[2], setting)
    try:
        return compiled.holds(_scope(setting, fields))
    except Unacceptable:
        return False


@settings(max_examples=400, deadline=None)
@given(CONDITIONS, CONDITIONS, st.tuples(FIELD, FIELD, FIELD))
def test_what_is_said_of_two_conditions_is_so_for_every_message(
    one: tuple[str, str, str | list[str]],
    other: tuple[str, str, str | list[str]],
    fields: tuple[str, str, str],
) -> None:
    first, second = _asked(one[0] + one[1], one[2]), _asked(other[0] + other[1], other[2])
    if contradictory(first, second):
        assert not (_holds(one, fields) and _holds(other, fields))
    if follows(first, [second]) and _holds(other, fields):
        assert _holds(one, fields)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATHS), st.sampled_from(VERBS), st.sampled_from(VERBS), st.tuples(FIELD, FIELD, FIELD))
def test_nothing_comes_out_that_is_said_not_to(
    path: str, first: str, second: str, fields: tuple[str, str, str]
) -> None:
    setting, text = _setting(), f"{path}{first}{second}"
    gives = outcomes(VALUES.written_out(parse(text)), setting.tables)
    value = compile_text(text, setting, "test").value
    try:
        found = value(_scope(setting, fields))
    except Unacceptable:
        return
    assert gives.empty if found is None else gives.words is None or found in gives.words
