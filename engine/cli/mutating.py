"""`wardline test --mutate`: which changes of channels and tables no case notices."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console

from engine.cli.named import counted
from engine.cli.show import print_json, table
from engine.workbench.mutation import Tried, try_mutants

__all__ = ["show_mutants"]


def show_mutants(paths: Sequence[Path], *, jobs: int, sample: int, seed: int, json: bool) -> None:
    """Try the mutants of channels whose cases pass, and show what is left. Exit code 1 when something is."""
    processes = jobs or len(os.sched_getaffinity(0))
    tried = try_mutants(paths, jobs=processes, sample=sample, seed=seed, progress=_progress)
    if json:
        print_json(tried)
    else:
        _print(tried)
    if not tried.passed:
        raise typer.Exit(1)


@contextmanager
def _progress(length: int) -> Iterator[Callable[[int], object]]:
    with typer.progressbar(length=length, label=f"{length} mutants", file=sys.stderr) as bar:
        yield bar.update


def _print(tried: Tried) -> None:
    for survivor in tried.survivors:
        typer.echo(str(survivor))
    for finding in tried.stale:
        typer.echo(str(finding))
    shown = table("file", "mutants", "killed", "equivalent", "survived")
    for one in tried.tallies:
        shown.add_row(one.file, *map(str, (one.mutants, one.killed, one.equivalent, one.survived)))
    Console(soft_wrap=True).print(shown)
    killed = sum(one.killed for one in tried.tallies)
    alike, left = len(tried.equivalents), len(tried.survivors)
    said = f"{counted(killed + alike + left, 'mutant')}: {killed} killed, {alike} equivalent, {left} survived"
    typer.echo(said, err=True)
