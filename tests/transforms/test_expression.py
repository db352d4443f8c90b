"""The expression language: what it reads, and that nothing else gets through."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Misconfigured
from engine.transforms.expression import (
    MAX_LENGTH,
    Argument,
    Call,
    Expression,
    Flaw,
    Joined,
    PathText,
    Source,
    Template,
    parse,
    parse_key,
)

NAMES = st.sampled_from(["lookup", "map", "number", "made_up", "default"])
PATHS = st.sampled_from(["PV1-19", "FT1-7.1", "PID-3[MR]", "PID-3[MR@HOSP].1", "ORC", "FT1[2]-10"])
TEXTS = st.text(st.sampled_from("abcXYZ 019-/_.'|,:(){}äß"), max_size=12)
BLANKS = st.sampled_from(["", " ", "  "])


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, Call]:
    name = draw(NAMES)
    arguments, texts = [], []
    for _ in range(draw(st.integers(0, 3))):
        key, text = draw(st.none() | TEXTS), draw(TEXTS)
        arguments.append(Argument(text, 0, key))
        texts.append(quoted(text) if key is None else f"{quoted(key)}{draw(BLANKS)}: {quoted(text)}")
    written = f"{name}{draw(BLANKS)}({f'{draw(BLANKS)},'.join(texts)})" if texts else name
    return written, Call(name, 0, tuple(arguments))


def source(parts: Sequence[PathText | Call]) -> Source:
    return parts[0] if len(parts) == 1 else Joined(tuple(parts))


def parts_of(one: Source) -> tuple[PathText | Call, ...]:
    return one.parts if isinstance(one, Joined) else (one,)


@st.composite
def expressions(draw: st.DrawFn) -> tuple[str, Expression]:
    lists = draw(st.lists(st.lists(PATHS, min_size=1, max_size=3), min_size=1, max_size=3))
    sources = [source([PathText(text, 0) for text in texts]) for texts in lists]
    verbs = draw(st.lists(calls(), max_size=3))
    written = draw(BLANKS) + " or ".join(" + ".join(texts) for texts in lists)
    written += "".join(f"{draw(BLANKS)}|{draw(BLANKS)}{text}" for text, _ in verbs)
    return written + draw(BLANKS), Expression(tuple(sources), tuple(call for _, call in verbs), 0)


def bare(expression: Expression) -> Expression:
    """Without offsets."""

    def call(one: Call) -> Call:
        return Call(one.name, 0, tuple(Argument(each.text, 0, each.name) for each in one.arguments))

    sources = tuple(
        source([PathText(p.text, 0) if isinstance(p, PathText) else call(p) for p in parts_of(one)])
        for one in expression.sources
    )
    return Expression(sources, tuple(map(call, expression.verbs)), 0)


@given(expressions())
def test_what_is_written_is_what_is_read(made: tuple[str, Expression]) -> None:
    text, expression = made
    assert bare(parse(text)) == expression


@given(expressions())
def test_offsets_point_at_the_words(made: tuple[str, Expression]) -> None:
    text, _ = made
    expression = parse(text)
    for part in (part for one in expression.sources for part in parts_of(one)):
        assert isinstance(part, PathText)
        assert text.startswith(part.text, part.offset)
    for call in expression.verbs:
        assert text.startswith(call.name, call.offset)
        for argument in call.arguments:
            assert text.startswith(quoted(argument.text), argument.offset)


@given(st.lists(st.one_of(expressions(), TEXTS), max_size=4))
def test_keys_keep_their_texts_and_expressions(pieces: list[tuple[str, Expression] | str]) -> None:
    written, expected = "", list[str | Expression]()
    for piece in pieces:
        if isinstance(piece, str):
            written += piece.replace("{", "{{").replace("}", "}}")
            if expected and isinstance(expected[-1], str):
                expected[-1] += piece
            elif piece:
                expected.append(piece)
        else:
            written += f"{{{piece[0]}}}"
            expected.append(piece[1])
    found = parse_key(written)
    assert [part if isinstance(part, str) else bare(part) for part in found.parts] == expected


@settings(max_examples=500)
@given(st.text(st.sampled_from("AB1-.[]@|(),:'{} \tor$_\\%\0é\n"), max_size=60) | st.text(max_size=60))
def test_any_text_is_an_expression_or_a_flaw_with_its_offset(text: str) -> None:
    for reading in (parse, parse_key):
        with suppress(Flaw):
            reading(text)
            continue
        with pytest.raises(Flaw) as caught:
            reading(text)
        assert 0 <= caught.value.offset <= len(text)
        assert caught.value.text


def test_alternatives_bind_closer_than_verbs() -> None:
    expression = parse("PV1-19 or PID-18 | number")
    assert [source.text for source in expression.sources if isinstance(source, PathText)] == [
        "PV1-19",
        "PID-18",
    ]
    assert [call.name for call in expression.verbs] == ["number"]


def test_a_value_may_begin_with_a_call() -> None:
    assert parse("literal(WH/Stock)").sources == (Call("literal", 0, (Argument("WH/Stock", 8),)),)


def test_arguments_keep_blanks_inside_and_lose_them_outside() -> None:
    (call,) = parse("PV1-2 | map( I : in patient , 'a,b': '' )").verbs
    assert [(one.name, one.text) for one in call.arguments] == [("I", "in patient"), ("a,b", "")]


def test_doubled_braces_are_text() -> None:
    assert parse_key("{{x}}/{FT1-2}") == Template(("{x}/", parse_key("{{x}}/{FT1-2}").parts[1]))


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("  ", 2),
        ("PV1-19 |", 8),
        ("PV1-19 | ", 9),
        ("PV1-19 or ", 10),
        ("PV1-19 PID-18", 7),
        ("PV1-19 | lookup(items", 21),
        ("PV1-19 | lookup(items,)", 22),
        ("PV1-19 | lookup(,)", 16),
        ("PV1-19 | map(A: )", 16),
        ("PV1-19 | number)", 15),
        ("PV1-19 | Number", 9),
        ("PV1-19 | lookup('items)", 16),
        ("PV1-19 || number", 8),
    ],
)
def test_a_flaw_names_its_place(text: str, offset: int) -> None:
    with pytest.raises(Flaw) as caught:
        parse(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "offset"), [("{", 1), ("{FT1-2", 6), ("FT1-2}", 5), ("a{}b", 2), ("{{}", 2)]
)
def test_a_flaw_of_a_key_names_its_place(text: str, offset: int) -> None:
    with pytest.raises(Flaw) as caught:
        parse_key(text)
    assert caught.value.offset == offset


HOSTILE = [
    "__class__",
    "''.__class__",
    "PID.__class__.__mro__",
    "PV1-19 | __import__(os)",
    "PV1-19 | lookup(items).__globals__",
    "eval(1)",
    "exec('import os')",
    "PV1-19 | format({0.__class__})",
    "%(name)s",
    "{0.__init__.__globals__}",
    "${jndi:ldap://x}",
    "$(touch x)",
    "`id`",
    "{{7*7}}",
    "<%= 7*7 %>",
    "PV1-19; import os",
    "lambda: 1",
    "PV1-19 if 1 else 2",
    "f'{x}'",
    "PV1-19 | lookup(items, item)(x)",
    "PV1-19 | lookup(lookup(items))",
    "(((((((((((PV1-19)))))))))))",
    "(" * 400,
    "PV1-19" + " | number" * 9,
    " or ".join(["PV1-19"] * 13),
    " + ".join(["PV1-19"] * 9),
    f"PV1-19 | map({', '.join(f'A{n}: b' for n in range(65))})",
    "A" * (MAX_LENGTH + 1),
    "PV1-19 | map(" + "'" * 400,
    "PV1-19\x00",
    "PV1-19 | n\u0443mber",  # a Cyrillic letter
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_T06_hostile_expressions_are_refused_or_mean_a_path(text: str) -> None:
    """Nothing is evaluated: what is not refused here is a path text, which `engine.hl7` refuses."""
    try:
        expression = parse(text)
    except Misconfigured:
        return
    assert not expression.verbs
    assert len(text) <= MAX_LENGTH


def test_T06_keys_do_not_format() -> None:
    assert parse_key("{{0.__class__}}").parts == ("{0.__class__}",)
    with pytest.raises(Flaw):
        parse_key("{0.__class__!r}/{}")
    with pytest.raises(Flaw, match="expressions"):
        parse_key("/".join(["{FT1-2}"] * 9))
