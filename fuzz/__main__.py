"""`make fuzz`: every target under atheris, so many inputs in all, and a table of what was tried; then a tenth
as many requests to a running engine (`fuzz.http`, the target `http`).

`python -m fuzz [--inputs 1000000] [--targets framing,document] [--seed 1]`. What libFuzzer keeps
of one run (inputs that reach new code) is where the next begins: `var/fuzz/<target>`. A finding ends the
run with exit code 1 and leaves its input in `var/fuzz/found/<target>-…`; it goes into
`fuzz/found/<target>/` together with the repair.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from fuzz.http import report
from fuzz.seeds import ROOT, seeds

SHARES = {"framing": 0.3, "session": 0.3, "batch": 0.15, "document": 0.15, "resources": 0.1}  # of all inputs
LONGEST = {
    "framing": 100,
    "session": 100,
    "batch": 250,
    "document": 300,
    "resources": 400,
}  # bytes of an input
HANG = 20  # seconds of one input
MEMORY = 1024  # MB of the process
DONE = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+) ft: \d+ corp: (\d+)")


class Outcome(NamedTuple):
    """One target's run; `log` is libFuzzer's."""

    target: str
    code: int
    inputs: int
    reached: int
    kept: int
    seconds: float
    log: str

    @property
    def finding(self) -> str:
        """What went wrong, as Python said it."""
        at = self.log.find("Uncaught Python exception")
        return self.log[at : at + 3000] if at >= 0 else self.log[-3000:]


def main() -> int:
    """Fuzz, print, and say with the exit code whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many in all targets together")
    parser.add_argument("--targets", default=",".join([*SHARES, "http"]), help="which ones")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer's dice")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "var" / "fuzz", help="what is kept between runs"
    )
    given = parser.parse_args()
    targets = [target for target in given.targets.split(",") if target != "http"]
    whole = sum(SHARES[target] for target in targets)
    failed = False
    if targets:
        print(f"{'target':<10}{'inputs':>12}{'seconds':>9}{'inputs/s':>10}{'places reached':>16}{'kept':>7}")
    for target in targets:
        found = fuzz(target, round(given.inputs * SHARES[target] / whole), given.seed, given.folder)
        print(
            f"{target:<10}{found.inputs:>12,}{found.seconds:>9.1f}{found.inputs / found.seconds:>10,.0f}"
            f"{found.reached:>16,}{found.kept:>7,}{'' if not found.code else '  FAILED'}",
            flush=True,
        )
        if found.code:
            failed = True
            print(found.finding)
    if "http" in given.targets.split(","):
        failed |= not report(given.inputs // 10, given.seed, given.folder / "found")
    return int(failed)


def fuzz(target: str, inputs: int, seed: int, folder: Path) -> Outcome:
    """Run one target in a process of its own."""
    corpus, findings = folder / target, folder / "found"
    for made in (corpus, findings):
        made.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(target)):
        (corpus / f"seed-{number:03}").write_bytes(data)
    command = [
        sys.executable, "-m", "fuzz.drive", target, f"-runs={inputs}", f"-seed={seed}",
        f"-max_len={LONGEST[target]}", f"-timeout={HANG}", f"-rss_limit_mb={MEMORY}",
        f"-artifact_prefix={findings}/{target}-", str(corpus),
    ]  # fmt: skip
    started = time.monotonic()
    # A process counts the memory of the one that started it as its own peak: a shell between has none.
    command = ["/bin/sh", "-c", '"$@"; exit $?', "sh", *command]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    seconds = time.monotonic() - started
    log = done.stdout + done.stderr
    figures = DONE.search(log)
    tried, reached, kept = map(int, figures.groups()) if figures else (0, 0, 0)
    return Outcome(target, done.returncode or int(not figures), tried, reached, kept, seconds, log)


if __name__ == "__main__":
    sys.exit(main())
