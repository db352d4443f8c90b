"""Places and tools for copies of a PostgreSQL server."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from upkeep_load import TOOLS


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the server's user may go through."""
    folder = Path(tempfile.mkdtemp(prefix="wardline-backups-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the server that the tests run."""
    if TOOLS is None or not (TOOLS / "pg_basebackup").exists():
        pytest.skip("no tools of PostgreSQL here")
    monkeypatch.setenv("WARDLINE_PG_BIN", str(TOOLS))
