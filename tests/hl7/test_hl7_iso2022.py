"""engine.hl7.iso2022 and engine.hl7.multibyte: text that switches sets, and bytes that only look like
delimiters."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Unacceptable
from engine.hl7.charset import decode
from engine.hl7.delimiters import USUAL
from engine.hl7.document import Document
from engine.hl7.escape import unescape
from engine.hl7.header import read_header
from engine.hl7.iso2022 import codec_over, switched
from engine.hl7.path import Path

HEAD = "MSH|^~\\&|{app}|HOSP|ENG|STORE|20261121120000||ADT^A01|C1|P|2.5||||||{charset}"
TRAPS = {  # characters whose second byte is a delimiter's or the escape character's
    "cp932": ("ISO IR14", "ソ能ポ｜縦゛＾十表予"),
    "gb18030": ("GB 18030-2000", "俓倈侎亅丂俕倎"),
    "big5": ("BIG-5", "功許蓋餐淚暝育"),
}


def message(charset: str, text: str, codec: str, app: str = "EHR") -> bytes:
    return f"{HEAD.format(app=app, charset=charset)}\rPID|1||7|{text}^x~y&z|F\rPV1|1|I\r".encode(codec)


def read(raw: bytes, path: str, **how):
    return Document.parse(raw, **how).value(Path.parse(path))


@pytest.mark.parametrize("codec", TRAPS)
def test_the_traps_are_traps(codec):
    raw = TRAPS[codec][1].encode(codec)
    assert any(mark in raw for mark in b"|^~\\&")


@pytest.mark.parametrize("codec", TRAPS)
def test_h1_2_delimiters_are_characters_and_not_bytes(codec):
    charset, text = TRAPS[codec]
    raw = message(charset, text, codec)
    assert [read(raw, path) for path in ("PID-4", "PID-4.2", "PID-4[2].1.2", "PID-5")] == [
        text,
        "x",
        "z",
        "F",
    ]
    document = Document.parse(raw)
    assert (document.quirks, document.encode()) == ({}, raw)


@pytest.mark.parametrize("codec", TRAPS)
@pytest.mark.parametrize("spelled", ["declared", "default"])
def test_h1_2_the_header_too_is_cut_at_characters(codec, spelled):
    charset, text = TRAPS[codec]
    raw = message(charset if spelled == "declared" else "", text, codec, app=text)
    default = "" if spelled == "declared" else codec
    header = read_header(raw, default)
    assert header.sending_application == text.encode(codec)
    assert (header.type, header.event, header.control_id, header.version) == ("ADT", "A01", b"C1", "2.5")
    assert read(raw, "MSH-3", default_charset=default) == text
    assert read(raw, "MSH-10", default_charset=default) == "C1"


@pytest.mark.parametrize("charset", ["", "8859/1", "UNICODE UTF-8", "utf8", "KS X 1001", "nonsense"])
def test_other_headers_are_cut_at_bytes(charset):
    raw = HEAD.format(app="MÜLLER", charset=charset).encode("utf-8")
    header = read_header(raw)
    assert header.sending_application == "MÜLLER".encode()
    assert header.charsets == ([charset] if charset else [])


@pytest.mark.parametrize(
    "charset", ["ISO IR87", "~ISO IR87", "ASCII~ISO IR87", "ISO IR14~ISO IR87~ISO IR159"]
)
def test_h1_2_japanese_switches_by_escape_sequences(charset):
    kanji = "山田^太郎"
    switched_name = "^".join(
        f"\x1b$B{part.encode('euc_jp').translate(LOWER).decode()}\x1b(B" for part in kanji.split("^")
    )
    raw = (
        HEAD.format(app="\x1b$B\x30\x7c\x1b(B", charset=charset) + f"\rPID|1||7||{switched_name}|F\r"
    ).encode()
    assert [read(raw, path) for path in ("PID-5.1", "PID-5.2", "PID-6", "MSH-10")] == [
        "山田",
        "太郎",
        "F",
        "C1",
    ]
    assert read(raw, "MSH-3") == "淫"
    assert read_header(raw).type == "ADT"


LOWER = bytes(byte & 0x7F for byte in range(256))


def test_h1_2_sets_of_one_byte_switch_the_upper_half():
    raw = HEAD.format(app="A", charset="8859/1~8859/2~8859/5").encode() + (
        b"\rPID|1||\xfc\x1b-B\xb3\x1b-A\xfc|\x1b-L\xb6\r" + b"NTE|1||\xfc\r"
    )
    assert [read(raw, path) for path in ("PID-3", "PID-4", "NTE-3")] == ["üłü", "Ж", "ü"]
    document = Document.parse(raw)
    again = Document.parse(document.encode())
    assert list(again.segments()) == list(document.segments())


def test_korean_and_katakana():
    raw = (
        HEAD.format(app="A", charset="ASCII~KS X 1001").encode()
        + b"\rPID|1||\x1b$)C"
        + "홍길동".encode("euc_kr")
    )
    assert read(raw, "PID-3") == "홍길동"
    raw = HEAD.format(app="A", charset="ISO IR14").encode() + b"\rPID|1||\xd4\xcf\xc0\xde\r"
    assert read(raw, "PID-3") == "ﾔﾏﾀﾞ"
    raw = HEAD.format(app="A", charset="~ISO IR87").encode() + b"\rPID|1||\x1b(ITO@^\x1b(B|x\r"
    assert (read(raw, "PID-3"), read(raw, "PID-4")) == ("ﾔﾏﾀﾞ", "x")


def test_blanks_are_in_every_set():
    raw = (
        HEAD.format(app="A", charset="ISO IR14~ISO IR87").encode() + b"\rPID|1||\x1b$B;3 ED\t\xd4;3\x1b(B y\r"
    )
    assert read(raw, "PID-3") == "山 田\tﾔ山 y"


def test_a_switch_ends_with_its_segment():
    raw = HEAD.format(app="A", charset="~ISO IR87").encode() + b"\rPID|1||\x1b$B;3ED\rPV1|1|I\r"
    assert (read(raw, "PID-3"), read(raw, "PV1-2")) == ("山田", "I")


@pytest.mark.parametrize(
    "text",
    [b"\x1b$B\x1b3", b"a\x1b", b"\x1b\x1b(B$B;3", b"\x1b$B\xff\xff", b"\x1b$B;", b"\x1b$(Z12", b"\x1b-Z1"],
)
def test_bytes_that_no_set_has_are_102(text):
    raw = HEAD.format(app="A", charset="ASCII~ISO IR87").encode() + b"\rPID|1||" + text + b"\r"
    with pytest.raises(Unacceptable) as caught:
        Document.parse(raw)
    assert (caught.value.code, caught.value.place, caught.value.hl7) == ("charset", "MSH-18", 102)
    assert caught.value.__cause__ is None


def test_the_first_empty_repetition_is_what_nothing_declared_is():
    assert decode("Ü".encode(), ["", "ISO IR87"]).quirks == ("undeclared_8bit",)
    assert decode(b"\xdc", ["", "ISO IR87"]).text == "Ü"
    with pytest.raises(Unacceptable):
        decode(b"\xdc", ["", "ISO IR87"], strict=True)
    assert decode(b"\xb3", ["ASCII", "8859/2"]).text == "ł"
    assert decode(b"M", ["ASCII", "EBCDIC"]).quirks == ("unknown_charset",)
    assert decode(b"\x1b$B;3\x1b(B", [], default="ISO-2022-JP").text == "山"
    assert decode(b"M", ["EBCDIC", "8859/2"]).quirks == ("unknown_charset",)
    with pytest.raises(Unacceptable) as caught:
        decode(b"\xb3", ["EBCDIC", "8859/2"])
    assert caught.value.hl7 == 103


@pytest.mark.parametrize(
    ("written", "codec", "text"),
    [
        ("\\M2442\\;3ED\\C2842\\ San", "ascii", "山田 San"),
        ("\\M242844\\0!\\C284A\\", "ascii", "丂"),
        ("a\\C2D42\\\xb3\\C2D41\\\xfc", "iso8859-1", "ałü"),
        ("\\C2949\\\uff94", "cp932", "ﾔ"),
        ("\\M2442\\;3\\C2842\\\\T\\b\\X26\\", "ascii", "山&b&"),
        ("\\E\\C2842\\E\\", "ascii", "\\C2842\\"),
        ("\\M2442\\0\\F\\A\\S\\\\C2842\\x", "ascii", "淫挿x"),  # delimiters within, escaped
        ("C:\\CAFE\\MEAL", "ascii", "C:\\CAFE\\MEAL"),
        ("\\C2D5A\\x", "ascii", "\\C2D5A\\x"),
        ("\\M2442\\;", "ascii", "\\M2442\\;"),
        ("\\M2442\\;3ED", "utf-8", "\\M2442\\;3ED"),
    ],
)
def test_h1_1_switches_in_hl7s_own_escapes(written, codec, text):
    assert unescape(written, USUAL, codec)[0] == text


def test_what_is_no_switch():
    assert switched("C2842") == "\x1b(B"
    assert [switched(body) for body in ("C28", "C284G", "T", "M2842", "C0000")] == [
        None,
        None,
        None,
        "\x1b(B",
        None,
    ]


@given(
    st.text(alphabet="aZ|^\\~&\r\n üÜŁłЖ山田ソ홍ﾔ，"),
    st.sampled_from(["ascii", "iso8859-1", "iso8859-2", "cp932", "euc_kr"]),
)
def test_what_is_written_with_switches_reads_back(text, base):
    codec = codec_over(base)
    assert text.encode(codec).decode(codec) == text


@given(st.binary(max_size=60), st.sampled_from([b"", b"\x1b$B", b"\x1b-B", b"\x1b$)C"]))
def test_any_bytes_are_decoded_or_refused(raw, start):
    with suppress(Unacceptable):
        decode(start + raw, ["8859/1", "ISO IR87"])
