"""HL7 tables that the engine itself speaks (HL7 terminology, UTG, August 2026)."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["ALIASES", "CHARSETS", "DEFAULT_VERSION", "ERROR_CODES", "read_version"]

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
    "ISO IR14": "cp932",  # JIS X 0201: its katakana are Shift JIS's single bytes
    "ISO IR87": "hl7_iso2022_ascii",  # JIS X 0208
    "ISO IR159": "hl7_iso2022_ascii",  # JIS X 0212
    "JAS2020": "hl7_iso2022_ascii",
    "JIS X 0202": "hl7_iso2022_ascii",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
    "UNICODE": "utf-8",  # deprecated in 2.5; what can travel over MLLP under this name is UTF-8
    "UNICODE UTF-8": "utf-8",
}
"""Table 0211, by its codes, with Python's codec (`engine.hl7.iso2022` for those of escape sequences). CNS
11643-1992 has none; UTF-16 and UTF-32 cannot be framed by MLLP (MLLP release 2)."""

ALIASES: Final = {
    "ASCII7": "ascii",
    "USASCII": "ascii",
    "UTF8": "utf-8",
    "UNICODEUTF8": "utf-8",
    "LATIN1": "iso8859-1",
    "SHIFTJIS": "cp932",
    "SJIS": "cp932",
    "WINDOWS31J": "cp932",
    "CP932": "cp932",
    "ISO2022JP": "hl7_iso2022_ascii",
    "GB18030": "gb18030",
    "GB2312": "gb18030",
    "GBK": "gb18030",
    "BIG5": "big5",
    "EUCKR": "euc_kr",
    "KSC5601": "euc_kr",
    **{f"WINDOWS{page}": f"cp{page}" for page in range(1250, 1259)},
    **{f"CP{page}": f"cp{page}" for page in range(1250, 1259)},
    **{f"ISO8859{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    **{f"8859{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    "ISOIR100": "iso8859-1",
    "ISOIR101": "iso8859-2",
    "ISOIR109": "iso8859-3",
    "ISOIR110": "iso8859-4",
    "ISOIR144": "iso8859-5",
    "ISOIR127": "iso8859-6",
    "ISOIR126": "iso8859-7",
    "ISOIR138": "iso8859-8",
    "ISOIR148": "iso8859-9",
    "ISOIR203": "iso8859-15",
    "ISOIR192": "utf-8",
    "ISOIR13": "cp932",
    "ISOIR14": "cp932",
    "ISOIR87": "hl7_iso2022_ascii",
    "ISOIR159": "hl7_iso2022_ascii",
    "ISOIR6": "ascii",
    "ISOIR149": "euc_kr",
}
"""What senders write instead of table 0211, without blanks, `-`, `_` and `/`: registration numbers of ISO
(the sets of HL7's escapes and of DICOM), names of the internet and of Windows."""

DEFAULT_VERSION: Final = "2.5.1"
"""What a message is read as when MSH-12 is empty, and what an answer says when MSH-12 is no version."""

_VERSION: Final = re.compile(r"v?([0-9]{1,2}(?:\.[0-9]{1,2}){1,2})", re.ASCII | re.IGNORECASE)


def read_version(text: str) -> tuple[int, ...] | None:
    """MSH-12.1 as numbers: `2.5.1` → (2, 5, 1), also `v2.5` and outer blanks; None when it is no version.

    Empty reads as `DEFAULT_VERSION`.
    """
    found = _VERSION.fullmatch(text.strip() or DEFAULT_VERSION)
    return tuple(int(part) for part in found[1].split(".")) if found else None
