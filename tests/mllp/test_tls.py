"""TLS over real sockets (T21 in miniature): who is refused, and that nothing was read from them."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority, Pair
from mllp_wire import A1, B1, Sender, Served, acknowledgement
from OpenSSL import SSL
from patience import PATIENCE

from mllp.answers import Verdict
from mllp.client import ONCE, MllpClient
from mllp.session import Limits
from mllp.tls import ClientTls, ServerTls

Serve = Callable[..., Served]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"), "theirs")


@pytest.fixture(scope="module")
def server_pair(ours: Authority) -> Pair:
    return ours.issue("engine", "engine.hospital.example", "127.0.0.1")


def context(ca: Path, pair: Pair | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(ca))
    if pair is not None:
        made.load_cert_chain(pair.certificate, pair.key)
    return made


def secure(served: Served, made: ssl.SSLContext, name: str = "engine.hospital.example") -> Sender:
    plain = socket.create_connection(("127.0.0.1", served.port), timeout=10)
    try:
        return Sender(served.port, made.wrap_socket(plain, server_hostname=name))
    except Exception:
        plain.close()
        raise


def refused(served: Served, made: ssl.SSLContext) -> bool:
    """True when the handshake, or the first use after it, fails and no message arrived."""
    try:
        sender = secure(served, made)
    except (ssl.SSLError, OSError):
        return served.application.received == []
    try:
        sender.send(B1)
        return sender.answer() == b"" and served.application.received == []
    except (ssl.SSLError, OSError):
        return served.application.received == []
    finally:
        sender.close()


def test_a_good_certificate_is_served_and_known(serve: Serve, ours: Authority, server_pair: Pair) -> None:
    served = serve(ServerTls(server_pair.certificate, server_pair.key, ours.file))
    sender = secure(served, context(ours.file, ours.issue("lab", "LAB.hospital.example", "urn:x:lab")))
    sender.send(B1)
    assert sender.answer() == A1
    assert sender.socket.version() == "TLSv1.3"
    sender.close()
    peer = served.application.peers[0]
    assert (peer.subject, peer.names) == ("CN=lab", ("lab.hospital.example", "urn:x:lab"))
    assert served.counted("closed_peer_closed", 1)
    assert served.server.counters["tls_failures"] == 0


@pytest.mark.parametrize("case", ["none", "wrong-ca", "expired", "wrong-name", "no-name"])
def test_t21_a_bad_client_is_refused(
    case: str, serve: Serve, ours: Authority, theirs: Authority, server_pair: Pair
) -> None:
    pairs: dict[str, Callable[[], Pair | None]] = {
        "none": lambda: None,
        "wrong-ca": lambda: theirs.issue("lab", "lab.hospital.example"),
        "expired": lambda: ours.issue("late", "lab.hospital.example", days=-1),
        "wrong-name": lambda: ours.issue("ward", "ward.hospital.example"),
        "no-name": lambda: ours.issue("lab.hospital.example"),
    }
    served = serve(
        ServerTls(server_pair.certificate, server_pair.key, ours.file, names=["Lab.hospital.example"])
    )
    assert refused(served, context(ours.file, pairs[case]()))
    assert served.counted("tls_failures", 1)
    good = secure(served, context(ours.file, ours.issue("lab", "lab.hospital.example")))
    good.send(B1)
    assert good.answer() == A1
    good.close()


def test_without_an_authority_clients_are_not_asked(serve: Serve, ours: Authority, server_pair: Pair) -> None:
    served = serve(ServerTls(server_pair.certificate, server_pair.key))
    sender = secure(served, context(ours.file))
    sender.send(B1)
    assert sender.answer() == A1
    sender.close()
    assert served.application.peers[0].names == ()
    with pytest.raises(ValueError, match="authority"):
        ServerTls(server_pair.certificate, server_pair.key, names=["lab"])


@pytest.mark.filterwarnings("ignore:.*TLSv1:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=str)
def test_t21_old_versions_are_refused(
    version: ssl.TLSVersion, serve: Serve, ours: Authority, server_pair: Pair
) -> None:
    served = serve(ServerTls(server_pair.certificate, server_pair.key, ours.file))
    old = context(ours.file, ours.issue("lab", "lab.hospital.example"))
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = version
    assert refused(served, old)
    assert served.counted("tls_failures", 1)


def test_t21_a_weak_cipher_is_refused(serve: Serve, ours: Authority, server_pair: Pair) -> None:
    served = serve(ServerTls(server_pair.certificate, server_pair.key, ours.file))
    weak = context(ours.file, ours.issue("lab", "lab.hospital.example"))
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    assert refused(served, weak)


def test_a03_a_burst_over_tls(serve: Serve, ours: Authority, server_pair: Pair) -> None:
    served = serve(ServerTls(server_pair.certificate, server_pair.key, ours.file))
    sender = secure(served, context(ours.file, ours.issue("lab")))
    frames = [B1.replace(b"|C1|", b"|C%d|" % n) for n in range(500)]
    sender.send(*frames)
    assert [sender.answer() for _ in frames] == [acknowledgement(frame) for frame in frames]
    sender.close()


def test_tls_1_2_is_served(serve: Serve, ours: Authority, server_pair: Pair) -> None:
    served = serve(ServerTls(server_pair.certificate, server_pair.key, ours.file))
    older = context(ours.file, ours.issue("lab", "lab.hospital.example"))
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    sender = secure(served, older)
    sender.send(B1)
    assert sender.answer() == A1
    sender.close()


def test_plain_mllp_on_a_tls_port_is_refused(serve: Serve, ours: Authority, server_pair: Pair) -> None:
    served = serve(ServerTls(server_pair.certificate, server_pair.key, ours.file))
    sender = served.connect()
    sender.send(B1)
    sender.answer()
    assert served.application.received == []
    assert served.counted("tls_failures", 1)


def test_a_handshake_that_never_comes_is_cut(serve: Serve, ours: Authority, server_pair: Pair) -> None:
    served = serve(
        ServerTls(server_pair.certificate, server_pair.key, ours.file), limits=Limits(read_timeout=0.2)
    )
    started = time.monotonic()
    assert served.connect().closed()
    assert time.monotonic() - started < 2 * PATIENCE
    assert served.counted("tls_failures", 1)


def test_renewed_files_are_noticed_and_broken_ones_are_not_used(
    serve: Serve, ours: Authority, tmp_path: Path
) -> None:
    files = Pair(tmp_path / "engine.pem", tmp_path / "engine.key")

    def install(pair: Pair) -> None:
        files.certificate.write_bytes(pair.certificate.read_bytes())
        files.key.write_bytes(pair.key.read_bytes())

    def serial(served: Served) -> int:
        sender = secure(served, context(ours.file, ours.issue("lab")))
        found = sender.socket.getpeercert()
        sender.close()
        return int(found["serialNumber"], 16)

    install(ours.issue("first", "engine.hospital.example"))
    tls = ServerTls(files.certificate, files.key, ours.file)
    served = serve(tls)
    first = serial(served)
    assert serial(served) == first
    install(ours.issue("second", "engine.hospital.example", days=3))
    second = serial(served)
    assert second != first
    assert timedelta(days=2) < tls.expires - datetime.now(UTC) < timedelta(days=4)
    files.key.write_bytes(b"half a file")
    assert serial(served) == second


def test_a_key_that_does_not_fit_is_an_error_at_start(ours: Authority, server_pair: Pair) -> None:
    with pytest.raises(SSL.Error):
        ServerTls(server_pair.certificate, ours.issue("other").key, ours.file)
    with pytest.raises(FileNotFoundError):
        ServerTls("no such file", server_pair.key, ours.file)


def sent(
    call: Callable[..., Any], reactor: Any, served: Served, tls: ClientTls, host: str = "127.0.0.1"
) -> Any:
    client = MllpClient(reactor, "127.0.0.1", served.port, tls=tls, retry=ONCE, answer_timeout=5)
    answer = call(client.send, B1)
    call(client.close)
    return answer


@pytest.mark.parametrize("name", ["engine.hospital.example", "127.0.0.1"])
def test_our_client_and_our_server(
    name: str, serve: Serve, call: Any, reactor: Any, ours: Authority, server_pair: Pair
) -> None:
    served = serve(ServerTls(server_pair.certificate, server_pair.key, ours.file, names=["lab"]))
    mine = ours.issue("lab", "lab")
    tls = ClientTls(name, ca=ours.file, certificate=mine.certificate, key=mine.key)
    assert sent(call, reactor, served, tls).verdict is Verdict.ACCEPTED


def test_our_client_without_a_certificate_is_refused(
    serve: Serve, call: Any, reactor: Any, ours: Authority, server_pair: Pair
) -> None:
    served = serve(ServerTls(server_pair.certificate, server_pair.key, ours.file))
    answer = sent(call, reactor, served, ClientTls("127.0.0.1", ca=ours.file))
    assert answer.verdict is Verdict.NONE
    assert answer.reason.startswith("connection lost: TLS: ")
    assert served.application.received == []


@pytest.mark.parametrize("case", ["other-name", "other-address", "other-ca", "system-ca"])
def test_our_client_refuses_a_server_it_does_not_know(
    case: str, serve: Serve, call: Any, reactor: Any, ours: Authority, theirs: Authority, server_pair: Pair
) -> None:
    served = serve(ServerTls(server_pair.certificate, server_pair.key, ours.file))
    mine = ours.issue("lab", "lab")
    name = {"other-name": "other.hospital.example", "other-address": "127.0.0.2"}.get(case, "127.0.0.1")
    ca = {"other-ca": theirs.file, "system-ca": None}.get(case, ours.file)
    answer = sent(call, reactor, served, ClientTls(name, ca=ca, certificate=mine.certificate, key=mine.key))
    assert answer.verdict is Verdict.NONE
    assert "certificate verify failed" in answer.reason
    assert served.application.received == []
