"""What an engine itself puts into the audit: that it runs, with what, until when; and its checkpoints."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version

import msgspec

from engine.auditing import Act, Configuration, Entry, Result, printable
from engine.config.configured import (
    Named,
    channel_configuration,
    differences,
    policy_configuration,
    settings_configuration,
)
from engine.config.loading import LoadedChannel
from engine.editions.loading import Loaded
from engine.errors import Unavailable
from engine.keyed import keyed
from engine.settings import Settings
from engine.store.contracts.audit import AuditStore
from engine.store.keys import KeyRing
from engine.store.witness import witness
from engine.telemetry import AuditContradicted, AuditSigned, AuditUnwitnessed, PrivacyIncident, signal

__all__ = ["SIGN_EVERY", "Recorder", "named_by"]

SIGN_EVERY = 60.0
"""Seconds between checkpoints, when there is something new."""

LOOK_EVERY = 5.0
"""Seconds between looks whether something is to be recorded."""


def named_by(ring: KeyRing) -> Named:
    """The keyed digest under which the audit keeps what a place of a configuration says."""
    return keyed(ring.derive("configured", ring.oldest), 8)


class Recorder:
    """The audit of one engine."""

    def __init__(
        self, store: AuditStore, settings: Settings, ring: KeyRing, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._store, self._settings, self._environ = store, settings, environ
        self._named = named_by(ring)
        self._missed, self._due = 0, 0.0
        self._withheld = Counter[PrivacyIncident]()
        self._lock = threading.Lock()

    def started(self, loaded: Loaded, workers: int) -> None:
        """Record the start, and everything that is loaded otherwise than it was last time. Raises
        `Unavailable` when that cannot be written: then the engine does not start."""
        told = {"version": version("wardline"), "workers": str(workers), "edition": str(loaded.number)}
        self._configured(loaded, Act.START, "engine", told)

    def taking_up(self, loaded: Loaded) -> None:
        """Record that an edition is about to be taken up, and what is otherwise then. Raises
        `Unavailable`."""
        self._configured(loaded, Act.DEPLOY, f"edition:{loaded.number}", {"step": "taken up"})

    def refused(self, edition: int, why: str, running: Loaded) -> None:
        """Record that an edition cannot be run here, and what goes on. Raises `Unavailable`."""
        told = {"step": "refused", "why": why[:8000], "running": str(running.number)}
        self._configured(running, Act.DEPLOY, f"edition:{edition}", told, "failed")

    def _configured(
        self, running: Loaded, act: Act, of: str, told: Mapping[str, str], outcome: Result = "done"
    ) -> None:
        """Record what is done, and with it everything that is loaded otherwise than before."""
        channels = running.channels
        loaded = [channel_configuration(channel, self._named) for channel in channels]
        loaded += [settings_configuration(self._environ, self._named), policy_configuration(self._named)]
        files = {one.name: channel for one, channel in zip(loaded, channels, strict=False)}
        known = self._store.configured()
        now = {name: Configuration(name, b"", {}) for name in known} | {one.name: one for one in loaded}
        changed = [one for name, one in now.items() if name not in known or known[name].digest != one.digest]
        entries = [self._changed(one, known.get(one.name), files.get(one.name)) for one in changed]
        named = {"channels": ", ".join(sorted(files))[:8000]}
        self._store.configure(changed, [self._entry(act, of, {**told, **named}, outcome), *entries])

    def withheld(self, told: PrivacyIncident) -> None:
        """An answer goes without its words: in the log at once, in the audit with the next turn; the same
        place is one entry that says how often. From any thread, and never waits for the store."""
        signal(told)
        with self._lock:
            self._withheld[told] += 1

    def stopped(self) -> None:
        """Record what is left and the end, and sign it. A store that cannot be written has been told of by
        then."""
        with contextlib.suppress(Unavailable):
            self._record_withheld()
            self._store.record([self._entry(Act.STOP, "engine")])
        self.sign()

    def turn(self) -> float:
        """A turn of the loop: record what was withheld, sign when it is time. Raises `Unavailable`: then it
        is recorded later."""
        self._record_withheld()
        now = time.monotonic()
        if now >= self._due:
            self._due = now + SIGN_EVERY
            self.sign()
        return LOOK_EVERY

    def _record_withheld(self) -> None:
        with self._lock:
            counted, self._withheld = self._withheld, Counter[PrivacyIncident]()
        if not counted:
            return
        try:
            self._store.record([self._incident(one, count) for one, count in counted.items()])
        except Unavailable:
            with self._lock:
                self._withheld.update(counted)
            raise

    def _incident(self, told: PrivacyIncident, count: int) -> Entry:
        detail = {
            "channel": told.channel, "where": told.where, "place": told.place, "row": told.row,
            "count": str(count),
        }  # fmt: skip
        return self._entry(Act.INCIDENT, f"channel:{told.channel}", detail, "refused")

    def sign(self) -> None:
        """Sign where the audit stands, if it has moved; add it to the file outside of the store. A file that
        cannot be written is told, and caught up with when it can be."""
        try:
            signed = witness(self._store, self._settings.audit_checkpoints, time.time())
        except Unavailable as error:
            signal(AuditUnwitnessed(error=type(error).__name__))
            return
        if signed.made is not None:
            signal(AuditSigned(**msgspec.to_builtins(signed.made)))
        if signed.missed is not None and signed.missed.number > self._missed:
            self._missed = signed.missed.number
            signal(AuditContradicted(signed.missed.number, signed.missed.upto))
            found = f"the file of checkpoints knew of entries up to {signed.missed.upto}"
            self._store.record([self._entry(Act.INCIDENT, "audit", {"found": found}, "failed")])

    def _changed(
        self, now: Configuration, before: Configuration | None, channel: LoadedChannel | None
    ) -> Entry:
        if not now.digest:
            return self._entry(Act.CONFIGURE, now.name, {"gone": "yes"})
        first = before is None or not before.digest
        detail = {"first": "yes"} if first else differences(before, now)
        if channel is not None:
            detail |= {"file": channel.path.name, "sha256": hashlib.sha256(channel.raw).hexdigest()}
        return self._entry(Act.CONFIGURE, now.name, {"digest": now.digest.hex(), **detail})

    def _entry(
        self, act: Act, object_: str, detail: Mapping[str, str] | None = None, outcome: Result = "done"
    ) -> Entry:
        shown = {name: printable(text) for name, text in (detail or {}).items()}
        return Entry(
            at=time.time(), who=self._settings.node, role="engine", act=act, object=object_, outcome=outcome,
            detail=shown,
        )  # fmt: skip
