"""The doors for HL7 v2 of a process, as editions come and go: what stays keeps its socket and its
connections.

A door is told from others by where it is, not by its channel: an address or a folder. Two steps, so that an
edition is taken whole or not at all: first what is new is opened, which may fail; then everything turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from engine.app.listening import (
    Listener,
    Wanted,
    begin_listening,
    change_listener,
    open_listener,
    wanted_door,
)
from engine.editions.loading import Loaded
from engine.errors import Misconfigured
from engine.listeners.channel import Doors
from engine.listeners.folder import FolderListener
from engine.listeners.mllp import MllpListener
from engine.settings import Settings
from engine.threads import Threads

__all__ = ["Hl7Doors"]

Key = tuple[str, ...]


class Hl7Doors:
    """Listeners by where they are. Reactor's thread, but for `wanted`."""

    def __init__(self, reactor: Any, settings: Settings, doors: Doors, threads: Threads) -> None:
        self._reactor, self._settings, self._behind, self._threads = reactor, settings, doors, threads
        self._open: dict[Key, tuple[Wanted, Listener]] = {}
        self._fresh: dict[Key, tuple[Wanted, Listener]] = {}
        self._draining: list[Listener] = []
        self._leaving: dict[Key, Deferred[Any]] = {}
        self._available = True
        self._held: frozenset[str] = frozenset()

    @property
    def listeners(self) -> list[Listener]:
        """Those that take messages."""
        return [listener for _, listener in self._open.values()]

    @property
    def leaving(self) -> list[Listener]:
        """Those that only answer what is in work."""
        return list(self._draining)

    def wanted(self, loaded: Loaded) -> list[Wanted]:
        """The doors of an edition. From any thread. Raises `Misconfigured`."""
        found: dict[Key, Wanted] = {}
        for channel in loaded.channels:
            if channel.spec.source.fhir is None:
                one = wanted_door(channel.spec, self._settings, loaded.number)
                if one.key in found:
                    other = found[one.key].channel.name
                    raise Misconfigured(f"the same door as {other}", where=one.channel.name)
                found[one.key] = one
        return list(found.values())

    def open(self, wanted: Sequence[Wanted]) -> None:
        """Open the doors that are not open yet. Raises `Misconfigured` when one cannot be had, and then none
        is."""
        try:
            for one in wanted:
                if one.key not in self._open:
                    listener = open_listener(one, self._behind, self._reactor, self._threads)
                    listener.accepting(self._accepts(listener))
                    self._fresh[one.key] = (one, listener)
        except Misconfigured:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Close again what `open` opened."""
        for _, listener in self._fresh.values():
            if not isinstance(listener, FolderListener):  # those have not begun
                listener.drain(0.0)
        self._fresh = {}

    def turn(self, wanted: Sequence[Wanted]) -> None:
        """From the next message on, take what these say; what is not wanted any more drains."""
        before, self._open = self._open, {}
        for one in wanted:
            if one.key in before:
                was, listener = before.pop(one.key)
                change_listener(listener, was, one)
            else:
                _, listener = self._fresh[one.key]
                self._begin(one, listener)
            listener.accepting(self._accepts(listener))  # another channel may be behind it
            self._open[one.key] = (one, listener)
        self._fresh = {}
        for key, (_, listener) in before.items():
            self._retire(key, listener)

    def accepting(self, yes: bool) -> None:
        """Take messages or turn them away (the store is down)."""
        self._available = yes
        for listener in self.listeners:
            listener.accepting(self._accepts(listener))

    def hold(self, channels: frozenset[str]) -> None:
        """Take nothing for these channels: what is in work is answered, then connections close; newcomers
        are turned away, and files stay where they are."""
        newly, self._held = channels - self._held, channels
        for listener in self.listeners:
            listener.accepting(self._accepts(listener))
            if listener.name in newly and isinstance(listener, MllpListener):
                listener.server.hang_up()

    def drain(self, timeout: float) -> list[Deferred[Any]]:
        """Answer what is in work, close."""
        return [listener.drain(timeout) for listener in (*self._draining, *self.listeners)]

    def _accepts(self, listener: Listener) -> bool:
        return self._available and listener.name not in self._held

    def _begin(self, wanted: Wanted, listener: Listener) -> None:
        """Nobody takes files of a folder while another is at the end of its last one."""
        leaving = self._leaving.get(wanted.key)
        if leaving is None or not isinstance(listener, FolderListener):
            begin_listening(listener, wanted)
        else:
            leaving.addBoth(lambda _: begin_listening(listener, wanted))

    def _retire(self, key: Key, listener: Listener) -> None:
        self._draining.append(listener)
        gone = (
            listener.retire()
            if isinstance(listener, FolderListener)
            else listener.drain(self._settings.drain)
        )
        self._leaving[key] = gone

        def left(_: Any) -> None:
            self._draining.remove(listener)
            if self._leaving.get(key) is gone:
                del self._leaving[key]

        gone.addBoth(left)
