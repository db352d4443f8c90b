"""What was odd about a message although it could be read, in words for a person.

Reading counts quirks by name (`Reading.quirks`); whoever maps a value may add a warning with its place
(`Reading.warn`). Together they are what `wardline messages --id` shows under a message: names and places,
never a value.
"""

from __future__ import annotations

from typing import Final

from engine.hl7.reading import Reading
from engine.model import Reason, ReasonCode

__all__ = ["QUIRKS", "odd"]

_CHARSET, _STRUCTURE, _VALUE = ReasonCode.CHARSET, ReasonCode.STRUCTURE, ReasonCode.BAD_VALUE

QUIRKS: Final[dict[str, tuple[ReasonCode, str, str]]] = {
    "byte_order_mark": (_CHARSET, "MSH", "a byte order mark stands before the message"),
    "charset_alias": (_CHARSET, "MSH-18", "the character set is not spelled as in table 0211"),
    "doubtful_charset": (_CHARSET, "MSH-18", "the text would also be UTF-8, which is not what is declared"),
    "double_encoded": (_CHARSET, "", "text looks as if it had been encoded as UTF-8 twice"),
    "undeclared_8bit": (_CHARSET, "MSH-18", "text beyond ASCII without a declared character set"),
    "unknown_charset": (
        _CHARSET,
        "MSH-18",
        "a declared character set is not known; the text did not need it",
    ),
    "doubled_escape": (_STRUCTURE, "MSH-2", "the escape character is doubled"),
    "lost_escape": (_STRUCTURE, "MSH-2", "the escape character is missing: no text is taken for an escape"),
    "short_encoding": (_STRUCTURE, "MSH-2", "fewer delimiters than the standard has"),
    "indented_segment": (_STRUCTURE, "", "a segment is indented"),
    "leading_blanks": (_STRUCTURE, "MSH", "blanks or line ends stand before the message"),
    "line_feeds": (_STRUCTURE, "", "segments end in line feeds"),
    "lower_case_segment": (_STRUCTURE, "", "a segment id in lower case"),
    "stray_line": (_STRUCTURE, "", "a line that is no segment was passed over"),
    "more_warnings": (_STRUCTURE, "", "there were more warnings"),
    "mixed_delete": (_VALUE, "", "a list with values and a delete: the values were taken"),
    "truncated": (_VALUE, "", "a value ends in the truncation mark: something was cut off"),
    "unknown_escape": (_VALUE, "", "an escape character that starts no known sequence was read as text"),
}
"""By name: the word of the closed list, the place where there is one, and what is said."""


def odd(view: Reading) -> tuple[Reason, ...]:
    """Everything that was odd about a message so far: its quirks, and then its warnings in the order
    they were given."""
    if not view.quirks and not view.warnings:
        return ()
    return (*(_reason(name, count) for name, count in view.quirks.items()), *view.warnings)


def _reason(name: str, count: int) -> Reason:
    code, place, text = QUIRKS[name]
    return Reason(code, f"{text} ({count} times)" if count > 1 else text, place)
