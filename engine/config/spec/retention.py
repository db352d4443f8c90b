"""How long a channel's messages are kept, where it is not as long as everywhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.config.spec.words import Strict

__all__ = ["RetentionSpec"]

Days = Annotated[int, Field(ge=1, le=3660)]


class RetentionSpec(Strict):
    """Whole days (UTC) after the day of receipt; what is not said here is as the settings say."""

    content: Days | None = Field(default=None, description="What was delivered or filtered.")
    dead_letters: Days | None = Field(default=None, description="Dead letters that nobody settled.")
    quarantine: Days | None = Field(default=None, description="What was answered with an error.")
