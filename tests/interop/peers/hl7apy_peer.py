"""hl7apy's MLLP server as a peer: `hl7apy_peer.py server CONFIG.json`, {log, encoding, types}.

Prints {"port": N}; a line of JSON in `log` per message.
"""

from __future__ import annotations

import json
import sys
import threading
from base64 import b64encode
from pathlib import Path
from typing import Any

from hl7apy.core import Message
from hl7apy.mllp import AbstractHandler, MLLPRequestHandler, MLLPServer
from hl7apy.parser import parse_message

CONFIG: dict[str, Any] = json.loads(Path(sys.argv[2]).read_text())
ONE_AT_A_TIME = threading.Lock()


class Request(MLLPRequestHandler):
    """hl7apy's own, in the character set of these messages."""

    encoding = CONFIG["encoding"]


class Answering(AbstractHandler):
    """AA to everything, built by hl7apy from what hl7apy read."""

    def reply(self) -> str:
        """The answer, framed."""
        message = parse_message(self.incoming_message, find_groups=False)
        answer = Message("ACK", version=message.version, encoding_chars=message.encoding_chars)
        answer.msh.msh_9, answer.msh.msh_11 = "ACK", "P"
        answer.msa.msa_1, answer.msa.msa_2 = "AA", message.msh.msh_10.value
        row = {
            "received": b64encode(self.incoming_message.encode(CONFIG["encoding"])).decode(),
            "control_id": message.msh.msh_10.value,
            "answered": answer.to_er7(),
        }
        with ONE_AT_A_TIME, Path(CONFIG["log"]).open("a") as log:
            log.write(json.dumps(row) + "\n")
        return str(answer.to_mllp())


if __name__ == "__main__":
    handlers = {kind: (Answering,) for kind in CONFIG["types"]}
    with MLLPServer("127.0.0.1", 0, handlers, request_handler_class=Request) as server:
        print(json.dumps({"port": server.server_address[1]}), flush=True)
        server.serve_forever()
