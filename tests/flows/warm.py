"""Forks engines on demand: `[fault, …, "--", "run", folder]` a line in, its process id and exit code out."""

from __future__ import annotations

import json
import os
import sys

import faulty

from engine import cli  # noqa: F401 - what every engine needs is imported once


def main() -> None:
    """One engine at a time, until standard input closes."""
    for line in sys.stdin:
        arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_RDWR), 0)
            os.dup2(2, 1)
            sys.argv = ["faulty.py", *arguments]
            faulty.main()
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
