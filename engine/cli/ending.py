"""What is let go of when a command ends, however it ends."""

from __future__ import annotations

from contextlib import ExitStack

__all__ = ["ENDING"]

ENDING = ExitStack()
"""Closed by `engine.cli` after each command."""
