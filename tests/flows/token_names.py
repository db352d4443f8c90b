"""What tokens stand for, learnt by holding stored effects beside expected ones, field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from odoo_books import TOKEN

from engine.effects import Effect, encode, kind_of
from engine.privacy.tokens import DOMAINS

ALIAS = re.compile(rf"\b(?:{'|'.join(DOMAINS)}):[A-Za-z0-9-]+")


class TokenNames:
    """One name per token and one token per name, in all that was ever learnt."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._tokens: dict[str, str] = {}

    def learn(self, actual: Sequence[Effect], expected: Sequence[Mapping[str, Mapping[str, Any]]]) -> None:
        """From a message's effects and those that a case expects of it, in the same order."""
        assert [kind_of(effect) for effect in actual] == [next(iter(effect)) for effect in expected]
        for effect, wanted in zip(actual, expected, strict=True):
            ((_, fields),) = wanted.items()
            have = plain(effect)
            for field, text in fields.items():
                tokens, names = TOKEN.findall(str(have.get(field, ""))), ALIAS.findall(str(text))
                assert len(tokens) == len(names), field
                for token, name in zip(tokens, names, strict=True):
                    assert self._names.setdefault(token, name) == name
                    assert self._tokens.setdefault(name, token) == token

    def __call__(self, token: str) -> str:
        return self._names[token]

    def shown(self, effect: Effect) -> dict[str, dict[str, Any]]:
        """An effect as a case writes it."""
        text = TOKEN.sub(lambda found: self._names[found[0]], encode(effect).decode())
        fields = msgspec.json.decode(text)
        return {fields.pop("effect"): fields}


def plain(effect: Effect) -> dict[str, Any]:
    """An effect's fields as plain data."""
    fields: dict[str, Any] = msgspec.json.decode(encode(effect))
    return fields
