"""docs/manual/reading.md says what is so: its example is read, its lists are complete."""

from __future__ import annotations

import re
from pathlib import Path as File

import pytest

from engine.config import spec
from engine.hl7 import document, reading
from engine.hl7.charset import codec_of
from engine.hl7.document import DELETE, Document
from engine.hl7.path import Path
from engine.hl7.tables import CHARSETS
from engine.hl7.versions import EXCHANGED, HOLDERS

PAGE = (File(__file__).parents[2] / "docs/manual/reading.md").read_text()
(SAMPLE,) = re.findall(r"```hl7\n(.*?)```", PAGE, re.DOTALL)
ROWS = re.findall(r"^\| `([A-Z0-9]{3}-[^`]+)` \| (?:`([^`]*)`|(empty|delete)) \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("path", "text", "word"), ROWS, ids=[row[0] for row in ROWS])
def test_the_example_gives_what_the_page_says(path, text, word):
    found = Document.parse(SAMPLE.replace("\n", "\r").encode()).value(Path.parse(path))
    assert found == {"empty": None, "delete": DELETE}.get(word, text)


def test_the_example_has_rows():
    assert len(ROWS) > 10


@pytest.mark.parametrize("name", CHARSETS)
def test_every_character_set_is_named(name):
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize(
    "name", ["utf8", "ISO-8859-1", "8859-1", "WINDOWS-1252", "ISO_IR 100", "GB18030", "Shift_JIS"]
)
def test_every_spelling_that_is_named_is_understood(name):
    assert f"`{name}`" in PAGE
    assert codec_of(name)


def test_the_limits_are_these():
    for limit in (
        document.MAX_SEGMENTS,
        document.MAX_FIELDS,
        reading.MAX_REPETITIONS,
        reading.MAX_COMPONENTS,
    ):
        assert re.search(rf"\b{limit:,}\b", PAGE)


def test_old_layouts_are_named():
    for place in HOLDERS:
        assert f"`{place}`" in PAGE
    assert EXCHANGED == {"FT1": (10, 11)}
    assert "FT1-10 is the amount, FT1-11 the quantity" in PAGE


def test_the_settings_that_it_names_exist():
    for name in ("charset", "charset_strict", "timezone", "max_frame"):
        assert name in spec.MllpSource.model_fields
        assert f"`{name}" in PAGE
