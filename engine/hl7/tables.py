"""HL7 tables that the engine itself speaks (HL7 terminology, UTG, August 2026)."""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "ALIASES", "CHARSETS", "DEFAULT_VERSION", "ERROR_CODES", "PROCESSING_IDS",
    "SEVERITIES", "read_version",
]  # fmt: skip

ERROR_CODES: Final = {
    0: "Message accepted",
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    104: "Value too long",
    198: "Non-conformant cardinality",
    199: "Other HL7 error",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    203: "Unsupported version id",
    204: "Unknown key identifier",
    205: "Duplicate key identifier",
    206: "Application record locked",
    207: "Application error",
}
"""Table 0357, message error condition codes."""

SEVERITIES: Final = frozenset("EFWI")
"""Table 0516: error, fatal, warning, information."""

PROCESSING_IDS: Final = {"P": "production", "D": "debugging", "T": "training"}
"""Table 0103."""

CHARSETS: Final = {
    "ASCII": "ascii",
    "8859/1": "iso8859-1",
    "8859/2": "iso8859-2",
    "8859/3": "iso8859-3",
    "8859/4": "iso8859-4",
    "8859/5": "iso8859-5",
    "8859/6": "iso8859-6",
    "8859/7": "iso8859-7",
    "8859/8": "iso8859-8",
    "8859/9": "iso8859-9",
    "8859/15": "iso8859-15",
    "ISO IR6": "ascii",
    "ISO IR14": "shift_jis",  # JIS X 0201: its katakana are Shift JIS's single bytes
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "JAS2020": "iso2022_jp",
    "JIS X 0202": "iso2022_jp_2",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
    "UNICODE": "utf-8",  # deprecated in 2.5; what can travel over MLLP under this name is UTF-8
    "UNICODE UTF-8": "utf-8",
}
"""Table 0211, by its codes, with Python's codec. CNS 11643-1992 has none; UTF-16 and
UTF-32 cannot be framed by MLLP (MLLP release 2)."""

ALIASES: Final = {
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "UNICODE UTF8": "utf-8",
    "UNICODE-UTF-8": "utf-8",
    "US-ASCII": "ascii",
    "WINDOWS-1252": "cp1252",
    "CP1252": "cp1252",
    "ISO 8859-1": "iso8859-1",
    "LATIN1": "iso8859-1",
    "SHIFT_JIS": "shift_jis",
    "GB18030": "gb18030",
    **{f"ISO8859-{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    **{f"ISO-8859-{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    **{f"8859-{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
}
"""What senders write instead of table 0211."""

DEFAULT_VERSION: Final = "2.5.1"
"""What a message is read as when MSH-12 is empty, and what an answer says when MSH-12 is no version."""

_VERSION: Final = re.compile(r"v?([0-9]{1,2}(?:\.[0-9]{1,2}){1,2})", re.ASCII | re.IGNORECASE)


def read_version(text: str) -> tuple[int, ...] | None:
    """MSH-12.1 as numbers: `2.5.1` → (2, 5, 1), also `v2.5` and outer blanks; None when it is no version.

    Empty reads as `DEFAULT_VERSION`.
    """
    found = _VERSION.fullmatch(text.strip() or DEFAULT_VERSION)
    return tuple(int(part) for part in found[1].split(".")) if found else None
