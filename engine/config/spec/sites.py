"""A site's file: what is otherwise there than the channels say."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.config.spec.channel import Owners
from engine.config.spec.words import Name, Strict

__all__ = ["SiteSpec"]


class SiteSpec(Strict):
    """One overlay: a site, or an environment such as production."""

    site: Name = Field(description="Its name, which is the name of its file.")
    description: str = Field(description="What is otherwise here, in a sentence.")
    owner: Owners | None = Field(None, description="Who answers for the site.")
    all: dict[str, Any] = Field(
        {},
        description="Laid over every channel. What it says of a source, table, value, system or course that "
        "a channel does not have is for the others.",
    )
    channels: dict[Name, dict[str, Any]] = Field(
        {}, description="Channel → what is laid over it: mappings key by key, anything else in its place."
    )
    without: list[Name] = Field([], description="Channels that do not run here.")
