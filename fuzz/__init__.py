"""Coverage-guided fuzzing of what strangers' bytes meet first (`make fuzz`, CONTRIBUTING.md).

A target is a module with `check(data: bytes) -> None`: any bytes at all, and an `AssertionError` or any
other exception is a finding. `drive` runs one target under atheris (libFuzzer), `__main__` runs them all
and counts. What was once found stands in `found/<target>/` and is checked by every `make test`.
"""
