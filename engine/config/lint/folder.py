"""Checks of a folder that files come from (docs/manual/batches-and-files.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.config.finding import Place, Problem
from engine.config.spec import ChannelSpec, FolderSource

__all__ = ["check_folder"]

FOLDER: Place = ("source", "folder")

_ENV = re.compile(r"env:[A-Z][A-Z0-9_]*")


def check_folder(spec: ChannelSpec) -> Iterator[Problem]:
    """What a folder's settings say that cannot be meant, or more than many would expect."""
    source = spec.source.folder
    if source is not None:
        yield from _where(source)
        yield from _answers(source)


def _where(source: FolderSource) -> Iterator[Problem]:
    if source.path.startswith("env:"):
        if not _ENV.fullmatch(source.path):
            yield Problem((*FOLDER, "path"), "not the name of a variable", "write it like env:CHARGES_FOLDER")
    elif not source.path.startswith("/"):
        text = "a relative path depends on where the engine is started"
        yield Problem((*FOLDER, "path"), text, "write the whole path, or env:NAME", "warning")
    if "/" in source.pattern or source.pattern.startswith("."):
        text = "a pattern is of names in the folder itself, and hidden files are left alone"
        yield Problem((*FOLDER, "pattern"), text, "write it like *.hl7")
    if source.settle == 0 and source.pattern == "*":
        text = "every file is taken at once, also one that is still being written"
        hint = "a pattern that only whole files have, or some seconds"
        yield Problem((*FOLDER, "settle"), text, hint, "warning")


def _answers(source: FolderSource) -> Iterator[Problem]:
    if source.answers == "none" and source.acknowledge != "storage":
        text = f"nobody reads the outcome that acknowledge: {source.acknowledge} waits for"
        yield Problem((*FOLDER, "acknowledge"), text, "answers: file, or acknowledge: storage", "warning")
    if source.answers == "file" and source.ack_mode == "never":
        yield Problem((*FOLDER, "answers"), "ack_mode: never leaves nothing to write", "answers: none")
