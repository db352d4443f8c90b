"""Whether a text holds a value that identifies somebody, in whatever spelling.

Compared are `plain` forms (`engine.privacy.spelling`): from six characters on a value is found anywhere in a
text, a shorter one as a whole word; numbers without their leading zeros within a run of digits, short ones as
a whole run; phones by their last seven digits; days in every order of day, month and year; a name also with
its parts run together, in either order; a town as all that a text says, because hospitals are called after
towns; its postal code beside it, because codes have four or five digits too; a name that is a word of every
hospital (Ward, Long, March) beside another part of it; free text where one of the two holds the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import chain, pairwise, permutations, product

from engine.privacy.harvest import Seen
from engine.privacy.spelling import dates_of, digits_of, plain, readings, weight, words_of

__all__ = ["COMMON", "Identities"]

LONG = 6  # characters from which on a value is found anywhere in a text
SHORT = 3  # characters of the shortest value that is looked for
NAMES = 6  # short parts of one name that are looked for run together
PHONE = 7  # last digits of a number by which it is known, whatever its prefix
SAID = 6  # words from which on free text is compared: fewer may name a ward or an item
SAID_LONG = 24  # and characters
LONGEST = 4_000  # characters of free text that are compared, the first
_COMMON_WORDS = (
    "avenue baby centre center clinic department division girl health highway home hospital house laboratory"
    " medical nursing public road street test university unknown"
    " anonymous boy female infant male none null same self twin unk xxx zzz"
    # surnames that are words of wards, stores and calendars
    " bed block day east floor gate hall lab long night north room short south station stay stock store unit"
    " theatre ward west wing haus kammer lager nord ost saal salle sud tag zimmer"
    " april august june march may monday friday sunday summer winter"
)
COMMON = frozenset(map(plain, _COMMON_WORDS.split()))
"""Words that stand where names and addresses should and name nobody, or are names (Ward, Stock, March) and
words of codes: alone they say nothing, beside another part of the same name they do."""


class Identities:
    """The identifying values of one message, ready to be looked for in what is made of it, or (`prose`) in a
    text that somebody wrote: there a town, the number of a house and a name like Ward count by themselves."""

    __slots__ = ("_anywhere", "_dates", "_digits", "_prose", "_runs", "_texts", "_whole", "_words")

    def __init__(self, seen: Sequence[Seen], *, texts: bool = True, prose: bool = False) -> None:
        self._prose = prose
        self._anywhere: dict[str, str] = {}
        self._words: dict[str, str] = {}
        self._digits: dict[str, str] = {}  # found within a run of digits
        self._runs: dict[str, str] = {}  # found as a whole run of digits
        self._dates: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._whole: dict[str, str] = {}  # found where it is all that a text, or a part of a key, says
        texts = texts and any(one.kind in ("name", "date") for one in seen)  # else they are about nobody
        for one in seen:
            if texts or one.kind != "text":
                _ADD[one.kind](self, one._replace(short=True) if prose else one)
        self._towns(seen)

    def __repr__(self) -> str:
        return "Identities()"

    def row_in(self, text: str, *, whole_names: bool = False, drawn: bool = False) -> str:
        """The policy's row of a value that stands in the text, empty when none does; with `whole_names` no
        single short word counts, in a text that was `drawn` by chance no short number either."""
        names, runs = not (whole_names or drawn), not drawn
        return next((row for one in readings(text) if (row := self._row_in(one, names=names, runs=runs))), "")

    def row_of_number(self, number: Decimal) -> str:
        """The same of a number that is no text: all of its digits, from six on."""
        digits = f"{abs(number):f}".rstrip("0").rstrip(".").replace(".", "")
        candidates = {digits, f"{abs(number):f}".replace(".", ""), f"{abs(number):.0f}"}
        return next((row for one in candidates if len(one) >= LONG and (row := self._digits.get(one))), "")

    def row_of_date(self, day: str) -> str:
        """The same of a day, `YYYYMMDD`."""
        return self._dates.get(day, "")

    def _row_in(self, text: str, *, names: bool, runs: bool) -> str:
        folded, words = plain(text), words_of(text)
        found = _first(self._anywhere, folded) or (self._short(folded, words) if names else "")
        if not found and self._whole:
            parts = (folded, *map(plain, text.split("/"))) if "/" in text else (folded,)
            found = next((self._whole[part] for part in parts if part in self._whole), "")
        if not found and (self._digits or self._runs or self._dates):
            found = self._in_digits(text, self._runs if runs else {})
        return found or self._said(folded, words)

    def _short(self, folded: str, words: list[str]) -> str:
        known = self._words
        if not known:
            return ""
        candidates = (folded, *words, *(plain(one + other) for one, other in pairwise(words)))
        return next((known[word] for word in candidates if word in known), "")

    def _in_digits(self, text: str, short: dict[str, str]) -> str:
        runs = digits_of(text)
        within = (_first(self._digits, run) for run in runs)
        whole = (short.get(word.lstrip("0"), "") for word in words_of(text) if short)
        found = next((row for row in chain(within, whole) if row), "")
        if found:
            return found
        days = self._dates
        if not days or not (runs and sum(map(len, runs)) >= 4):
            return ""
        return next((days[day] for day in dates_of(text) if day in days), "")

    def _said(self, folded: str, words: list[str]) -> str:
        for said, row in self._texts.items():
            if said in folded or (len(words) >= SAID and len(folded) >= SAID_LONG and folded in said):
                return row
        return ""

    def _name(self, one: Seen) -> None:
        """Its words, its parts as they hang together (`Smith-Jones`), and short ones run together by twos:
        whatever longer run of them there is holds one of those."""
        words = words_of(one.text)
        words += [part for part in map(plain, one.text.split()) if part not in words]
        for text in words:
            self._value(text, one)
        short = [word for word in words if 1 < len(word) < LONG or word in COMMON][:NAMES]
        for pair in permutations(short, 2):
            if max(map(len, pair)) >= SHORT:
                self._value(plain("".join(pair)), one)

    def _value(self, text: str, one: Seen) -> None:
        heavy = weight(text)
        if text in COMMON and not self._prose:
            return
        if heavy >= LONG:
            self._anywhere.setdefault(text, one.row)
            if text[0] == "e":  # behind a vowel it is taken for the second letter of an umlaut
                self._anywhere.setdefault(text[1:], one.row)
        elif heavy >= SHORT and one.short:
            self._words.setdefault(text, one.row)

    def _number(self, one: Seen) -> None:
        folded = plain(one.text)
        if folded.isdecimal():
            self._digit_number(folded, one)
            return
        runs = [word for word in words_of(one.text) if word.isdecimal()]
        if runs or (one.short and len(folded) >= LONG):  # a word where a number should be is none
            self._value(folded, one)
        longest = max(runs, key=len, default="")
        if one.short and len(longest.lstrip("0")) >= LONG:
            self._digit_number(longest, one)

    def _digit_number(self, digits: str, one: Seen) -> None:
        core = digits.lstrip("0")
        if not core.strip("9"):  # 999999: nobody's
            return
        if len(core) >= LONG:
            self._digits.setdefault(core, one.row)
        elif len(core) >= SHORT and one.short:
            self._runs.setdefault(core, one.row)

    def _date(self, one: Seen) -> None:
        day = one.text[:8]
        if len(day) < 8 or not day.isdecimal():
            day = "".join(one.text[:10].split("-"))
        if len(day) == 8 and day.isdecimal():
            year, month, of_month = day[:4], day[4:6], day[6:]
            self._dates.setdefault(day, one.row)
            for spelled in (day, of_month + month + year, month + of_month + year):
                self._digits.setdefault(spelled, one.row)

    def _contact(self, one: Seen) -> None:
        if "@" in one.text or "/" in one.text:
            self._value(plain(one.text), one)
            return
        for digits in digits_of(one.text):
            if len(digits) >= PHONE and digits.strip("0") and digits.strip("9"):
                self._digits.setdefault(digits[-PHONE:], one.row)

    def _address(self, one: Seen) -> None:
        """A line with its number is found anywhere, a long postal code as a number, the name of a town alone.
        The number of a house or a flat is any number."""
        folded = plain(one.text)
        if self._prose:
            self._number(one)
            self._value(folded, one)
        elif folded.isdecimal():
            self._digit_number(folded, one._replace(short=False))
        elif sum(map(str.isdecimal, folded)) == len(folded) - 1 < LONG - 1:
            return  # 12b
        elif any(letter.isdecimal() for letter in folded):
            self._value(folded, one)
        elif len(folded) >= SHORT and folded not in COMMON:
            self._whole.setdefault(folded, one.row)

    def _towns(self, seen: Sequence[Seen]) -> None:
        """Towns with their postal codes, which by themselves are numbers like any other, in either order."""
        places: dict[str, set[str]] = {}
        for one in seen:
            if one.kind == "address":
                places.setdefault(one.row.rpartition(".")[0] or one.row, set()).add(plain(one.text))
        for row, parts in places.items():
            codes = [part for part in parts if SHORT < len(part) < LONG and part.isdecimal()]
            for code, town in product(codes, parts & self._whole.keys()):
                self._anywhere.setdefault(town + code, row)
                self._anywhere.setdefault(code + town, row)

    def _text(self, one: Seen) -> None:
        text = one.text[:LONGEST]
        folded = plain(text)
        if len(folded) >= SAID_LONG and len(words_of(text)) >= SAID:
            self._texts.setdefault(folded, one.row)


_ADD = {
    "name": Identities._name,
    "number": Identities._number,
    "date": Identities._date,
    "contact": Identities._contact,
    "address": Identities._address,
    "text": Identities._text,
}


def _first(known: dict[str, str], text: str) -> str:
    """The row of the first value that stands in the text."""
    return next((row for value, row in known.items() if value in text), "")
