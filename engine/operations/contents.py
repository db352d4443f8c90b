"""The content of a message as people are shown it: masked for everybody, whole with a reason. Both looks are
in the audit before anything is shown."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final

import msgspec

from engine.accounts.words import Caller, Permission
from engine.auditing import Act
from engine.config.changes import policy_of
from engine.config.loading import LoadedChannel
from engine.errors import Unacceptable
from engine.hl7.charset import codec_of
from engine.hl7.header import read_header
from engine.operations.loading import channel_of
from engine.operations.operation import Desk, NotThere, Operation, entry
from engine.operations.story import Id, found
from engine.workbench.masking import Line
from engine.workbench.tree import tree_of

__all__ = ["OPEN", "OPERATIONS", "READ", "Content", "Opening", "Reading"]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Which message; of one that was corrected which `revision` (0: as it came; none: as it is now)."""

    id: Id
    revision: Annotated[int, msgspec.Meta(ge=0, le=10**6)] | None = None


class Opening(Reading, frozen=True, kw_only=True):
    """Which message is opened, and why."""

    why: str
    ticket: str = ""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a tree: its lines, masked where the privacy step removes or replaces (`masked` says
    whether any was), what was `odd` but readable, and of how many values the policy makes what
    (`treatments`). `text` is the message as it came, only when it was opened; `unreadable` why there are no
    lines."""

    id: int
    lines: tuple[Line, ...]
    masked: bool
    odd: tuple[str, ...]
    treatments: dict[str, int]
    unreadable: str = ""
    text: str = ""


def _read(desk: Desk, caller: Caller, asked: Reading) -> Content:
    raw, channel = _content(desk, caller, asked, told="masked")
    return _tree(asked.id, raw, channel, show_phi=False)


def _open(desk: Desk, caller: Caller, asked: Opening) -> Content:
    raw, channel = _content(
        desk, caller, asked, told="identifying", why=asked.why.strip(), ticket=asked.ticket
    )
    made = _tree(asked.id, raw, channel, show_phi=True)
    return msgspec.structs.replace(made, text=_text(raw, channel))


def _content(
    desk: Desk, caller: Caller, asked: Reading, *, told: str, why: str = "", ticket: str = ""
) -> tuple[bytes, LoadedChannel | None]:
    """What is stored, recorded before it is shown. Raises `NotThere`."""
    view, message_id = found(desk, asked.id), asked.id
    try:
        raw = _stored(desk, asked)
    except KeyError:
        text = f"message {message_id} has no content here: it is a resend, or its time is over"
        raise NotThere(text) from None
    detail = {"told": told} | ({} if asked.revision is None else {"revision": str(asked.revision)})
    look = entry(desk, caller, Act.LOOK, f"message:{message_id}", why=why, ticket=ticket, detail=detail)
    desk.store.record([look])
    return raw, channel_of(desk, view.channel, view.edition)


def _stored(desk: Desk, asked: Reading) -> bytes:
    if asked.revision is None:
        return desk.store.content(asked.id)
    return desk.store.revised(asked.id, asked.revision)


def _tree(message_id: int, raw: bytes, channel: LoadedChannel | None, *, show_phi: bool) -> Content:
    policy = policy_of(channel.spec)[0] if channel else None
    charset = channel.program.charset if channel else ""
    try:
        lines, odd = tree_of(raw, charset, show_phi=show_phi, policy=policy)
    except Unacceptable as error:
        return Content(
            id=message_id, lines=(), masked=False, odd=(), treatments={}, unreadable=str(error)
        )  # fmt: skip
    return Content(
        id=message_id,
        lines=tuple(lines),
        masked=any(line.masked for line in lines),
        odd=tuple(odd),
        treatments=dict(Counter(line.treatment for line in lines).most_common()),
    )


def _text(raw: bytes, channel: LoadedChannel | None) -> str:
    """As text, in the character set that it declares; a byte that is none of it stays to be seen as one."""
    try:
        declared = read_header(raw).field(18).decode("latin-1").split("~")[0]
    except Unacceptable:
        declared = ""
    codec = codec_of(declared) or codec_of(channel.program.charset if channel else "") or "utf-8"
    return raw.decode(codec, "backslashreplace").replace("\r\n", "\n").replace("\r", "\n")


READ: Final = Operation(
    "messages.read", "GET", "/messages/{id}/content",
    "A message as a tree, with what identifies a person masked; goes into the audit.",
    Permission.SEE, Reading, Content, _read,
)  # fmt: skip
OPEN: Final = Operation(
    "messages.open", "POST", "/messages/{id}/content",
    "A message as it came, with what identifies a person; takes a reason and goes into the audit.",
    Permission.CONTENT, Opening, Content, _open, reasoned=True,
)  # fmt: skip

OPERATIONS: Final = (READ, OPEN)
