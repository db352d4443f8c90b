"""One test's view of an engine that it shares with others."""

from __future__ import annotations

from typing import Any

from running import Engine
from sending import Sender

from engine.store.contracts.views import MessageView


class Case:
    """What one test does with the shared engine: what it sends, and what came of that alone."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        views = engine.messages()
        self._before = views[-1].id if views else 0

    def connect(self, channel: str = "charges", host: str = "") -> Sender:
        """A sender to one of the engine's channels."""
        return self.engine.connect(channel, host=host)

    def ask(self, message: bytes, channel: str = "charges") -> bytes | None:
        """One message on a connection of its own, and its answer."""
        return self.connect(channel).ask(message)

    def stored(self) -> list[MessageView]:
        """The messages that this test had stored, settled."""
        return [view for view in self.engine.settle() if view.id > self._before]

    def states(self) -> list[str]:
        """Their states, and the reasons of those that have one."""
        return [
            f"{view.state.value}: {view.reason.code.value}" if view.reason else view.state.value
            for view in self.stored()
        ]

    def effects(self) -> list[dict[str, Any]]:
        """The effects of this test's messages that were carried out."""
        self.stored()
        return [line for line in self.engine.ledger() if line["message"] > self._before]

    def is_one_delivery(self, raw: bytes) -> bool:
        """Whether exactly these bytes were stored, once, and had their one effect."""
        (view,) = self.stored()
        assert self.engine.content(view.id) == raw
        return self.states() == ["delivered"] and len(self.effects()) == 1
