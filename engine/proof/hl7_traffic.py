"""What is sent as HL7 v2: the whole table in every version, pieces, batches, noise, files, and messages by
chance.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from engine.proof.canaries import Canaries
from engine.proof.hl7_messages import CORE, EVERYTHING, FEW, FIELDS, PASSES, VERSIONS, Writer, treatment_of

__all__ = ["Sent", "batch", "by_chance", "files", "noise", "pieces", "table_messages", "unusual"]

_ODD: Final = ("MSH-8", "MSH-14", "MSH-15", "MSH-16", "MSH-18", "MSH-22", "MSH-23", "EVN-6")
_AROUND: Final = ("FHS", "BHS", "BTS", "FTS")


class Sent(NamedTuple):
    """One message for a channel's door."""

    name: str
    channel: str
    raw: bytes


def table_messages(
    canaries: Canaries, channels: Sequence[str], *, only: frozenset[str] | None = None
) -> Iterator[Sent]:
    """The whole table, in every version; five repetitions once (spec: PHI, P01, P02); `only` are segments."""
    segments = [one for one in EVERYTHING if only is None or one in only]
    for channel in channels:
        for version in VERSIONS:
            newest = version == VERSIONS[-1]
            write = Writer(canaries, repetitions=5 if newest else 1, passing=True)
            name = f"{channel} {version}"
            yield Sent(
                name, channel, write.message(name, "ADT^A01^ADT_A01", segments=segments, version=version)
            )


def unusual(canaries: Canaries, channel: str) -> Iterator[Sent]:
    """Messages that are refused, or are hardly any."""
    write = Writer(canaries)
    plain = write.message("plain", "ADT^A01")
    yield Sent("unknown type", channel, write.message("unknown type", "XYZ^A01", segments=CORE))
    yield Sent("unknown event", channel, write.message("unknown event", "ADT^@"))
    yield Sent("training", channel, write.message("training", "ADT^A01", {"MSH-11": "T"}))
    yield Sent("version", channel, write.message("version", "ADT^A01", {"MSH-12": "@"}))
    yield Sent("no control id", channel, write.message("no control id", "ADT^A01", {"MSH-10": ""}))
    yield Sent(
        "security",
        channel,
        write.message("security", "ADT^A01", dict.fromkeys(_ODD, "@")),
    )
    yield Sent(
        "1001 numbers", channel, write.message("1001 numbers", "ADT^A01", {"PID-3": "@~" * 1000 + "@"})
    )
    yield Sent(
        "control character", channel, write.message("control character", "ADT^A01", {"PV1-19": "@\x1f@"})
    )
    yield Sent("acknowledgement", channel, _with(write.message("acknowledgement", "ACK^A01"), write, "MSA"))
    yield Sent("equal delimiters", channel, plain.replace(rb"MSH|^~\&|", b"MSH|^^^^|", 1))
    yield Sent("no header", channel, write.message("no header", "ADT^A01").partition(b"\r")[2])
    latin = write.message("charset", "ADT^A01", charset="UNICODE UTF-8")
    yield Sent("charset", channel, latin.replace(b"\rPID|", b"\rPID|\xdc", 1))
    odd = write.message("other delimiters", "ADT^A01").replace(b"|", b"#").replace(b"^", b"@")
    yield Sent("other delimiters", channel, odd)
    yield Sent(
        "lines of Windows", channel, write.message("lines of Windows", "ADT^A01").replace(b"\r", b"\r\n")
    )


def pieces(canaries: Canaries, channel: str) -> Iterator[Sent]:
    """A message in two pieces (DSC), the second beginning in the middle of a field (ADD)."""
    write = Writer(canaries)
    link = canaries.word("pieces: DSC-1")
    first = write.message("pieces", "ORU^R01", segments=["PID", "OBX"]) + f"DSC|{link}|F\r".encode()
    second = write.message("pieces, the second", "ORU^R01", {"MSH-14": link}, segments=[])
    continued = write.segment("pieces, the second", "ADD")
    head, _, rest = second.partition(b"\r")
    yield Sent("pieces", channel, first.replace(b"\rDSC|", b"\rADD|\rDSC|"))
    yield Sent("pieces, the second", channel, head + b"\r" + continued.encode() + b"\r" + rest)
    alone = write.message("a piece alone", "ORU^R01") + write.segment("a piece alone", "DSC").encode() + b"\r"
    yield Sent("a piece alone", channel, alone)


def batch(canaries: Canaries, channel: str, name: str = "batch") -> Sent:
    """A file of a batch: the segments around messages hold canaries too."""
    write = Writer(canaries)
    around = {
        one: write.segment(name, one, {f"{one}-1": ""} if one in ("BTS", "FTS") else {}) for one in _AROUND
    }
    inside = b"".join(write.message(f"{name}, message {number}", "ADT^A01") for number in (1, 2))
    lines = "".join(f"{around[one]}\r" for one in ("FHS", "BHS")).encode()
    return Sent(
        name, channel, lines + inside + "".join(f"{around[one]}\r" for one in ("BTS", "FTS")).encode()
    )


def files(canaries: Canaries, channel: str) -> Iterator[tuple[str, Sent]]:
    """Files with telling names: a message, a batch, and what is no message."""
    write = Writer(canaries)
    for content, name in (
        (Sent("file", channel, write.message("file", "ADT^A01", segments=CORE)), "file"),
        (batch(canaries, channel, "file of a batch"), "batch"),
        (Sent("file of nothing", channel, canaries.word("file of nothing: bytes").encode() * 3), "nothing"),
        (Sent("file, refused", channel, write.message("file, refused", "XYZ^A01")), "refused"),
    ):
        yield f"{canaries.word(f'{name}: file name')}.hl7", content


def noise(canaries: Canaries) -> Iterator[bytes]:
    """Bytes that are no frame, half a frame, and a frame begun twice."""
    write = Writer(canaries)
    address = f"/{canaries.word('noise: address')}?name={canaries.word('noise: query')}"
    yield f"GET {address} HTTP/1.1\r\n\r\n".encode()
    begun, cut = (write.message(name, "ADT^A01", segments=["PID"])[:-40] for name in ("begun", "cut"))
    yield b"\x0b" + begun + b"\x0b" + cut


def by_chance(canaries: Canaries, doors: Sequence[tuple[str, str]], count: int, seed: int) -> Iterator[Sent]:
    """Messages with 50 canaries each, in fields by chance (spec: PHI, P03). `doors` are channels with a type
    of message that they take."""
    dice = random.Random(seed)  # noqa: S311 - to be the same again
    places = [(segment, number) for segment in FEW for number in FIELDS[segment]]
    for at in range(count):
        channel, kind = doors[at % len(doors)]
        name = f"by chance {at}"
        chosen = sorted(dice.sample(places, 44))
        fields: dict[str, dict[int, str]] = {segment: {} for segment in FEW}
        for segment, number in chosen:
            passes = treatment_of(FIELDS[segment][number], 1) in PASSES
            fields[segment][number] = canaries.word(f"{name}: {segment}-{number}", passes=passes)
        person, visit = (canaries.word(f"{name}: {place}") for place in ("PID-3.1", "PV1-19"))
        fields["PID"][3], fields["PV1"][19] = f"{person}^^^HOSP^MR", visit
        fields["ZPI"] = {number: canaries.word(f"{name}: ZPI-{number}") for number in range(1, 4)}
        control = canaries.word(f"{name}: MSH-10")
        head = rf"MSH|^~\&|HIS|HOSP|W|HOSP|20261121120000||{kind}|{control}|P|2.5.1"
        lines = [head, *(_line(segment, numbers) for segment, numbers in fields.items())]
        yield Sent(name, channel, "".join(f"{line}\r" for line in lines).encode())


def _line(segment: str, numbers: dict[int, str]) -> str:
    return "|".join([segment, *(numbers.get(number, "") for number in range(1, max(numbers, default=0) + 1))])


def _with(raw: bytes, write: Writer, segment: str) -> bytes:
    """The message with this segment behind its first."""
    head, _, rest = raw.partition(b"\r")
    return head + b"\r" + write.segment(segment.lower(), segment).encode() + b"\r" + rest
