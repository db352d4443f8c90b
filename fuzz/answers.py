"""Asking over plain sockets, and what must hold of every answer."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Final, NamedTuple, get_args

from lxml import etree

from engine.fhir.issues import Code
from fuzz.requests import Request
from fuzz.spoiling import CANARY

__all__ = ["SLOW", "Answer", "Client", "judge", "trespass"]

SLOW: Final = 10.0  # seconds
CODES: Final = frozenset(get_args(Code))
SECRET: Final = CANARY.lower().encode()


class Answer(NamedTuple):
    """What came back; `body` without its Content-Encoding."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A connection that is kept as long as it is of use."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._wire: socket.socket | None = None

    def ask(self, request: Request) -> Answer:
        """The answer. Raises `OSError` when there is none."""
        if self._wire is None or not request.framed:
            self.close()
            self._wire = socket.create_connection(("127.0.0.1", self._port), SLOW)
            self._wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wire.sendall(request.raw)
        if not request.framed:
            self._wire.shutdown(socket.SHUT_WR)
        answer = self._read(request.method)
        if not request.framed or answer.headers.get("connection") == "close":
            self.close()
        return answer

    def _read(self, method: str, got: bytes = b"") -> Answer:
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, body = got.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split()[1])
        if status == 100:
            return self._read(method, body)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = 0 if method == "HEAD" or status in (204, 304) else int(headers.get("content-length", "0"))
        while len(body) < length:
            body += self._more()
        if headers.get("content-encoding") == "gzip" and body:
            body = gzip.decompress(body)
        return Answer(status, headers, body)

    def _more(self) -> bytes:
        assert self._wire is not None
        more = self._wire.recv(1 << 18)
        if not more:
            raise ConnectionResetError("closed without an answer")
        return more

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None


def judge(request: Request, answer: Answer) -> str:
    """What is wrong with an answer; empty when nothing is."""
    if answer.status >= 500 and answer.status != 503:
        return f"{answer.status}"
    if answer.status < 400:
        return _judge_good(answer)
    heads = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    if SECRET in answer.body.lower() or SECRET.decode() in str(heads).lower():
        return "the refusal repeats what was sent"
    if request.method == "HEAD":
        return ""
    return _judge_refusal(request, answer)


def _judge_good(answer: Answer) -> str:
    """2xx and 3xx: outcomes inside a Bundle repeat nothing either."""
    if not answer.body or "json" not in answer.headers.get("content-type", ""):
        return ""
    said = json.loads(answer.body)
    outcomes = [
        entry.get("response", {}).get("outcome", {})
        for entry in said.get("entry", [])
        if int(entry.get("response", {}).get("status", "200")[:3]) >= 400
    ]
    if any(int(entry.get("response", {}).get("status", "200")[:3]) >= 500 for entry in said.get("entry", [])):
        return "a 5xx inside a Bundle"
    return "an outcome repeats what was sent" if SECRET in json.dumps(outcomes).lower().encode() else ""


def _judge_refusal(request: Request, answer: Answer) -> str:
    try:
        issues = _issues(answer)
    except Exception:
        oauth = "/auth/token" in request.target and b'"error"' in answer.body
        return "" if oauth else "a refusal that is no OperationOutcome"
    if not issues or not set(issues) <= CODES:
        return "an outcome without a code of FHIR"
    return ""


def _issues(answer: Answer) -> list[str]:
    """The codes of an OperationOutcome."""
    if "xml" in answer.headers["content-type"]:
        root = etree.fromstring(answer.body)
        assert etree.QName(root).localname == "OperationOutcome"
        return [str(code.get("value")) for code in root.iter("{http://hl7.org/fhir}code")]
    said = json.loads(answer.body)
    assert said["resourceType"] == "OperationOutcome"
    return [issue["code"] for issue in said["issue"]]


OPEN: Final = {"ChargeItem", "CapabilityStatement", "OperationOutcome", "MessageHeader", "Task", "Bundle", ""}


def trespass(answer: Answer) -> str:
    """What is wrong with an answer to somebody who may create charge items and nothing else."""
    if answer.status >= 300 or "json" not in answer.headers.get("content-type", "") or not answer.body:
        return ""
    said = json.loads(answer.body)
    given = [said, *(entry.get("resource", {}) for entry in said.get("entry", []))]
    types = {str(one.get("resourceType", "")) for one in given}
    done = [
        entry["response"].get("location", "")
        for entry in said.get("entry", [])
        if entry.get("response", {}).get("status", "4") < "3"
    ]
    if types <= OPEN and all("/ChargeItem/" in f"/{place}" for place in done):
        return ""
    return "somebody was given more than he may have"
