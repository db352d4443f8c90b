"""No reader of any allowed path gives what the table drops: a canary in every leaf (P01, P02 for v2).

What may come out is decided here from the table's rows alone, not through `Policy`.
"""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.hl7.document import Document
from engine.hl7.reading import HEADERS
from engine.privacy.book import TokenBook
from engine.privacy.identifiers import NEVER, layout_of
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.privacy.rules import Forbidden, Use
from engine.privacy.table import Row, v2_rows
from engine.privacy.tokens import parse
from engine.privacy.vault import Vault

READERS = Readers(Policy())
VAULT = Vault(tenant="north", index_keys={"k1": bytes(32)})
USES: tuple[Use, ...] = ("test", "value", "date", "sequence")
PASSES = {
    "test": {"keep", "engine"},
    "value": {"keep", "token"},
    "date": {"keep", "opdate"},
    "sequence": {"keep", "token"},
}
CODE_TEXTS = {2, 5, 9, 11}
COMPONENTS, SUBCOMPONENTS = 27, 4
HARMLESS = NEVER | {"MR", "|", r"^~\&", "UNICODE UTF-8"}

ROWS = {row.path: row for row in v2_rows() if row.kind in ("v2field", "v2comp")}
SEGMENTS: dict[str, list[Row]] = defaultdict(list)
for _row in ROWS.values():
    if _row.kind == "v2field":
        SEGMENTS[_row.path.partition("-")[0]].append(_row)


def says(field: Row, component: int) -> str:
    """The table's word for a component, from its rows alone."""
    own = ROWS.get(f"{field.path}.{component}")
    if own is not None:
        return own.treatment
    if field.treatment == "keep-code":
        return "drop" if component in CODE_TEXTS else "keep"
    return field.treatment


def segment_text(rows: list[Row], marks: str, canary) -> str:
    """A segment whose every leaf is `canary(field, repetition, component, subcomponent)`."""
    separator, component, repetition, _, subcomponent = marks
    numbers = {int(row.path.partition("-")[2]) for row in rows}
    fields = []
    for field in range(1, max(numbers) + 3):
        texts = []
        for time in (1, 2):
            leaves = [
                subcomponent.join(canary(field, time, c, s) for s in range(1, SUBCOMPONENTS + 1))
                for c in range(1, COMPONENTS + 1)
            ]
            texts.append(component.join(leaves))
        fields.append(repetition.join(texts))
    segment = rows[0].path.partition("-")[0]
    if segment == "MSH":
        fields[17] = "UNICODE UTF-8"
    if segment in HEADERS:
        fields = [marks[1:], *fields[2:]]
    return separator.join([segment, *fields])


def document_of(segment: str, marks: str, canary) -> Document:
    header = marks[0].join(
        ["MSH", marks[1:], "HIS", "HOSP", "W", "O", "20260101", "", "ADT", "1", "P", "2.5"]
    )
    body = segment_text(SEGMENTS[segment], marks, canary)
    if segment == "ADD":  # goes into the segment that it continues
        body = f"ZZZ{marks[0]}1\r{body}"
    return Document.parse((body if segment == "MSH" else f"{header}\r{body}").encode())


def check(row: Row, place: tuple[int, int], use: Use, document: Document) -> None:
    """One path, read or forbidden: what comes out is a token, or stands where the table lets it pass."""
    segment, _, field = row.path.partition("-")
    text = ".".join(str(number) for number in (field, *place))
    try:
        reader = READERS.reader(f"{segment}-{text}", use)
    except Forbidden:
        return
    value = reader(document, TokenBook(VAULT, lambda indexes: {}))
    word = says(row, place[0])
    if reader.rule.treatment == "token":
        assert value is None or parse(value) is not None, text
        assert row.treatment == "token", text
        return
    assert word in PASSES[use] - {"token"} or (word == "token" and place[1] > 1), (row.path, place, use)
    assert value is None or value.startswith(f"C7x{field}x") or value in HARMLESS, (
        row.path,
        place,
        use,
    )
    if value and value.startswith("C7x"):
        sent = tuple(int(number) for number in value.split("x")[1:])
        assert (sent[0], sent[2], sent[3]) == (int(field), *place)


def canary(field: int, time: int, component: int, subcomponent: int) -> str:
    return f"C7x{field}x{time}x{component}x{subcomponent}"


@pytest.mark.parametrize("segment", sorted(SEGMENTS))
def test_P01_no_canary_comes_out_of_what_the_table_drops(segment: str) -> None:
    """Every field of the segment, 27 components, 4 sub-components, every use; beyond the table too."""
    document = document_of(segment, r"|^~\&", canary)
    places = [(component, sub) for component in range(1, COMPONENTS + 1) for sub in (1, 2, SUBCOMPONENTS)]
    for row in SEGMENTS[segment]:
        closed = row.scope == "out" or row.treatment in {"drop", "scan", "reassemble", "deny"}
        for place in [(1, 1), (2, 1)] if closed else places:
            for use in USES:
                check(row, place, use, document)


IDENTIFIERS = [row for row in ROWS.values() if row.kind == "v2field" and row.treatment == "token"]


@pytest.mark.parametrize("kind", ["MR", "SS"])
def test_P01_an_identifier_field_gives_tokens_and_codes_only(kind: str) -> None:
    """With a type that counts the number is a token; with one that never does, nothing comes out."""
    for row in IDENTIFIERS:
        layout = layout_of(row.datatypes)
        segment = row.path.partition("-")[0]

        def typed(field: int, time: int, component: int, sub: int, at: int = layout.type) -> str:
            return (kind if sub == 1 else "") if component == at else canary(field, time, component, sub)

        document = document_of(segment, r"|^~\&", typed)
        for component in range(1, COMPONENTS + 1):
            for use in USES:
                check(row, (component, 1), use, document)
        book = TokenBook(VAULT, lambda indexes: {})
        token = READERS.reader(row.path, "value")(document, book)
        if layout.type and kind == "SS":
            assert token is None
            assert book.minted() == []
        elif row.path != "PRT-24":
            assert parse(token) is not None


@pytest.mark.parametrize("segment", ["ZPI", "ZZZ", "XYZ", "QQQ"])
@pytest.mark.parametrize("path", ["1", "3.1", "5", "7.2", "99"])
def test_P02_nothing_comes_out_of_an_unknown_segment(segment: str, path: str) -> None:
    for use in USES:
        with pytest.raises(Forbidden):
            READERS.reader(f"{segment}-{path}", use)


def test_P02_nothing_comes_out_beyond_the_table() -> None:
    for segment, rows in SEGMENTS.items():
        beyond = max(int(row.path.partition("-")[2]) for row in rows) + 1
        for use in USES:
            with pytest.raises(Forbidden):
                READERS.reader(f"{segment}-{beyond}", use)


marks = st.permutations("|^~\\&!@#$%").map(lambda chosen: "".join(chosen[:5]))
in_scope = [row for row in ROWS.values() if row.kind == "v2field" and row.scope == "in"]


@settings(max_examples=150, deadline=None)
@given(
    marks, st.sampled_from(in_scope), st.integers(1, 12), st.integers(1, 3), st.sampled_from(USES), st.data()
)
def test_P02_whatever_the_delimiters_and_escapes(marks, row, component, sub, use, data) -> None:
    escape = marks[3]
    tail = data.draw(
        st.sampled_from(["", f"{escape}T{escape}", f"{escape}X41{escape}", escape, f"{escape}.br{escape}"])
    )

    def escaped(field: int, time: int, c: int, s: int) -> str:
        return canary(field, time, c, s) + (f"x0{tail}" if tail else "")

    document = document_of(row.path.partition("-")[0], marks, escaped)
    segment, _, field = row.path.partition("-")
    try:
        reader = READERS.reader(f"{segment}-{field}.{component}.{sub}", use)
    except Forbidden:
        return
    value = reader(document, TokenBook(VAULT, lambda indexes: {}))
    if reader.rule.treatment == "token":
        assert value is None or parse(value) is not None
    elif isinstance(value, str) and value.startswith("C7x"):
        assert says(row, component) in PASSES[use] or says(row, component) == "token"
        sent = value.split("x")
        assert (sent[1], sent[3], sent[4][:1]) == (field, str(component), str(sub))
