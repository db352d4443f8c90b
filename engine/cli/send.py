"""`wardline send`: messages from files to a listener, and what it answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Annotated, Any

import typer
from OpenSSL import SSL
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure

from engine.cli.named import counted
from engine.cli.show import JsonOption, print_json, table
from engine.errors import Misconfigured
from engine.hl7.files import split_messages
from mllp.answers import Verdict
from mllp.attempts import COMMITTED_ONLY, ONCE, Answer
from mllp.client import MllpClient
from mllp.framing import Release
from mllp.tls import ClientTls

__all__ = ["Tally", "play", "send"]

_LINE_EVERY = 5.0
"""Seconds between progress lines where there is no terminal."""

_HINTS = (
    (
        "not connected",
        "nobody took the connection: does an engine run there with a channel at this port? A firewall?",
    ),
    (
        "certificate verify failed",
        "the listener's certificate was not accepted: --ca names who issued it, --server-name the name in it;"
        " one that is over is refused too",
    ),
    (
        "connection lost: Connection was closed cleanly",
        "the listener closed without an answer: it wants TLS, takes nothing now, or not from this address;"
        " its log says which",
    ),
)
"""What to look at, by what stands in an answer that did not come."""


def send(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Files of messages.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="HOST:PORT", help="The listener.")],
    tls: Annotated[bool, typer.Option("--tls", help="Use TLS; implied by the options below.")] = False,
    ca: Annotated[Path | None, typer.Option(help="Authority of the server (default: the system's).")] = None,
    cert: Annotated[Path | None, typer.Option(help="Our certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="Its key, when not in the same file.")] = None,
    server_name: Annotated[str, typer.Option(help="Name to verify (default: the host).")] = "",
    rate: Annotated[float, typer.Option(min=0, help="Messages a second, 0: as fast as answered.")] = 0,
    connections: Annotated[int, typer.Option(min=1, max=1000, help="Connections side by side.")] = 1,
    repeat_: Annotated[int, typer.Option("--repeat", min=1, help="Send everything so many times.")] = 1,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = 30,
    mllp_release: Annotated[
        str, typer.Option("--mllp-release", help="1, or 2: the listener sends commit blocks first.")
    ] = "1",
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Each file is one message, sent byte for byte.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Send messages over MLLP and show what was answered.

    A file may hold many messages: a line that begins with MSH begins one; batch and framing bytes
    are left out. Segments may end in CR, LF or CRLF and are sent with CR ([bold]--as-is[/bold] sends
    the bytes untouched). Messages go once, in order on each connection; with --repeat the same
    bytes go again, so a receiver sees duplicates. Exit code 1 when any message was not positively
    answered (AA or CA, or with --mllp-release 2 committed where nothing else was asked for).
    """
    host, port = _address(to)
    if mllp_release not in ("1", "2"):
        raise typer.BadParameter("must be 1 or 2", param_hint="--mllp-release")
    release: Release = "2" if mllp_release == "2" else "1"
    secure = _tls(server_name or host, ca, cert, key) if tls or ca or cert or server_name else None
    messages = [message for file in files for message in _messages(file, as_is)]
    tally = Tally(len(messages) * repeat_)

    with _progress(tally, json):
        _run(
            lambda reactor: [
                MllpClient(
                    reactor, host, port, tls=secure, answer_timeout=timeout, release=release, retry=ONCE
                )
                for _ in range(connections)
            ],
            chain.from_iterable(repeat(messages, repeat_)),
            tally,
            rate,
        )
    if json:
        print_json(tally.summary())
    else:
        _show(tally)
    if sum(tally.answers[good] for good in ("AA", "CA", COMMITTED_ONLY)) < tally.total:
        raise typer.Exit(1)


@dataclass(slots=True)
class Tally:
    """What came back so far. `seconds` are those from the first message to the latest answer."""

    total: int
    answers: Counter[str] = field(default_factory=Counter)
    """Messages by MSA-1, or by why there was no answer that counts."""
    waits: list[float] = field(default_factory=list)
    seconds: float = 0.0
    told: Callable[[int], None] = lambda _: None
    """Called with the number of messages done."""

    def add(self, answer: Answer, seconds: float) -> None:
        """One more message is done."""
        self.answers[answer.code or answer.reason] += 1
        if answer.verdict is not Verdict.NONE:
            self.waits.append(answer.seconds)
        self.seconds = seconds
        self.told(self.done)

    @property
    def done(self) -> int:
        """Messages sent and answered, or given up."""
        return self.answers.total()

    def wait(self, percent: int) -> float:
        """The answer time in milliseconds that so many percent of the answers kept to."""
        waits = sorted(self.waits)
        return 1000 * waits[min(len(waits) - 1, len(waits) * percent // 100)] if waits else 0.0

    def summary(self) -> dict[str, Any]:
        """The figures, for `--json`: seconds, milliseconds, messages a second."""
        return {
            "messages": self.total,
            "answers": dict(self.answers.most_common()),
            "not_sent": self.total - self.done,
            "seconds": round(self.seconds, 3),
            "per_second": round(self.done / self.seconds, 1) if self.seconds else 0.0,
            "p50_ms": round(self.wait(50), 2),
            "p99_ms": round(self.wait(99), 2),
        }


def play(
    reactor: Any, clients: Sequence[MllpClient], messages: Iterator[bytes], tally: Tally, rate: float = 0
) -> Deferred[Any]:
    """Send `messages` over `clients`, each one's next when its last was answered, together no more
    than `rate` a second (0: no limit). A client that cannot connect takes no more. Fires, with the
    clients closed, when all are done."""
    started = reactor.seconds()
    sent = 0

    def pull(client: MllpClient, idle: Deferred[None]) -> None:
        nonlocal sent
        message = next(messages, None)
        if message is None:
            client.close().chainDeferred(idle)
            return
        wait = started + sent / rate - reactor.seconds() if rate else 0.0
        sent += 1
        reactor.callLater(max(0.0, wait), give, client, message, idle)

    def give(client: MllpClient, message: bytes, idle: Deferred[None]) -> None:
        client.send(message).addCallback(took, client, idle).addErrback(idle.errback)

    def took(answer: Answer, client: MllpClient, idle: Deferred[None]) -> None:
        tally.add(answer, reactor.seconds() - started)
        if client.counters["connect_failures"]:
            client.close().chainDeferred(idle)
        else:
            pull(client, idle)

    def run(client: MllpClient) -> Deferred[None]:
        idle: Deferred[None] = Deferred()
        pull(client, idle)
        return idle

    return gatherResults([run(client) for client in clients])


def _run(
    connect: Callable[[Any], list[MllpClient]], messages: Iterator[bytes], tally: Tally, rate: float
) -> None:
    """Run the reactor until everything has been sent, or until it is interrupted."""
    from twisted.internet import reactor as installed  # not before it is needed: this installs it

    reactor: Any = installed
    failures: list[Failure] = []

    def start() -> None:
        playing = play(reactor, connect(reactor), messages, tally, rate)
        playing.addErrback(failures.append)
        playing.addCallback(lambda _: reactor.stop())

    reactor.callWhenRunning(start)
    reactor.run()
    for failure in failures:
        failure.raiseException()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise typer.BadParameter("must look like HOST:PORT", param_hint="--to")
    return host.strip("[]"), int(port)


def _tls(name: str, ca: Path | None, cert: Path | None, key: Path | None) -> ClientTls:
    try:
        return ClientTls(name, ca=ca, certificate=cert, key=key)
    except (OSError, SSL.Error) as error:
        raise Misconfigured("these files cannot be used", where="--ca, --cert, --key") from error


def _messages(file: Path, as_is: bool) -> list[bytes]:
    data = file.read_bytes()
    found = [data] if as_is else split_messages(data)
    if not found:
        raise Misconfigured("no line begins with MSH", where=str(file), hint="--as-is sends it anyway")
    return found


def _progress(tally: Tally, quiet: bool) -> Progress:
    """A bar on a terminal, else a line now and then; nothing but the bar where `--json` is read."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("sending"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    task = bar.add_task("sending", total=tally.total)
    said = 0.0

    def line(done: int) -> None:
        nonlocal said
        if tally.seconds - said >= _LINE_EVERY:
            said = tally.seconds
            typer.echo(f"{done} of {tally.total} answered", err=True)

    if console.is_terminal:
        tally.told = lambda done: bar.update(task, completed=done)
    elif not quiet:
        tally.told = line
    return bar


def _show(tally: Tally) -> None:
    found = table("answer", "messages")
    for answer, n in tally.answers.most_common():
        found.add_row(answer, str(n))
    if tally.done < tally.total:
        found.add_row("not sent", str(tally.total - tally.done))
    Console().print(found)
    figures = tally.summary()
    said = f"{counted(tally.done, 'message')} in {tally.seconds:.1f} s ({figures['per_second']} a second)"
    if tally.waits:
        said += f"; answered in p50 {figures['p50_ms']} ms, p99 {figures['p99_ms']} ms"
    typer.echo(said)
    for words, hint in _HINTS:
        if any(words in answer for answer in tally.answers):
            typer.echo(f"→ {hint}")
