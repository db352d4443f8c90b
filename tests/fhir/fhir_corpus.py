"""The public FHIR samples beside the checkout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(os.environ.get("WARDLINE_CORPUS", Path(__file__).parents[3] / "shared" / "corpus")) / "fhir"

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout")


def files(ending: str, *words: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files that end so and hold one of `words`, in a steady order."""
    for path in sorted(CORPUS.rglob(f"*{ending}")):
        body = path.read_bytes()
        if any(word in body for word in words):
            yield str(path.relative_to(CORPUS)), body


def resources(value: Any) -> Iterator[dict[str, Any]]:
    """Every resource in what was read, those within others (not contained ones) for themselves too."""
    if isinstance(value, dict):
        if isinstance(value.get("resourceType"), str):
            yield value
        for name, item in value.items():
            if name != "contained":
                yield from resources(item)
    elif isinstance(value, list):
        for item in value:
            yield from resources(item)
