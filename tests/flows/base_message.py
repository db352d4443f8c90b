"""The base message of the acknowledgement cases (spec: ack, section 8) and the answer it deserves."""

from __future__ import annotations

import re

B1 = (
    rb"MSH|^~\&|EHR^1.2.3^ISO|HOSP|ENG|STORE|20261121120000||DFT^P03^DFT_P03|C1|P|2.5"
    b"\r"
    b"EVN|P03|20261121120000\r"
    b"PID|1||77^^^H^MR||DOE^JANE\r"
    b"FT1|1|||20261121||CG|G100^Glove^L||||2\r"
)
ADT = (
    rb"MSH|^~\&|EHR^1.2.3^ISO|HOSP|ENG|STORE|20261121120000||ADT^A01|C1|P|2.5"
    b"\r"
    b"EVN|A01|20261121120000\r"
    b"PID|1||77^^^H^MR||DOE^JANE\r"
)


def b1(control_id: str, message: bytes = B1, **fields: str) -> bytes:
    """The base message under its own control id; `msh11="T"` puts that into MSH-11."""
    header, _, rest = message.partition(b"\r")
    separator = header[3:4]
    values = header.split(separator)
    changes = {"msh10": control_id, **fields}
    for name, value in changes.items():
        number = int(name.removeprefix("msh"))
        values += [b""] * (number - len(values))
        values[number - 1] = value.encode("latin-1")
    return separator.join(values) + b"\r" + rest


def a1(control_id: str, code: str = "AA", *, type: str = "ACK^P03^ACK", tail: str = "P|2.5") -> str:
    """The answer to it: `<T>` stands for any time, `<N>` for any new id."""
    return rf"MSH|^~\&|ENG|STORE|EHR^1.2.3^ISO|HOSP|<T>||{type}|<N>|{tail}⏎MSA|{code}|{control_id}⏎"


def is_answer(answer: bytes | None, expected: str) -> bool:
    """Byte for byte but for `<T>` and `<N>`; ⏎ is the segment end."""
    assert answer is not None, f"no answer, expected {expected}"
    pattern = re.escape(expected.replace("⏎", "\r").encode("latin-1"))
    pattern = pattern.replace(b"<T>", rb"\d{14}[+-]\d{4}").replace(b"<N>", rb"[A-Z0-9]{11,20}")
    assert re.fullmatch(pattern, answer), f"{answer!r} is not {expected!r}"
    return True
