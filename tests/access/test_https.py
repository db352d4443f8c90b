"""Published keys, asked for over a real TLS connection."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from certificates import Authority

from engine.access import https
from engine.access.https import fetch_keys
from engine.access.keys import MAX_SET
from engine.errors import Unavailable

PAGES: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/keys": (200, {"Cache-Control": "public, max-age=60"}, b'{"keys": []}'),
    "/keys?tenant=1": (200, {}, b'{"keys": [1]}'),
    "/aged": (200, {"Cache-Control": "max-age=60", "Age": "20"}, b"{}"),
    "/old": (200, {"Cache-Control": 'MAX-AGE="60"', "Age": "80"}, b"{}"),
    "/not-kept": (200, {"Cache-Control": "no-store"}, b"{}"),
    "/asked-again": (200, {"Cache-Control": "max-age=60, no-cache"}, b"{}"),
    "/unsaid": (200, {"Cache-Control": "public, s-maxage=60"}, b"{}"),
    "/elsewhere": (302, {"Location": "/keys"}, b""),
    "/gone": (404, {}, b"{}"),
    "/large": (200, {}, b" " * (MAX_SET + 1)),
}


class Keys(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            self._drip()
            return
        status, headers, body = PAGES[self.path]
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            try:
                self.wfile.write(b" ")
                time.sleep(0.02)
            except OSError:
                return

    def log_message(self, *_: object) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up in the handshake is what some tests are about."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "hospital")


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[str]:
    pair = authority.issue("keys", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    listening = Quiet(("127.0.0.1", 0), Keys)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    yield f"localhost:{listening.server_address[1]}"
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))


@pytest.mark.parametrize(
    ("page", "max_age"),
    [
        ("/keys", 60),
        ("/keys?tenant=1", None),
        ("/aged", 40),
        ("/old", 0),
        ("/not-kept", 0),
        ("/asked-again", 0),
        ("/unsaid", None),
    ],
)
def test_keys_and_how_long_they_may_be_kept(server: str, page: str, max_age: float | None) -> None:
    found = fetch_keys(f"https://{server}{page}")
    assert (found.body, found.max_age) == (PAGES[page][2], max_age)


@pytest.mark.parametrize("page", ["/elsewhere", "/gone", "/large"])
def test_answers_that_are_no_keys(server: str, page: str) -> None:
    with pytest.raises(Unavailable):
        fetch_keys(f"https://{server}{page}")


def test_a_server_that_drips(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "ALL_SECONDS", 0.1)
    with pytest.raises(Unavailable, match="too slow"):
        fetch_keys(f"https://{server}/slow")


def test_a_certificate_that_nobody_vouches_for(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path, "other").file))
    with pytest.raises(Unavailable):
        fetch_keys(f"https://{server}/keys")


def test_a_certificate_for_another_name(server: str) -> None:
    with pytest.raises(Unavailable):
        fetch_keys(f"https://{server.replace('localhost', '127.0.0.1')}/keys")


@pytest.mark.parametrize(
    "url", ["http://localhost/keys", "file:///etc/passwd", "https:///keys", "ftp://x", ""]
)
def test_nothing_but_https(url: str) -> None:
    with pytest.raises(Unavailable, match="https only"):
        fetch_keys(url)


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[fe80::1]", "0.0.0.0", "[::]", "224.0.0.1", "[ff02::1]", "240.0.0.1",
     "[::ffff:169.254.169.254]"],
)  # fmt: skip
def test_addresses_where_no_key_server_is(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *given: connected.append(given))
    with pytest.raises(Unavailable):
        fetch_keys(f"https://{host}/latest/meta-data")
    assert not connected


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unavailable):
        fetch_keys(f"https://localhost:{port}/keys")
