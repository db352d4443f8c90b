"""What an edition would change: the newest messages of each channel that differs, through it and through what
is active, and how often what would be otherwise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, Protocol

import msgspec

from engine.config.configured import channel_configuration
from engine.config.loading import LoadedChannel
from engine.editions.comparing import FATE, Difference, differences
from engine.editions.replaying import Became, Replaying
from engine.gathering import Fetch
from engine.model import StoredMessage
from engine.privacy.tokens import DOMAINS, PATTERN
from engine.resources import ResourceKey, Version

__all__ = ["Aliases", "Channel", "Counted", "Group", "Impact", "Pair", "differing", "impact"]

_BATCH: Final = 100
_PAIRS: Final = 5
_EXAMPLES: Final = 5
_TOKEN: Final = re.compile(PATTERN)
_WORDS: Final = {letter: word for word, letter in DOMAINS.items()}


class Pair(msgspec.Struct, frozen=True):
    """How often which value takes the place of which."""

    before: str
    after: str
    count: int


class Group(msgspec.Struct, frozen=True):
    """The same thing that would be otherwise, in how many effects (of the message: in how many `messages`),
    which values most often, and a few messages by their ids."""

    about: str
    what: str
    count: int
    messages: int
    pairs: tuple[Pair, ...]
    examples: tuple[int, ...]


class Channel(msgspec.Struct, frozen=True):
    """What would change in a channel: `compared` of its newest `messages` could be, `pieces` are parts of
    messages that come in several and were left out, `other` would be otherwise. `what` says whether the
    channel is changed, new or gone."""

    name: str
    what: str
    messages: int
    compared: int
    pieces: int
    other: int
    groups: tuple[Group, ...]


class Impact(msgspec.Struct, frozen=True):
    """What an edition would change, by channel; `same` are channels that are what they were."""

    channels: tuple[Channel, ...]
    same: tuple[str, ...]


class Messages(Protocol):
    """What is needed of the store."""

    def newest(self, channel: str, limit: int) -> list[int]: ...
    def stored(self, message_ids: Sequence[int]) -> list[StoredMessage]: ...
    def resources(self, keys: Sequence[ResourceKey]) -> dict[ResourceKey, Version]: ...


def differing(
    old: Sequence[LoadedChannel], new: Sequence[LoadedChannel]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The channels that are not what they were, each `changed`, `new` or `gone`; the names of the rest."""
    before, after = ({one.spec.channel: _digest(one) for one in some} for some in (old, new))
    found = {
        name: "new" if name not in before else "gone" if name not in after else "changed"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }
    return found, tuple(sorted(before.keys() - found.keys()))


def impact(
    store: Messages,
    old: Sequence[LoadedChannel],
    new: Sequence[LoadedChannel],
    ids: dict[str, list[int]],
    key: bytes,
    *,
    earlier: Collection[int] = (),
    done: Callable[[int], None] = lambda _: None,
) -> Impact:
    """What `new` would make of stored messages other than `old`. `ids` are those of the messages by channel,
    each oldest first; those `earlier` are gone through and not counted: what they say of visits and
    appointments is known then. `key` (32 bytes) is of this comparison alone; `done` is told how many more
    were gone through.

    Messages are taken in the order of their arrival over all channels: a merge that one heard counts for the
    others. Raises `Unavailable`."""
    found, same = differing(old, new)
    counted = {name: Counted() for name in ids}
    fetch: Fetch = store.resources
    sides = [Replaying(channels, key, fetch) for channels in (old, new)]
    passing = frozenset(earlier)
    try:
        for batch in _batches(store, sorted([*passing, *(one for some in ids.values() for one in some)])):
            for message, was, becomes in zip(batch, *(side.become(batch) for side in sides), strict=True):
                if message.id not in passing:
                    counted[message.channel].add(message.id, was, becomes)
            done(len(batch))
    finally:
        for side in sides:
            side.close()
    alias = Aliases()
    channels = [
        counted[name].channel(name, found.get(name, "changed"), len(ids[name]), alias) for name in sorted(ids)
    ]
    return Impact(tuple(channels), same)


def _batches(store: Messages, ids: Sequence[int]) -> Iterator[list[StoredMessage]]:
    for at in range(0, len(ids), _BATCH):
        yield store.stored(ids[at : at + _BATCH])


def _digest(channel: LoadedChannel) -> bytes:
    return channel_configuration(channel, lambda text: text[:0]).digest


class Counted:
    """One channel's differences on their way to groups."""

    def __init__(self) -> None:
        self.compared = self.pieces = self.other = 0
        self._found: dict[tuple[str, ...], list[tuple[int, Difference]]] = {}

    def add(self, message_id: int, was: Became, becomes: Became) -> None:
        """One message, as it went through both."""
        piece = was.state == "piece" == becomes.state
        found = list(differences(was, becomes))
        self.compared += not piece
        self.pieces += piece
        self.other += bool(found)
        for one in found:
            place = (one.about, one.what) + ((one.before, one.after) if one.about == FATE else ())
            self._found.setdefault(place, []).append((message_id, one))

    def channel(self, name: str, what: str, messages: int, alias: Callable[[str], str]) -> Channel:
        """What was found, what weighs most first."""
        groups = sorted(
            (self._group(some, alias) for some in self._found.values()),
            key=lambda group: (group.about != FATE, -group.count, group.about, group.what),
        )
        return Channel(name, what, messages, self.compared, self.pieces, self.other, tuple(groups))

    @staticmethod
    def _group(some: list[tuple[int, Difference]], alias: Callable[[str], str]) -> Group:
        first = some[0][1]
        ids = list(dict.fromkeys(message_id for message_id, _ in some))
        pairs = Counter((one.before, one.after) for _, one in some if one.before or one.after)
        return Group(
            about=first.about,
            what=first.what,
            count=len({(message_id, one.key) for message_id, one in some}),
            messages=len(ids),
            pairs=tuple(
                Pair(alias(before), alias(after), count)
                for (before, after), count in pairs.most_common(_PAIRS)
            ),
            examples=tuple(ids[-_EXAMPLES:]),
        )


class Aliases:
    """Tokens of this comparison as `visit 1`, `person 2`: they are nobody's in the vault."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._counts = Counter[str]()

    def __call__(self, text: str) -> str:
        return _TOKEN.sub(lambda found: self._alias(found[0]), text)

    def _alias(self, token: str) -> str:
        if token not in self._known:
            letter = token[2]
            self._counts[letter] += 1
            self._known[token] = f"{_WORDS.get(letter, 'token')} {self._counts[letter]}"
        return self._known[token]
