"""Our client as the sender: `wardline_peer.py send CONFIG.json`.

{port, messages, out, connections, connect_each, attempts, tls?}: each connection sends its share, in order;
`connect_each` takes a new connection for every message. `tls` is {key, cert, ca}.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from mllp.client import MllpClient, Retry
from mllp.tls import ClientTls

CONFIG: dict[str, Any] = json.loads(Path(sys.argv[2]).read_text())


def client(reactor: Any) -> MllpClient:
    """A new one, with the retries that were asked for and no wait between them."""
    tls = CONFIG.get("tls")
    secure = ClientTls("localhost", tls["ca"], tls["cert"], tls["key"]) if tls else None
    retry = Retry(attempts=CONFIG.get("attempts", 1), first=0.0)
    return MllpClient(reactor, "127.0.0.1", CONFIG["port"], tls=secure, retry=retry)


async def line(reactor: Any, messages: list[bytes], number: int) -> list[dict[str, Any]]:
    """One connection's share."""
    results, sender = [], client(reactor)
    for index in range(number, len(messages), CONFIG["connections"]):
        answer = await sender.send(messages[index])
        results.append(
            {
                "index": index,
                "verdict": answer.verdict.value,
                "code": answer.code,
                "answer": b64encode(answer.message).decode(),
                "attempts": answer.attempts,
                "reason": answer.reason,
            }
        )
        if CONFIG.get("connect_each"):
            await sender.close()
            sender = client(reactor)
    await sender.close()
    return results


async def main(reactor: Any) -> None:
    """All connections at once."""
    messages = [b64decode(text) for text in json.loads(Path(CONFIG["messages"]).read_text())]
    lines = [
        Deferred.fromCoroutine(line(reactor, messages, number)) for number in range(CONFIG["connections"])
    ]
    found = await gatherResults(lines)
    Path(CONFIG["out"]).write_text(json.dumps([row for rows in found for row in rows]))


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
