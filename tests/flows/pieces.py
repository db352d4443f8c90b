"""Messages in pieces, cut anywhere (spec: ack, section 7.2)."""

from __future__ import annotations

from base_message import B1, b1


def pieces(*cuts: int, name: str = "C", message: bytes = B1, pointer: str = "W") -> list[bytes]:
    """`message` in one piece more than there are cuts (offsets into what follows MSH), with control
    ids `C1`, `C2` … A cut inside a segment is marked with ADD."""
    header, _, rest = message.partition(b"\r")
    made: list[bytes] = []
    for number, (start, end) in enumerate(zip((0, *cuts), (*cuts, len(rest)), strict=True), 1):
        inside = start > 0 and rest[start - 1 : start] != b"\r"
        body = (b"ADD|" if inside else b"") + rest[start:end]
        if number <= len(cuts):
            if not body.endswith(b"\r"):
                body += b"\rADD\r"
            body += f"DSC|{pointer}{number}\r".encode()
        follows = f"{pointer}{number - 1}" if number > 1 else ""
        made.append(b1(f"{name}{number}", header + b"\r" + body, msh14=follows))
    return made
