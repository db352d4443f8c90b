"""What every store promises about sets of channels that are, were or may be run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from engine.auditing import Entry

__all__ = ["Activation", "Edition", "EditionStore", "Running"]


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """A set of channels that was put forward to be run: every file that they are made of, by the hash of its
    content. `sites` are the overlays that apply, in their order."""

    number: int
    digest: bytes  # 32 bytes
    state: Literal["proposed", "approved", "withdrawn"]
    at: float
    who: str
    why: str
    ticket: str = ""
    sites: tuple[str, ...] = ()
    decided_by: str = ""  # who approved or withdrew it
    decided_at: float = 0.0


class Activation(msgspec.Struct, frozen=True):
    """From `at` on this edition was to be run; the newest one is the active one."""

    id: int
    edition: int
    at: float
    who: str
    why: str


class Running(msgspec.Struct, frozen=True):
    """What the process `holder` did with an activation: it runs that edition since `at`, or `refused` says in
    plain words why it cannot, and goes on with the one before."""

    holder: str
    activation: int
    edition: int
    at: float
    refused: str = ""


class EditionStore(Protocol):
    """Safe storage for the sets of channels that are, were or may be run. Every verb that changes what is to
    be run records its entry, about `edition:NUMBER`, in the same commit; who may do it, and whether somebody
    else has to agree, is decided before (`engine.editions`)."""

    def propose(
        self, digest: bytes, packed: bytes, sites: Sequence[str], *, at: float, why: str, told: Entry
    ) -> Edition:
        """Keep a set of channels under the next number, `proposed` by whom `told` names. What has the same
        digest as one before is that one; proposed anew when it was withdrawn, or when an author puts forward
        what nobody but its proposer approved."""

    def decide(
        self, number: int, state: Literal["approved", "withdrawn"], *, at: float, told: Entry
    ) -> Edition:
        """Approve or withdraw a proposed edition. Raises `Misconfigured` for one that is not there or not
        proposed (any more)."""

    def activate(
        self, number: int, *, at: float, why: str, told: Entry, after: int | None = None
    ) -> Activation:
        """From this commit on the edition is the active one. Raises `Misconfigured` for one that is not there
        or not approved, and when the newest activation is not that `after` which it was decided on any more
        (0: there was none)."""

    def active(self) -> Activation | None:
        """The newest activation; None before there is any. Cheap: asked every second."""

    def edition(self, number: int) -> Edition | None:
        """One edition without its files."""

    def packed(self, number: int) -> bytes:
        """The files of an edition as they were proposed. Raises `KeyError` when there is none."""

    def editions(self, limit: int = 1000) -> list[Edition]:
        """Editions, newest first."""

    def activations(self, limit: int = 1000) -> list[Activation]:
        """Activations, newest first."""

    def working_editions(self) -> list[int]:
        """Editions that messages which are not routed yet, or whose deliveries are open, were accepted by."""

    def unrouted_channels(self) -> list[str]:
        """The channels of messages that are not routed yet, whichever edition has them."""

    def say_running(self, running: Running) -> None:
        """Remember what a process did with an activation."""

    def running(self) -> list[Running]:
        """What each process of the engine did last."""

    def forget_running(self, holders: Sequence[str]) -> None:
        """Only these processes are there from now on."""
