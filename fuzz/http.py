"""`python -m fuzz.http REQUESTS [--seed 1]`: strange requests to a running engine over real HTTP.

What must hold, whatever is asked: every request has an answer, within ten seconds; none is a 5xx; every
refusal is an OperationOutcome (OAuth's endpoint: its own words) that repeats nothing of the request; what was
answered 201 can be read; who may little gets little; nothing of any request is in the log, and no error of
Python; memory stays bounded. What fails is printed and kept in `var/fuzz/found/http-…`; the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from fuzz.answers import SLOW, Answer, Client, judge, trespass
from fuzz.http_engine import KEY, NARROW, Engine, running
from fuzz.requests import Request, make
from fuzz.seeds import ROOT

CLIENTS = 4
GROWTH = 600  # MB


class Finding(NamedTuple):
    """What did not hold."""

    what: str
    request: Request
    answer: Answer | None


class Tally:
    """What all clients saw: answers by status, findings with their requests, addresses of what was made."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.findings: list[Finding] = []
        self.known: list[str] = []

    @property
    def count(self) -> int:
        return self.statuses.total()


def _drive(engine: Engine, number: int, requests: int, seed: int, samples: list[Any], tally: Tally) -> None:
    """One client's share of requests."""
    client = Client(engine.port)
    for turn in range(requests):
        dice = Random(f"{seed}/{number}/{turn}")
        narrow = turn % 10 == 0
        request = make(dice, NARROW if narrow else KEY, tally.known, samples)
        answer = None
        try:
            began = time.monotonic()
            answer = client.ask(request)
            finding = judge(request, answer) or (trespass(answer) if narrow else "")
            if not finding and time.monotonic() - began > SLOW:
                finding = "slow"
        except (OSError, ValueError) as error:
            finding = f"no answer: {type(error).__name__}"
            client.close()
        tally.statuses[answer.status if answer else 0] += 1
        if finding:
            tally.findings.append(Finding(finding, request, answer))
            if len(tally.findings) > 200:
                break
        elif answer is not None and answer.status == 201:
            _made(client, dice, answer, tally)
    client.close()


def _made(client: Client, dice: Random, answer: Answer, tally: Tally) -> None:
    """What was made is known from now on, and can be read, now and then as proof."""
    path = urlsplit(answer.headers.get("location", "")).path.partition("/_history")[0]
    place = "/".join(path.split("/")[-2:])
    if len(tally.known) < 500:
        tally.known.append(place)
    else:
        tally.known[dice.randrange(500)] = place
    if dice.random() < 0.1:
        request = Request("GET", path, ["Host: fuzz", f"Authorization: Bearer {KEY}"])
        found = client.ask(request)
        if found.status not in (200, 410):
            tally.findings.append(Finding("what was made cannot be read", request, found))


def fuzz(requests: int, seed: int, samples: list[Any] | None = None) -> tuple[Tally, str]:
    """So many requests in all; what was seen, and what was wrong with the engine itself (empty: nothing)."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "engine") as engine:
        warm = Client(engine.port)
        warm.ask(Request("GET", "/fhir/R4/metadata", ["Host: fuzz"]))
        warm.close()
        before = engine.resident()
        clients = [
            threading.Thread(
                target=_drive, args=(engine, number, requests // CLIENTS, seed, samples or [], tally)
            )
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        grown = engine.resident() - before
    faults = [*engine.faults[:5], *[f"{grown} MB more memory"] * (grown > GROWTH)]
    if engine.process.returncode:
        faults.append(f"exit code {engine.process.returncode}")
    return tally, "\n".join(faults)


def samples() -> list[Any]:
    """Resources of others, from the public corpus where that is beside the checkout."""
    folder = Path(os.environ.get("WARDLINE_CORPUS", ROOT.parent / "shared" / "corpus")) / "fhir"
    found = []
    for path in sorted(folder.rglob("*.json")):
        if any(word in path.name for word in ("SupplyRequest", "SupplyDelivery", "ChargeItem")):
            with suppress(ValueError):
                said = json.loads(path.read_bytes())
                found += [said] if isinstance(said, dict) and len(path.read_bytes()) < 20_000 else []
    return found


def report(requests: int, seed: int, folder: Path) -> bool:
    """Fuzz, print, keep in `folder` what was found; whether all was well."""
    began = time.monotonic()
    tally, faults = fuzz(requests, seed, samples())
    print(f"http: {tally.count:,} requests in {time.monotonic() - began:.0f} s, answered")
    print("     ", ", ".join(f"{status}: {times:,}" for status, times in sorted(tally.statuses.items())))
    for what, times in Counter(finding.what for finding in tally.findings).most_common():
        print(f"{times:>6} {what}")
    if faults:
        print(faults)
    folder.mkdir(parents=True, exist_ok=True)
    for number, found in enumerate(tally.findings):
        said = f"\n\n=== {found.what}\n{found.answer}".encode()
        (folder / f"http-{seed}-{number:03}").write_bytes(found.request.raw + said)
    return not (tally.findings or faults)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("requests", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return int(not report(given.requests, given.seed, ROOT / "var" / "fuzz" / "found"))


if __name__ == "__main__":
    sys.exit(main())
