"""What `wardline status` shows of folders: the store does not know what has not been taken yet."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from engine.app.listening import folder_of
from engine.cli.siting import sites_of
from engine.config.loading import load_channels
from engine.listeners.inbox import survey

__all__ = ["folders_of"]


def folders_of(channels: Path) -> dict[str, dict[str, float | str]]:
    """Per channel of a folder of channel files that takes files: how many wait, are in work, have failed,
    and how old the oldest that waits is; or the system's word why nobody can look. Raises `Misconfigured`
    when the channels cannot be read."""
    found: dict[str, dict[str, float | str]] = {}
    for channel in load_channels(channels, sites_of(None)):
        source, name = channel.spec.source.folder, channel.spec.channel
        if source is not None:
            path = folder_of(source, name, os.environ)
            try:
                found[name] = {**survey(path, source.pattern, time.time())}
            except OSError as error:
                found[name] = {"folder": errno.errorcode.get(error.errno or 0, "OSError")}
    return found
