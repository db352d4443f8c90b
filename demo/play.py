"""Plays a story to an engine over MLLP, printing each message and its answer as it goes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.text import Text

from demo.line import Act, Line, raw_of
from demo.wardline import Wardline
from demo.wire import Heard, Wire, together

__all__ = ["Player", "expected_states"]


class Player:
    """Keeps what was answered: `wrong` are the lines whose answer was not the story's; `doubles` counts,
    per channel, what the engine had stored before it was killed and so got twice; `messages` were sent."""

    def __init__(self, engine: Wardline, console: Console, day: date) -> None:
        self._engine, self._console, self._day = engine, console, day
        self.sent = 0
        self.messages: list[bytes] = []
        self.wrong: list[str] = []
        self.doubles: Counter[str] = Counter()
        self._number = 0

    def play(self, acts: Sequence[Act]) -> None:
        """The whole story, each act settled before the next. Raises `Broken`."""
        for act in acts:
            self._console.print(Text(f"\n  {act.title}", style="bold"))
            with _Wires(self._engine) as wires:
                for line in act.lines:
                    self._number += 1
                    self._line(line, raw_of(line, f"DAY-{self._number:03}", self._day), wires)
            self._settle()

    def _line(self, line: Line, raw: bytes, wires: _Wires) -> None:
        port = self._engine.ports[line.channel]
        self.messages.append(raw)
        if line.parallel:
            heard = together(port, raw, line.sent)
        elif line.crash:
            heard = [self._crash(line, raw, wires)]
        else:
            heard = [wires.to(port).send(raw) for _ in range(line.sent)]
        self.sent += len(heard)
        codes = [answer.code for answer in heard]
        if codes != [line.answer] * line.sent:
            self.wrong.append(f"{line.event} at {line.at}")
        self._say(line, heard)

    def _say(self, line: Line, heard: Sequence[Heard]) -> None:
        row = Text(f"  {line.at}  {line.event:<7}  {line.words:<43} ")
        colour = "green" if line.answer in ("AA", "CA") else "yellow"
        right = all(answer.code == line.answer for answer in heard)
        codes = " ".join(answer.code or "--" for answer in heard)
        row.append(f"{codes:<8}", colour if right else "bold red")
        row.append(f" {max(answer.took for answer in heard):5.1f} ms", "dim")
        self._console.print(row, soft_wrap=True)

    def _crash(self, line: Line, raw: bytes, wires: _Wires) -> Heard:
        """Kill the engine with the message on the wire, start it again and send what was not answered."""
        engine, working = self._engine, self._engine.open()
        heard = wires.to(engine.ports[line.channel]).send(raw, engine.kill)
        self._say(line, [heard])
        kept = bool(stored(engine) - self.sent)
        began = time.monotonic()
        engine.start()
        wires.renew()
        took = time.monotonic() - began
        for words in (
            f"kill -9 with {working} on their way, up again after {took:.1f} s",
            _fate(kept, heard),
        ):
            self._console.print(Text(f"  {'':14} ⚡ {words}", style="magenta"), soft_wrap=True)
        if heard.code:
            return heard
        if kept:
            self.doubles[line.channel] += 1
            self.sent += 1
        return wires.to(engine.ports[line.channel]).send(raw)

    def _settle(self) -> None:
        began = time.monotonic()
        if self._console.is_terminal:
            with self._console.status("  effects on their way"):
                self._engine.settled()
        else:
            self._engine.settled()
        words = f"  {'':7}effects settled after {time.monotonic() - began:.1f} s"
        self._console.print(Text(words, style="dim"))


class _Wires:
    """One connection per door, opened when first used."""

    def __init__(self, engine: Wardline) -> None:
        self._engine = engine
        self._open: dict[int, Wire] = {}

    def to(self, port: int) -> Wire:
        if port not in self._open:
            self._open[port] = Wire(port)
        return self._open[port]

    def renew(self) -> None:
        for wire in self._open.values():
            wire.close()
        self._open.clear()

    def __enter__(self) -> _Wires:
        return self

    def __exit__(self, *_: object) -> None:
        self.renew()


def stored(engine: Wardline) -> int:
    """How many messages the store holds."""
    return sum(int(row["messages"]) for row in engine.ask("account")["messages"])


def expected_states(acts: Sequence[Act], doubles: Counter[str], refusing: bool) -> Counter[tuple[str, str]]:
    """How many messages of each channel end in which state; only an Odoo is `refusing` any effect."""
    states = Counter({(channel, "duplicate"): count for channel, count in doubles.items()})
    for line in (line for act in acts for line in act.lines):
        state = "delivered" if line.refused and not refusing else line.state
        states[line.channel, state] += 1
        states[line.channel, "duplicate"] += line.sent - 1
    return +states


def _fate(kept: bool, heard: Heard) -> str:
    if heard.code:
        return "it had answered just in time"
    return f"not answered and {'already safe' if kept else 'not kept'}: sent again"
