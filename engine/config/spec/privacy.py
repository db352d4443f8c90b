"""What a channel says about privacy beyond the policy: what it obeys, and what it lets through less of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.config.spec.words import Strict

__all__ = ["FlagName", "KnownWord", "Obeys", "PrivacySpec"]

FlagName = Literal[
    "PV1-16", "PD1-11", "PD1-12", "PV2-21", "PV2-22", "ORC-28", "DG1-18",
    "MSH-26", "MSH-27", "MSH-28", "meta.security",
]  # fmt: skip
Obeys = Literal["block", "restrict", "pass"]


class KnownWord(Strict):
    """A word that is nobody here although somebody may be called so: the guard does not stop it."""

    word: str = Field(min_length=3, max_length=80, description="As effects write it; case does not count.")
    reason: str = Field(min_length=10, description="Why it is nobody here.")
    reviewer: str = Field(min_length=3, description="Who looked at it.")


class PrivacySpec(Strict):
    """Privacy flags, and places that this channel keeps to itself."""

    flags: dict[FlagName, Obeys] = Field(
        default={},
        description="A raised privacy flag → `block` the message, `restrict` what it makes, or `pass` it.",
    )
    narrow: list[str] = Field(
        default=[], description="Field paths of the allow-list that this channel drops; needs no reason."
    )
    known_words: list[KnownWord] = Field(
        default=[], description="Words that the guard lets leave whoever is called so, such as a ward's name."
    )
