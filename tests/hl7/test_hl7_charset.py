"""engine.hl7.charset."""

from __future__ import annotations

import pytest

from engine.errors import Unacceptable
from engine.hl7.charset import carries_hl7, codec_of, decode
from engine.hl7.tables import ALIASES, CHARSETS

NAME = "MÜLLER"


@pytest.mark.parametrize("codec", sorted({*CHARSETS.values(), *ALIASES.values()}))
def test_every_code_has_a_codec_of_python(codec):
    assert "MSH|^~".encode(codec).decode(codec) == "MSH|^~"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [("8859/1", "iso8859-1"), ("UNICODE UTF-8", "utf-8"), ("8859/15", "iso8859-15"), ("UNICODE", "utf-8")],
)
def test_a63_a_declared_charset_is_believed(declared, codec):
    found = decode(NAME.encode(codec), [declared])
    assert (found.text, found.codec, found.quirks) == (NAME, codec, ())
    assert NAME not in repr(found)


@pytest.mark.parametrize(
    "name",
    ["utf8", "UTF-8", "iso8859-1", "8859-1", "Windows-1252", "WINDOWS-1252", "UNICODE_UTF-8", "ISO_IR 100",
     "ISO IR 100", "cp1252", "Latin1", "ISO-8859-15", "GB18030", "gbk"],
)  # fmt: skip
def test_q5_h1_2_an_alias_is_mapped_with_a_quirk(name):
    codec = codec_of(name)
    assert codec is not None
    assert decode(NAME.encode(codec), [name]).quirks == ("charset_alias",)
    assert decode(b"MULLER", [name]).quirks == ("charset_alias",)


@pytest.mark.parametrize("declared", ["UNICODE UTF-8", "ASCII"])
def test_a64_bytes_that_do_not_fit_are_102_at_msh_18(declared):
    with pytest.raises(Unacceptable) as caught:
        decode(b"M\xdcLLER", [declared])
    assert (caught.value.code, caught.value.place, caught.value.hl7) == ("charset", "MSH-18", 102)
    assert caught.value.__cause__ is None
    assert "LLER" not in str(caught.value)


def test_a65_undeclared_bytes_are_utf8_or_cp1252_or_what_the_channel_says():
    assert decode(NAME.encode("utf-8"), []).text == NAME
    assert decode(NAME.encode("cp1252"), []).text == NAME
    assert decode("Ł".encode("iso8859-2"), [], default="8859/2").text == "Ł"
    assert decode(NAME.encode("cp1252"), []).quirks == ("undeclared_8bit",)
    assert decode(b"MULLER", []).quirks == ()


def test_a65_strict_refuses_undeclared_bytes():
    with pytest.raises(Unacceptable) as caught:
        decode(b"M\xdcLLER", [], strict=True)
    assert caught.value.hl7 == 102


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("8859/2", "Łódź"),
        ("8859/5", "Жуков"),
        ("8859/7", "Ωμέγα"),
        ("8859/9", "Şİ"),
        ("8859/15", "€Œ"),
        ("ISO IR14", "ﾔﾏﾀﾞ山髙"),
        ("ISO IR87", "山田"),
        ("ISO IR159", "丂"),
        ("JIS X 0202", "山田"),
        ("JAS2020", "山田"),
        ("KS X 1001", "홍길동"),
        ("GB 18030-2000", "张伟𠀀"),
        ("BIG-5", "陳大文"),
        ("UNICODE UTF-8", "Ü山홍𠀀"),
        ("UNICODE", "Ü"),
    ],
)
def test_h1_2_every_set_of_table_0211_is_read(name, text):
    codec = codec_of(name)
    assert codec is not None
    assert decode(text.encode(codec), [name]).text == text


@pytest.mark.parametrize("name", ["CNS 11643-1992", "UNICODE UTF-16", "UNICODE UTF-32"])
def test_h1_2_what_cannot_be_read_is_103(name):
    with pytest.raises(Unacceptable) as caught:
        decode(b"M\xdc", [name])
    assert caught.value.hl7 == 103
    assert decode(b"M", [name]).quirks == ("unknown_charset",)


@pytest.mark.parametrize("text", ["MÜLLER", "Ångström", "€ 5", "naïve", "Łódź", "“quoted”", "ß"])
def test_q5_text_that_was_encoded_twice_is_noticed_and_left_as_it_is(text):
    for wrong in ("cp1252", "latin-1"):
        try:
            twice = text.encode().decode(wrong)
        except UnicodeDecodeError:
            continue
        found = decode(twice.encode(), ["UNICODE UTF-8"])
        assert (found.text, found.quirks) == (twice, ("double_encoded",)), wrong
        assert decode(twice.encode(), []).quirks == ("undeclared_8bit", "double_encoded")


@pytest.mark.parametrize("text", ["MÜLLER", "São João", "PÃO", "ÂNGELA", "Straß»", "“quoted” – a", "Łódź"])
def test_q5_text_that_was_encoded_once_is_not(text):
    assert decode(text.encode(), ["UNICODE UTF-8"]).quirks == ()


def test_the_first_repetition_counts():
    assert decode(NAME.encode("iso8859-1"), ["8859/1", "ISO IR87"]).text == NAME


def test_utf8_under_an_8_bit_name_is_doubtful():
    assert decode(NAME.encode("utf-8"), ["8859/1"]).quirks == ("doubtful_charset",)


def test_an_unknown_charset_matters_only_for_8_bit_text():
    assert decode(b"MULLER", ["ISO IR 999"]).quirks == ("unknown_charset",)
    for name in ("ISO IR 999", "CNS 11643-1992", "x" * 10_000):
        with pytest.raises(Unacceptable) as caught:
            decode(b"M\xdc", [name])
        assert (caught.value.hl7, caught.value.place) == (103, "MSH-18")


def test_a66_a_byte_order_mark_settles_it():
    assert decode(NAME.encode("utf-8"), ["8859/1"], marked=True).text == NAME


def test_iso_2022_is_not_taken_for_ascii():
    assert decode("山田".encode("iso2022_jp"), ["ISO IR87"]).text == "山田"


@pytest.mark.parametrize(
    "name", [*CHARSETS, *ALIASES, "cp850", "koi8-r", "iso-8859-2", "mac-roman", "8859/2"]
)
def test_what_a_message_can_be_in(name):
    assert carries_hl7(name)


@pytest.mark.parametrize(
    "name", ["klingon", "utf-16", "utf-32-le", "base64", "rot13", "cp037", "utf-8-sig", ""]
)
def test_what_a_message_cannot_be_in(name):
    assert not carries_hl7(name)
