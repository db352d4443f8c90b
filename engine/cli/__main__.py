"""`python -m engine.cli`: the `wardline` command."""

from engine.cli import main

main()
