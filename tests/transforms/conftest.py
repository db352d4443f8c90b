"""A channel's setting and a message to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from charges_sample import ITEMS, KITS, MESSAGE, table

from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.privacy.book import TokenBook
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.privacy.vault import Vault
from engine.transforms.compiling import checked, compile_text
from engine.transforms.scope import Scope
from engine.transforms.setting import Setting


@pytest.fixture
def setting() -> Setting:
    return Setting(Readers(Policy()), {"items": table(ITEMS), "kits": table(KITS)})


@pytest.fixture
def book() -> TokenBook:
    vault = Vault(tenant="test", index_keys={"k1": b"i" * 32})
    return TokenBook(vault, lambda indexes: {})


@pytest.fixture
def scope(book: TokenBook) -> Callable[..., Scope]:
    """A scope of the message, or of one of its groups."""

    def made(setting: Setting, anchor: str = "", number: int = 1, message: str = MESSAGE) -> Scope:
        document = Document.parse(message.encode())
        whole = Scope(document, book, setting.slots)
        return whole.within(groups(document, anchor))[number - 1] if anchor else whole

    return made


@pytest.fixture
def value(setting: Setting, scope: Callable[..., Scope]) -> Callable[..., Any]:
    """What an expression gives, read from the message or from one of its groups."""

    def read(
        text: str,
        *,
        wanted: type = str,
        use: Any = "value",
        anchor: str = "FT1",
        number: int = 1,
        **more: Any,
    ) -> Any:
        compiled = checked(compile_text(text, setting, use, wanted))
        return compiled(scope(setting, anchor, number, **more))

    return read
