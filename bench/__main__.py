"""`make bench`: everything measured in one run, printed and saved under `var/bench/`.

`python -m bench [--quick] [--without odoo,memory]`. Compare figures within one run only.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import fhir_bench, intake_bench, memory_bench, privacy_bench, routing_bench
from bench.postgres import postgres

console = Console()


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, 100,000 messages for memory")
    parser.add_argument(
        "--without", default="", help="parts to leave out: intake,fhir,routing,privacy,odoo,memory"
    )
    given = parser.parse_args()
    left_out = set(given.without.split(","))
    found: dict[str, Any] = {"machine": platform.platform(), "python": platform.python_version()}
    for part in (intake, fhir, routing, privacy, odoo, memory):
        name = part.__name__
        if name not in left_out:
            found[name] = part(quick=given.quick)
    folder = Path("var/bench")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps(found, indent=2))
    console.print(f"saved as {file}")


def intake(*, quick: bool) -> list[dict[str, Any]]:
    """Acknowledgements a second beside the floors of the same run."""
    with postgres() as url:
        rows = intake_bench.run(url, rounds=1 if quick else intake_bench.ROUNDS)
    rates = {(row["storage"], row["connections"]): row["rate"] for row in rows}
    table = Table(
        "storage", "connections", "ACK/s", "p50 us", "p99 us", "CPU us/message", "of the file floor"
    )
    for row in rows:
        table.add_row(
            row["storage"], str(row["connections"]), f"{row['rate']:,.0f}", f"{row['p50']:,}",
            f"{row['p99']:,}", f"{row['cpu_us']:.0f}", f"{row['share']:.0%}",
        )  # fmt: skip
    console.print(table)
    shared, single = intake_bench.SQLITE, intake_bench.SINGLE
    for longer in (0, *intake_bench.DISKS):
        one, other = (rates[intake_bench.slower(kind, longer), 32] for kind in (shared, single))
        where = f"on a disk {longer} us slower" if longer else "at 32 connections"
        console.print(f"{where} sharing commits gives {one / other:.1f} times one commit per message")
    return rows


def fhir(*, quick: bool) -> list[dict[str, Any]]:
    """Resources created a second over HTTP beside the same door without storage, and read beside no audit."""
    with postgres() as url:
        rows = fhir_bench.run(url, rounds=1 if quick else fhir_bench.ROUNDS)
    reads = fhir_bench.run_reads(1 if quick else fhir_bench.ROUNDS)
    _show_fhir("201/s", "of no storage", rows)
    _show_fhir("200/s", "of no audit", reads)
    return [*rows, *({**row, "storage": f"{row['storage']}, read"} for row in reads)]


def _show_fhir(rate: str, share: str, rows: list[dict[str, Any]]) -> None:
    table = Table("FHIR", "connections", rate, "p50 us", "p99 us", "CPU us/request", share)
    for row in rows:
        table.add_row(
            row["storage"], str(row["connections"]), f"{row['rate']:,.0f}", f"{row['p50']:,}",
            f"{row['p99']:,}", f"{row['cpu_us']:.0f}", f"{row['share']:.0%}",
        )  # fmt: skip
    console.print(table)


def routing(*, quick: bool) -> dict[str, float]:
    """Stored bytes to stored effects on one core."""
    with tempfile.TemporaryDirectory() as folder:
        each = routing_bench.bench_routing(3_000 if quick else 12_000, 200, Path(folder))
    total = sum(each[stage] for stage in ("unrouted", "map", "guard", "store"))
    table = Table("routing", "CPU us/message", "messages/s")
    for name, spent in (*each.items(), ("total", total)):
        table.add_row(name, f"{spent:.1f}", f"{1e6 / spent:,.0f}" if spent > 0 else "-")
    console.print(table)
    return {**each, "total": total}


def privacy(*, quick: bool) -> dict[str, dict[str, float]]:
    """What tokens, choosing numbers and the guard cost of a message, and their share of its routing."""
    with tempfile.TemporaryDirectory() as folder:
        found = privacy_bench.bench_privacy(2_000 if quick else 8_000, Path(folder))
    table = Table("privacy, CPU us/message", "tokens", "numbers", "guard", "routing", "share")
    for name, each in found.items():
        spent = [f"{each[part]:.1f}" for part in ("tokens", "numbers", "guard", "routing")]
        table.add_row(name, *spent, f"{each['share']:.0%}")
    console.print(table)
    return found


def odoo(*, quick: bool) -> dict[str, Any]:
    """Effects a second into the real Odoo, beside a plain script that writes one record at a time."""
    from bench import odoo_bench
    from demo.steps import Absent

    try:
        taken = odoo_bench.measure(20 if quick else 100)
    except Absent as absent:
        console.print(f"no Odoo: {absent}")
        return {}
    table = Table("effects/s", "JSON-2", "JSON-RPC", "one at a time", "times")
    for kind in [*taken["json2"], ""]:
        ours, rpc, plain = (odoo_bench.rate(taken[way], kind) for way in ("json2", "jsonrpc", "odoorpc"))
        table.add_row(kind or "all", f"{ours:.1f}", f"{rpc:.1f}", f"{plain:.1f}", f"{ours / plain:.1f}")
    console.print(table)
    return {
        way: {"all": odoo_bench.rate(t), **{k: odoo_bench.rate(t, k) for k in t}} for way, t in taken.items()
    }


def memory(*, quick: bool) -> dict[str, Any]:
    """Memory of the whole engine at rest and while messages go all the way."""
    found = memory_bench.run(100_000 if quick else 1_000_000)
    console.print(
        f"memory: {found['rest'] / 1e6:.0f} MB at rest, {found['end'] / 1e6:.0f} MB at the end, "
        f"{found['rise_percent']:+.2f} % over the second half"
    )
    return found


if __name__ == "__main__":
    main()
