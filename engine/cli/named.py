"""The channel files that a command line names, and how many of something there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.config.loading import channel_files
from engine.errors import Misconfigured

__all__ = ["PathsArgument", "channels_in", "counted"]

PathsArgument = Annotated[list[Path], typer.Argument(help="Channel files, or folders of them.")]


def channels_in(paths: Sequence[Path]) -> list[Path]:
    """The channel files that `paths` name. Raises `Misconfigured` when there is none."""
    files = channel_files(paths)
    if not files:
        raise Misconfigured("there is no channel file here", where=str(paths[0]), hint="NAME.yaml")
    return files


def counted(number: int, word: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
