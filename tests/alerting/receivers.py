"""Who is told, as real servers: SMTP with STARTTLS, and HTTP."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from engine.model import Owner
from engine.watching import Alert, Kind

__all__ = ["Asked", "Hooks", "Mails", "alert", "hooks", "mails"]


def alert(**given: Any) -> Alert:
    standard: dict[str, Any] = {
        "id": 7, "cause": "silent channel:charges", "kind": Kind.SILENT, "subject": "channel:charges",
        "channel": "charges", "owner": Owner.TECHNICAL, "opened_at": 1_763_978_400.0,
        "seen_at": 1_763_978_400.0, "value": 2520.0, "worst": 2520.0, "limit": 900.0,
        "said": {"expected": "every 15m, mon-fri 07-19"},
    }  # fmt: skip
    return Alert(**{**standard, **given})


class Mails:
    """Takes every message, or answers `says` to what comes."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.under_tls: list[bool] = []
        self.says = "250 OK"
        self.port = 0

    async def handle_DATA(self, _server: Any, session: Session, envelope: Envelope) -> str:
        if self.says.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            parsed = BytesParser(policy=default).parsebytes(content)
            assert isinstance(parsed, EmailMessage)
            self.taken.append(parsed)
            self.envelopes.append(envelope)
            self.under_tls.append(session.ssl is not None)
        return self.says


@contextmanager
def mails(tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> Iterator[Mails]:
    handler = Mails()

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        said = (given.login.decode(), given.password.decode())
        return AuthResult(success=said == login, handled=False)

    more: dict[str, Any] = {"authenticator": authenticate, "auth_required": True} if login else {}
    if tls:
        more |= {"tls_context": tls, "require_starttls": True}
    loop = asyncio.new_event_loop()
    opening = loop.create_server(lambda: SMTP(handler, loop=loop, hostname="test", **more), "127.0.0.1", 0)
    server = loop.run_until_complete(opening)
    handler.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield handler
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


class Asked:
    """One request as it came."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path, self.headers, self.body = path, headers, body


class Hooks:
    """Answers `status` to all; a redirect leads to itself."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.status = 200
        self.url = ""


@contextmanager
def hooks() -> Iterator[Hooks]:
    told = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told.asked.append(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(told.status)
            if 300 <= told.status < 400:
                self.send_header("Location", f"{told.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
