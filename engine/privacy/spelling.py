"""Words, numbers and dates as they are compared, however somebody spells them.

`plain` knows no case, accents, spaces or marks; German umlauts and their two-letter spellings are one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

__all__ = ["dates_of", "digits_of", "plain", "readings", "weight", "words_of"]

_MARKS = re.compile(r"[^0-9a-z]+")
_WIDE_MARKS = re.compile(r"[\W_]+")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"}
)
_DIGRAPHS = re.compile("(?<=[aou])e+")
_IDEOGRAPHS = 0x2E80
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s().+\-\u2010-\u2015/_:,']+(?=\d)")
_DIGITS = re.compile(r"\d+")
_OID = re.compile(r"(?<![\d.])[012]\.\d+\.\d+\.\d+\.\d+")
_MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "jan ene gen janv", "feb fev fevr fev", "mar mrz mars maer", "apr avr abr", "may mai mei mag maj",
            "jun juin giu", "jul juil lug", "aug aou ago aout", "sep set sept", "oct okt ott out", "nov",
            "dec dez dic des",
        ),
        1,
    )
    for word in words.split()
}  # fmt: skip
_DATE = re.compile(
    r"(?<!\d)(\d{1,4})(?:st|nd|rd|th|\.)?[\s./,\-]*(?:([a-z]{3,10})|(?<=[\s./,\-])(\d{1,2}))[\s./,\-]*"
    r"(?:(?<=[a-z])|(?<=[\s./,\-]))(\d{1,4})(?!\d)"
)
_MONTH_FIRST = re.compile(
    r"(?<![a-z])([a-z]{3,10})[\s./,\-]*(\d{1,2})(?:st|nd|rd|th)?[\s./,\-]+(\d{4})(?!\d)"
)


def plain(text: str) -> str:
    """Letters and digits alone, without case and accents; `ß` is `ss`, `ü` and `ue` are `u`."""
    if text.isascii():
        folded = _MARKS.sub("", text.lower())
    else:
        folded = _WIDE_MARKS.sub("", _unaccented(text))
    return _DIGRAPHS.sub("", folded) if "e" in folded else folded


def words_of(text: str) -> list[str]:
    """Its words and its runs of digits, each `plain`."""
    return [plain(word) for word in _WORD.findall(text if text.isascii() else _unaccented(text))]


def digits_of(text: str) -> list[str]:
    """Its runs of digits, with what stands between the digits of a phone number or date left out; an object
    identifier (`2.16.840.1.113883`) stays as it is."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _DIGITS.findall(text if _OID.search(text) else _BETWEEN_DIGITS.sub("", text))


def weight(text: str) -> int:
    """How many characters a plain text counts for: one of an ideographic script says as much as three."""
    return len(text) if text.isascii() else sum(3 if ord(letter) >= _IDEOGRAPHS else 1 for letter in text)


def readings(text: str) -> list[str]:
    """A text as it is and as it reads once escapes of HTML, of URLs or of JSON are undone."""
    found = [text]
    if "&" in text:
        found.append(unescape(text))
    if "%" in text:
        found.append(unquote(text))
    if "\\" in text:
        found.append(_unescaped(text))
    return found


def dates_of(text: str) -> set[str]:
    """The days that stand in a text, as `YYYYMMDD`, in whatever order of day, month and year they are
    written with a mark or a month's name between; two-digit years count."""
    folded = text.lower() if text.isascii() else _unaccented(text)
    found: set[str] = set()
    for first, name, second, last in _DATE.findall(folded):
        month = _month(name)
        if name and not month:
            continue
        found.update(_days(first, month or second, last, named=bool(name)))
    for name, day, year in _MONTH_FIRST.findall(folded):
        found.update(_days(day, _month(name), year, named=True))
    return found


def _days(first: str, second: str, last: str, *, named: bool) -> Iterator[str]:
    """What three numbers may mean, each order that gives a day."""
    if not second:
        return
    orders = [(last, second, first), (first, second, last)]
    if not named:
        orders.append((last, first, second))
    for year, month, day in orders:
        if len(year) in (2, 4) and len(day) <= 2 and 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
            for century in ("",) if len(year) == 4 else ("19", "20"):
                yield f"{century}{year}{int(month):02}{int(day):02}"


def _month(name: str) -> str:
    return str(_MONTHS.get(name) or _MONTHS.get(name[:4]) or _MONTHS.get(name[:3]) or "")


def _unaccented(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return bare.casefold().translate(_LETTERS)


_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})\\)")


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1] or match[2] or match[3], 16)), text)
