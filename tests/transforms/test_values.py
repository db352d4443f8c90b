"""Named values: a name means what stands there written out, and what cannot be meant is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from charges_sample import ITEMS, table
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.document import Document
from engine.privacy.book import TokenBook
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.privacy.vault import Vault
from engine.transforms.compiling import checked, compile_text
from engine.transforms.expression import MAX_ALTERNATIVES, Call, Flaw, Joined, PathText, parse
from engine.transforms.field import Want, compile_field, compile_key
from engine.transforms.happened import compile_happened
from engine.transforms.scope import Scope
from engine.transforms.setting import Setting
from engine.transforms.values import Values

BOOK = TokenBook(Vault(tenant="t", index_keys={"k": b"i" * 32}), lambda _: {})


def setting_with(values: Mapping[str, str]) -> Setting:
    return Setting(Readers(Policy()), {"items": table(ITEMS)}, values=Values(values))


def said(values: Mapping[str, str], text: str) -> str:
    """The expression that is meant, written out again."""
    meant = Values(values).written_out(parse(text))

    def shown(one: object) -> str:
        if isinstance(one, Joined):
            return " + ".join(map(shown, one.parts))
        if isinstance(one, Call):
            return f"{one.name}({', '.join(argument.text for argument in one.arguments)})"
        assert isinstance(one, PathText)
        return one.text

    return " | ".join([" or ".join(map(shown, meant.sources)), *map(shown, meant.verbs)])


WARDS = {"ward": "PV1-3.1 or PV1-6.1", "place": "ward | lookup(items, item)", "code": "FT1-7.1"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ward", "PV1-3.1 or PV1-6.1"),
        ("PL-1 or ward or code", "PL-1 or PV1-3.1 or PV1-6.1 or FT1-7.1"),
        ("ward + code", "PV1-3.1 + FT1-7.1 or PV1-6.1 + FT1-7.1"),
        ("ward + ward", "PV1-3.1 + PV1-3.1 or PV1-3.1 + PV1-6.1 or PV1-6.1 + PV1-3.1 or PV1-6.1 + PV1-6.1"),
        ("literal(X) + code or ward", "literal(X) + FT1-7.1 or PV1-3.1 or PV1-6.1"),
        ("ward | default(A)", "PV1-3.1 or PV1-6.1 | default(A)"),
        ("place | default(A)", "PV1-3.1 or PV1-6.1 | lookup(items, item) | default(A)"),
    ],
)
def test_a_name_means_what_stands_there(written: str, meant: str) -> None:
    assert said(WARDS, written) == meant


def test_an_expression_without_names_stays_the_same_object() -> None:
    expression = parse("PV1-19 or PID-18")
    assert Values(WARDS).written_out(expression) is expression
    assert Values().written_out(expression) is expression


@pytest.mark.parametrize(
    ("text", "offset", "flaw", "hint"),
    [
        ("PL-1 or place", 8, "place ends in verbs", "put them after the whole"),
        ("place + code", 0, "place ends in verbs", "put them after the whole"),
        ("PL-1 or palce", 8, "no value palce", "did you mean place?"),
        ("code + code or wrd", 15, "no value wrd", "did you mean ward?"),
        ("ward + ward + ward + ward", 0, "too long once", "12 alternatives"),
        (" or ".join(["ward"] * 7), 0, "too long once", "12 alternatives"),
        ("place" + " | default(x)" * 8, 0, "too long once", "8 verbs"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_used(
    text: str, offset: int, flaw: str, hint: str
) -> None:
    values = Values(WARDS)
    with pytest.raises(Flaw) as refused:
        values.written_out(parse(text))
    assert flaw in refused.value.text
    assert hint in refused.value.hint
    assert values.where(refused.value.offset) is None
    assert refused.value.offset == offset


@pytest.mark.parametrize(
    ("texts", "name", "offset", "flaw"),
    [
        ({"one": "PV1-19 or one"}, "one", 10, "one is not known yet"),
        ({"one": "two", "two": "PV1-3.1"}, "one", 0, "two is not known yet"),
        ({"one": "PV1-3.1", "two": "one or on"}, "two", 7, "no value on"),
        ({"one": "PV1-3.1 | number("}, "one", 17, "expected a text"),
        ({"one": "PV1-3.1 |", "two": "one"}, "one", 9, "expected the name of a verb"),
    ],
)
def test_a_flaw_within_a_value_is_told_where_it_stands(
    texts: dict[str, str], name: str, offset: int, flaw: str
) -> None:
    values = Values(texts)
    for user in texts:
        if user not in values.flaws:
            continue
        with pytest.raises(Flaw, match=flaw) as refused:
            values.written_out(parse(user))
        assert values.where(refused.value.offset) == ((name,), offset)
    assert values.where(values.flaws[name].offset) == ((name,), offset)


def test_what_a_use_refuses_is_told_at_the_innermost_value() -> None:
    setting = setting_with({"visit": "PID-18 or PV1-19", "stay": "FT1-7.1 or visit"})
    with pytest.raises(Flaw, match="replaced by a token") as refused:
        compile_text("PV1-3.1 or stay", setting, "test")
    assert setting.values.where(refused.value.offset) == (("visit",), 0)
    with pytest.raises(Flaw, match="a token is used as it is") as refused:
        compile_text("visit | lookup(items, item)", setting, "value")
    assert setting.values.where(refused.value.offset) is None
    assert refused.value.offset == 8


def test_names_stand_in_keys_and_times_and_not_in_place_of_words() -> None:
    setting = setting_with({"visit": "PV1-19 or PID-18", "when": "EVN-2 or MSH-7", "open": "PV1-3.1"})
    compile_key("{visit}/{FT1-2}", setting)
    compile_happened("EVN-6 or when", setting)
    with pytest.raises(Flaw, match="open is a word of this field"):
        compile_field("open", Want(words=("open", "closed")), setting)
    with pytest.raises(Flaw, match="only field paths"):
        compile_happened("PV1-44 | default(1)", setting)


def test_uses_of_one_value_share_their_slots() -> None:
    setting = setting_with(WARDS)
    compile_text("place", setting, "value")
    slots = setting.slots
    compile_text("place", setting, "value")
    compile_text("place | default(A)", setting, "value")
    compile_text("PV1-3.1 or PV1-6.1 | lookup(items, item)", setting, "value")
    assert setting.slots == slots


PATHS = ("PV1-2", "PV1-3.1", "PV1-4", "PV1-10")
Parts = list[str]
Verbs = list[tuple[str, Callable[[str | None], str | None]]]
VERBS: Verbs = [
    ("default(D)", lambda text: "D" if text is None else text),
    ("map(A: B, D: A, else: same)", lambda text: text and {"A": "B", "D": "A"}.get(text, "same")),
    ("default(E)", lambda text: "E" if text is None else text),
]


@st.composite
def a_value(draw: st.DrawFn, names: list[str]) -> tuple[list[Parts], Verbs]:
    """Alternatives, each of one or two parts, and verbs after them."""
    part = st.sampled_from([*PATHS, *names])
    alternatives = draw(st.lists(st.lists(part, min_size=1, max_size=2), min_size=1, max_size=2))
    return alternatives, draw(st.lists(st.sampled_from(VERBS), max_size=2))


def written(value: tuple[list[Parts], Verbs]) -> str:
    alternatives, verbs = value
    return " | ".join([" or ".join(map(" + ".join, alternatives)), *(text for text, _ in verbs)])


@given(st.data(), st.fixed_dictionaries({path: st.sampled_from(["", "A", "B"]) for path in PATHS}))
def test_values_mean_what_each_of_them_would_give(data: st.DataObject, fields: dict[str, str]) -> None:
    """Each name is worked out for itself, as an analyst reads it, and the expression gives the same."""
    texts: dict[str, str] = {}
    given_by: dict[str, str | None] = {path: text or None for path, text in fields.items()}

    def worked_out(value: tuple[list[Parts], Verbs]) -> str | None:
        alternatives, verbs = value
        rows = [[given_by[part] for part in parts] for parts in alternatives]
        found = next(("/".join(map(str, row)) for row in rows if None not in row), None)
        for _, change in verbs:
            found = change(found)
        return found

    plain: list[str] = []
    for name in ("one", "two", "three"):
        value = data.draw(a_value(plain))
        texts[name] = written(value)
        given_by[name] = worked_out(value)
        if not value[1]:
            plain.append(name)
    used = data.draw(st.sampled_from([*texts]) | a_value(plain).map(written))
    values = Values(texts)
    try:
        meant = values.written_out(parse(used))
    except Flaw as flaw:
        assert "too long" in flaw.text  # noqa: PT017 - the only reason there may be
        return
    assert len(meant.sources) <= MAX_ALTERNATIVES
    setting = setting_with(texts)
    compiled = checked(compile_text(used, setting, "test"))
    message = "MSH|^~\\&|||||||ADT^A01|1|P|2.5\r" + "PV1|1|{PV1-2}|{PV1-3.1}|{PV1-4}||||||{PV1-10}\r"
    for path, text in fields.items():
        message = message.replace(f"{{{path}}}", text)
    found: Any = compiled(Scope(Document.parse(message.encode()), BOOK, setting.slots))
    assert found == _expected(used, given_by)


def _expected(used: str, given_by: Mapping[str, str | None]) -> str | None:
    """What the text gives when each name and path of it gives what it does."""
    sources, *verbs = used.split(" | ")
    rows = [[given_by[part] for part in one.split(" + ")] for one in sources.split(" or ")]
    found = next(("/".join(map(str, row)) for row in rows if None not in row), None)
    for verb in verbs:
        found = dict(VERBS)[verb](found)
    return found
