"""Where fuzzing begins: the synthetic messages of the tests, and streams and happenings made of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from mllp.framing import encode

__all__ = ["FOUND", "seeds"]

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "fixtures" / "hl7"
FOUND = Path(__file__).parent / "found"

SMALL = rb"MSH|^~\&|A|B|C|D|20261122||ADT^A01|1|P|2.5" + b"\r" + rb"PID|1||7^^^H&1.2&ISO~8||X\T\Y" + b"\r"
ODD = [
    b"MSH|^~&|A\rPID|1\r",
    b"MSH|^~\\\\&|A|||||||||2.3\r",
    b"MSH$%!*@#$A$B$C$D$2026$$DFT%P03$1$P$2.8\rFT1$1$$$2026$$$G%x!y$\r",
    "\ufeffMSH|^~\\&||||||||1|P|2.5||||||UNICODE UTF-8\rPID|||ü\r".encode(),
    "MSH|^~\\&||||||||1|P|2.5||||||8859/1\rPID|||\\XFC\\ü\\H\\b\\N\\\\.br\\\r".encode("latin-1"),
    b"MSH|^~\\&||||||||1|P|2.5||||||ASCII~ISO IR87\rPID|||\x1b$B;3ED\x1b(B\r",
    b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + SMALL + SMALL + b"BTS|2\rFTS|1\r",
    b"MSH|^~\\&||||||||1|P|2.5\rPID|||" + b'""^""~a^^"b"&c~~' + b"\nft1|1\n  OBX|2\nstray\n",
    b"MSH|^~\\&||||||||1|P|2.5||||||UNICODE UTF-8\rOBX|1|TX|||\\XFF\\ \\XZZ\\ \\X\\ \\.sp3\\ \\Zx\\ \\E\\\r",
    b"MSH|^~\\&|||||||ACK|1|P|2.5|7||AL|NE\rMSA|AA|1|text|8\r",
]


def seeds(target: str) -> Iterator[bytes]:
    """Inputs for a target, each well-formed or odd in a known way, and everything ever found by it."""
    messages = [path.read_bytes() for path in sorted(FIXTURES.glob("*.hl7"))] + [SMALL, *ODD]
    make = {
        "framing": _framing,
        "session": _session,
        "batch": _batch,
        "document": _document,
        "resources": _resources,
    }[target]
    yield from make(messages)
    yield from (path.read_bytes() for path in sorted(FOUND.glob(f"{target}/*")))


REQUEST = (
    b'{"resourceType":"SupplyRequest","status":"active","identifier":[{"system":"urn:o","value":"A1"}],'
    b'"itemCodeableConcept":{"coding":[{"system":"urn:i","code":"G1"}]},"quantity":{"value":1.10}%s}'
)
MORE = [
    b"",
    b',"contained":[{"resourceType":"Patient","id":"p","name":[{"given":["A",null],'
    b'"_given":[null,{"id":"x"}]}]}],"deliverTo":{"reference":"#p"}',
    b',"extension":[{"url":"urn:x","valueString":"\\u0001"}]',
    b',"extension":[{"url":"urn:x","valueDecimal":-0.0},{"url":"urn:y","valueBase64Binary":"eA=="}]',
    b',"occurrencePeriod":{"start":"2026-11-22","end":"2026-11-22T10:00:00Z"},"authoredOn":"2026"',
    b',"_status":{"extension":[{"url":"urn:z","valueUuid":"urn:uuid:2dcd4f9f-4a3c-4dd4-9a62-4d1b0a6a4b1a"}]}',
    b',"text":{"status":"generated","div":"<div>x&nbsp;\\u00e9</div>"},"status":"active"',
    b',"parameter":[{"valueBoolean":true},{"valueRange":{"low":{"value":1},"high":{"value":2e3}}}]',
]
CHARGE = (
    b'<ChargeItem xmlns="http://hl7.org/fhir">%s<subject><reference value="Patient/1"/></subject>'
    b"</ChargeItem>"
)
INNER = [
    b'<status value="billable"/><code><text value="x"/></code>',
    b'<!-- x --><status id="a" value="planned"><extension url="urn:x"><valueDecimal value="1.10"/>'
    b"</extension></status>",
    b'<text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml"><b>x</b></div></text>',
    b'<contained><Patient><id value="p"/><active value="true"/></Patient></contained><code/>',
    b'<priceOverride><value value="12.50"/><currency value="EUR"/></priceOverride><status value="billed"/>',
]


def _resources(_messages: list[bytes]) -> Iterator[bytes]:
    for number, more in enumerate(MORE * 3):
        yield REQUEST % more + bytes([number % 3])
    for number, inner in enumerate(INNER * 3):
        yield CHARGE % inner + bytes([4 + number % 4])


def _document(messages: list[bytes]) -> Iterator[bytes]:
    for number, message in enumerate(messages):
        yield message + bytes([number % 4])


def _batch(messages: list[bytes]) -> Iterator[bytes]:
    head, tail = b"FHS|^~\\&|A|B\rBHS|^~\\&|A|B|C|D|2026||x|y|B1\r", b"BTS|2\rFTS|1\r"
    for number, (one, other) in enumerate(pairwise(message[:90] + b"\r" for message in messages)):
        options = bytes([number, 1, 1 + number % 3, 2])
        yield head + one + other + tail + options
        yield b"\x0b" + one + b"\n\xef\xbb\xbf" + other + b"\x1c\r" + options
        yield b"BHS$%!*@\r" + one + b"BTS$x\rstray\rBTS\rFTS|1\rBHS\r" + other + options


def _framing(messages: list[bytes]) -> Iterator[bytes]:
    options = [b"\0\1\1\1", b"\1\2\7\3", b"\2\0\0\0", b"\3\x11\5\1"]
    shorter = [message[:90] for message in messages]
    for number, (one, other) in enumerate(pairwise(shorter)):
        frames = encode(one), encode(other)
        yield b"".join(frames) + options[number % 4]
        yield b"noise" + frames[0][:-1] + frames[1] + options[number % 4]
        yield frames[0][:20] + frames[1] + b"\x1c\n\x1c\x0b\x1c\r\x0bMS" + options[number % 4]


def _session(messages: list[bytes]) -> Iterator[bytes]:
    for options in range(16):
        yield bytes([options, 2, 1, 2, 2, 5, 0, 6, 9, 5, 0, 2, 3, 12, 0])
        yield bytes([options, 0, 31, *encode(messages[0])[:32], 6, 80, 4, 0, 11, 0, 5, 0])
        yield bytes([options, 3, 4, 7, 0, 6, 255, 8, 0, 5, 1, 4, 201, 5, 0, 10, 1])
        yield bytes([options, 3, 4, 13, 1, 13, 1, 13, 0, 4, 1, 13, 0, 5, 0, 4, 0, 10, 100])
        yield bytes([options, 1, 7, *b"\x0bMSH|\x1c..", 6, 2, 0, 60, *b"\x0bMSH" * 9, 9, 1, 12, 0, 5, 0])
