"""Everything that shows what channels do: their cases, those of their sites, and the tests of their
functions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.config.cases.functions import function_results
from engine.config.cases.running import CaseResult
from engine.config.cases.sites import results_of, spoiled_site_cases

__all__ = ["all_results"]


def all_results(files: Sequence[Path], sites: Sequence[str] = (), *, only: str = "") -> list[CaseResult]:
    """The results for the channels in `files` as `sites` have them; with `only` those of one channel
    alone."""
    results = [result for path in files for result in results_of(path, sites, only=only)]
    for folder in dict.fromkeys(path.parent for path in files):
        results += spoiled_site_cases(folder, sites)
        results += [] if only else function_results(folder)
    return results
