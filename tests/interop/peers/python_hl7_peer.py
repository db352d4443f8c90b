"""python-hl7 as a peer: `python_hl7_peer.py server|blocking|asyncio CONFIG.json`.

server: {log, tls?}; prints {"port": N}; a line of JSON in `log` per message.
blocking, asyncio: {port, messages, out, connections, portions?, tls?}; end when all are answered.
`tls` is {key, cert, ca}.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import hl7
import hl7.mllp
from hl7.client import MLLPClient

CONFIG: dict[str, Any] = json.loads(Path(sys.argv[2]).read_text())


def encoding(raw: bytes) -> str:
    """Of a message of these tests, by its MSH-18."""
    return "iso8859-1" if b"8859/1" in raw.split(b"\r", 1)[0] else "utf-8"


def result(index: int, sent: bytes, answer: bytes) -> dict[str, Any]:
    """What a sender learns from an answer, read by python-hl7."""
    msa = hl7.parse(answer.decode(encoding(answer))).segment("MSA")
    return {
        "index": index,
        "sent": b64encode(sent).decode(),
        "answer": b64encode(answer).decode(),
        "code": str(msa[1]),
        "about": str(msa[2]),
    }


def context(purpose: ssl.Purpose) -> ssl.SSLContext | None:
    """TLS with a certificate of our own, trusting `ca` alone."""
    if not (tls := CONFIG.get("tls")):
        return None
    made = ssl.create_default_context(purpose, cafile=tls["ca"])
    made.load_cert_chain(tls["cert"], tls["key"])
    made.verify_mode = ssl.CERT_REQUIRED
    return made


def blocking(messages: list[bytes]) -> list[dict[str, Any]]:
    """The blocking client, one connection after the other."""
    results, connections = [], CONFIG["connections"]
    for number in range(connections):
        with MLLPClient("127.0.0.1", CONFIG["port"]) as client:
            for index in range(number, len(messages), connections):
                answer = client.send_message(messages[index])
                assert answer.startswith(b"\x0b")
                assert answer.endswith(b"\x1c\r")
                results.append(result(index, messages[index], answer[1:-2]))
    return results


async def several(messages: list[bytes]) -> list[dict[str, Any]]:
    """The asyncio client, all connections at once; `portions`: blocks leave in pieces of so many bytes."""
    results: list[dict[str, Any]] = []

    async def line(number: int) -> None:
        reader, writer = await hl7.mllp.open_hl7_connection(
            "127.0.0.1", CONFIG["port"], ssl=context(ssl.Purpose.SERVER_AUTH),
            **({"server_hostname": "localhost"} if CONFIG.get("tls") else {}),
        )  # fmt: skip
        for index in range(number, len(messages), CONFIG["connections"]):
            sent = await write(writer, messages[index])
            results.append(result(index, sent, await reader.readblock()))
        writer.close()

    await asyncio.gather(*(line(number) for number in range(CONFIG["connections"])))
    return results


async def write(writer: Any, raw: bytes) -> bytes:
    """Send as python-hl7 writes the message it has read, or in pieces; the bytes that were sent."""
    if length := CONFIG.get("portions"):
        block = b"\x0b" + raw + b"\x1c\r"
        for at in range(0, len(block), length):
            writer.write(block[at : at + length])
            await writer.drain()
            await asyncio.sleep(0)
        return raw
    writer.encoding = encoding(raw)
    message = hl7.parse(raw.decode(writer.encoding))
    writer.writemessage(message)
    await writer.drain()
    return str(message).encode(writer.encoding)


async def serve() -> None:
    """Read, log, answer AA, until the process is ended."""

    async def received(reader: Any, writer: Any) -> None:
        try:
            while True:
                raw = await reader.readblock()
                message = hl7.parse(raw.decode(encoding(raw)))
                writer.encoding = encoding(raw)
                answer = message.create_ack("AA")
                row = {
                    "received": b64encode(raw).decode(),
                    "control_id": str(message["MSH.F10"]),
                    "answered": str(answer),
                }
                with Path(CONFIG["log"]).open("a") as log:
                    log.write(json.dumps(row) + "\n")
                writer.writemessage(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await hl7.mllp.start_hl7_server(
        received, "127.0.0.1", 0, limit=2**24, ssl=context(ssl.Purpose.CLIENT_AUTH)
    )
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "server":
        asyncio.run(serve())
    else:
        given = [b64decode(text) for text in json.loads(Path(CONFIG["messages"]).read_text())]
        found = blocking(given) if sys.argv[1] == "blocking" else asyncio.run(several(given))
        Path(CONFIG["out"]).write_text(json.dumps(found))
