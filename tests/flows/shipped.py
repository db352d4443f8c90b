"""An engine that runs the channels as they are shipped, listening on free ports."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import yaml
from running import Engine

ROOT = Path(__file__).parents[2]


def shipped_files() -> list[Path]:
    """The shipped channel files."""
    return sorted(path for path in (ROOT / "channels").glob("*.yaml") if ".test" not in path.name)


def shipped_sources() -> dict[str, dict[str, Any]]:
    """`source.mllp` of each shipped channel, as YAML reads it."""
    read = [yaml.safe_load(path.read_text()) for path in shipped_files()]
    return {channel["channel"]: channel["source"]["mllp"] for channel in read}


def shipped_engine(folder: Path, **options: Any) -> Engine:
    """The shipped channels with their tables in an engine of its own (`running.Engine`), not started."""
    texts = (re.sub(r"listen: tcp:\d+", "listen: tcp:0", path.read_text()) for path in shipped_files())
    engine = Engine(folder, *texts, **options)
    shutil.copytree(ROOT / "channels" / "tables", engine.channels / "tables")
    return engine
