"""Messages for the interoperability tests: every version, several character sets, delimiters and sizes.

Synthetic, deterministic, each with a control id of its own.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

__all__ = ["TYPES", "VERSIONS", "Mix", "messages"]

VERSIONS = (
    "2.1",
    "2.2",
    "2.3",
    "2.3.1",
    "2.4",
    "2.5",
    "2.5.1",
    "2.6",
    "2.7",
    "2.7.1",
    "2.8",
    "2.8.1",
    "2.8.2",
)
TYPES = ("ADT^A01", "DFT^P03", "ADT^A01^ADT_A01", "DFT^P03^DFT_P03")
NAMES = {
    "": ("MUSTER^ERIKA", "DOE^JANE"),
    "UNICODE UTF-8": ("Müller^Jürgen", "Łukasiewicz^Żaneta", "Папа^Анна", "山田^太郎"),
    "8859/1": ("Müller^Jürgen", "Ñuñez^François", "Åström^Øyvind"),
}
ENCODINGS = {"": "ascii", "UNICODE UTF-8": "utf-8", "8859/1": "iso8859-1"}


class Mix(NamedTuple):
    """What varies. `sizes` are those of OBX-5 in bytes; message n has `sizes[n % len(sizes)]`."""

    versions: tuple[str, ...] = VERSIONS
    charsets: tuple[str, ...] = ("", "UNICODE UTF-8", "8859/1")
    delimiters: tuple[str, ...] = ("|^~\\&", "$%!*@", "#;:?/")
    sizes: tuple[int, ...] = (0,) * 80 + (3_000,) * 18 + (70_000, 300_000)


def messages(prefix: str, count: int, mix: Mix) -> list[bytes]:
    """So many messages, `{prefix}1` and so on."""
    kinds = list(product(mix.versions, mix.charsets, mix.delimiters))
    return [_message(f"{prefix}{number}", number, kinds, mix.sizes) for number in range(1, count + 1)]


def _message(
    control_id: str, number: int, kinds: list[tuple[str, str, str]], sizes: tuple[int, ...]
) -> bytes:
    version, charset, marks = kinds[number * 7 % len(kinds)]
    old = version in ("2.1", "2.2")
    kind = TYPES[number % 4] if not old else "ADT^A01"
    names = NAMES[charset]
    patient = f"{5000 + number % 40}^^^HOSP&1.2.3&ISO^MR"
    name = names[number % len(names)]
    lines = [
        f"MSH|^~\\&|EHR^1.2^ISO|WARD|WARDLINE|STORE|20261121120000+0100||{kind}|{control_id}|P|{version}"
        + (f"||||||{charset}" if charset else ""),
        f"PID|1||{patient}~X{number}^^^OTHER||{name}||19700101|F",
        "PV1|1|I|ICU^12^1",
    ]
    if kind.startswith("DFT"):
        lines.append(f"FT1|{number}|T{number}||20261121||CG|G100^GLOVES \\T\\ MORE^L|||2")
    if sizes[number % len(sizes)]:
        body = "".join(f"{at:08} " for at in range(sizes[number % len(sizes)] // 9))
        lines.append(f'OBX|1|TX|NOTE^a\\S\\b||{body}\\.br\\end|||""')
    usual, own = "|^~\\&", marks
    text = "".join(line.translate(str.maketrans(usual, own)) + "\r" for line in lines)
    return text.encode(ENCODINGS[charset])
