"""`wardline try` of stored messages and as a page; `wardline shadow` of a store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from conformance.schedule_contract import NAMES
from conformance.shadow_contract import ODOO, WHY, accepted, routed, settle
from conformance.store_contract import RING
from msgspec.structs import replace
from typer.testing import CliRunner

from engine.auditing import Act, AuditQuery
from engine.cli import app
from engine.model import Arrival, Dead, Reason, ReasonCode, Routing, Shadowed
from engine.store.base import Store
from engine.store.sql import open_store

ROOT = Path(__file__).parents[2]
CHARGE = ROOT / "tests/fixtures/hl7/dft-p03-charge.hl7"
SECRETS = ("50001", "TESTMANN", "TESSA", "19700131", "V-7001", "T-1001")
CHANNEL = str(ROOT / "channels/dft-charges.yaml")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    for module in ("trying", "shadow", "codes", "view"):
        monkeypatch.setattr(f"engine.cli.{module}.open_named", lambda _: opened)
    monkeypatch.setenv("WARDLINE_AUDIT_CHECKPOINTS", str(tmp_path / "checkpoints"))
    yield opened
    opened.close()


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))


def test_a_stored_message_is_tried_without_telling_who_and_that_is_in_the_audit(store: Store) -> None:
    raw = CHARGE.read_bytes()
    name = NAMES.of("dft-charges", b"A", b"B", b"1")
    (receipt,) = store.accept([Arrival("dft-charges", raw, name, NAMES.digest(raw), 100.0)])
    done = run("try", CHANNEL, "--stored", str(receipt.id), "--why", "ticket 88")
    assert done.exit_code == 0, done.output
    assert "visit:#" in done.stdout
    assert "POST /json/2/sale.order.line/load" in done.stdout
    assert not [secret for secret in SECRETS if secret in done.output]
    (entry,) = store.entries(AuditQuery(act=Act.LOOK))
    assert (entry.entry.object, entry.entry.why) == (f"message:{receipt.id}", "ticket 88")


def test_a_message_that_is_not_stored_is_said_to_be_none(store: Store) -> None:
    done = run("try", CHANNEL, "--stored", "99")
    assert done.exit_code != 0
    assert "no content here" in str(done.exception)
    assert store.entries(AuditQuery(act=Act.LOOK)) == []


def test_nothing_to_try_is_said() -> None:
    done = run("try", CHANNEL)
    assert "name a file" in str(done.exception)


def test_a_trial_is_written_as_a_page(tmp_path: Path) -> None:
    page = tmp_path / "trial.html"
    done = run("try", CHANNEL, str(CHARGE), "--html", str(page), "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["plan"]["effects"][0]["verdict"] == "create"
    assert "makes a charge" in page.read_text()
    assert "TESTMANN" not in page.read_text()


def test_the_report_of_a_shadow_counts_in_business_words(store: Store) -> None:
    outcomes = [
        Shadowed({"would": "create"}),
        Shadowed({"would": "change", "differs": "quantity, time"}, "quantity 4 → 6"),
        Shadowed({"would": "stands"}),
        Shadowed({"would": "refused"}, "", replace(WHY, code=ReasonCode.UNKNOWN_ITEM, place="item.code")),
    ]
    for number, outcome in enumerate(outcomes, 1):
        settle(store, routed(store, number, ODOO), shadow=outcome)
    routed(store, 5, ODOO)
    store.route([Routing(accepted(store, 6), Dead(WHY), shadow=True)], [], 200.0)
    done = run("shadow", "charges")
    assert done.stdout.splitlines() == [
        "charges: 4 messages compared, 0 filtered, 1 would be dead letters; nothing was written",
        "  1 effects are still to be compared",
        "  dead letter: unmapped-code at FT1[1]-7: 1",
        "charge (4): 1 would be made, 1 stand already, 1 would change what stands, 1 would be refused",
        "  differs in quantity: 1 (such as message 2)",
        "  differs in time: 1 (such as message 2)",
        "  refused: unknown-item at item.code: 1 (such as message 4)",
    ]
    told = json.loads(run("shadow", "charges", "--json").stdout)
    assert told["effects"]["charge"]["would"] == {"create": 1, "change": 1, "stands": 1, "refused": 1}


def test_what_was_said_again_counts_once_as_it_was_said_last(store: Store) -> None:
    settle(store, routed(store, 1, ODOO), shadow=Shadowed({"would": "create"}))
    settle(store, routed(store, 2, ODOO, key="charges/1"), shadow=Shadowed({"would": "stands"}))
    told = json.loads(run("shadow", "charges", "--json").stdout)
    assert told["messages"] == {"shadowed": 2}
    assert told["effects"]["charge"]["would"] == {"stands": 1}


def test_a_channel_without_messages_has_no_report(store: Store) -> None:
    assert store.account() == []
    assert "no messages of this channel" in str(run("shadow", "nobody").exception)


def test_what_a_sender_wrote_does_nothing_to_the_terminal(store: Store, tmp_path: Path) -> None:
    raw = CHARGE.read_bytes().replace(b"|CG|", b"|C\x1b[2J\x1b]0;x\x07[/b]|")
    name = NAMES.of("dft-charges", b"A", b"B", b"1")
    (receipt,) = store.accept([Arrival("dft-charges", raw, name, NAMES.digest(raw), 100.0)])
    (tmp_path / "a.hl7").write_bytes(raw)
    for words in (
        ("try", CHANNEL, str(tmp_path / "a.hl7")),
        ("try", CHANNEL, "--stored", str(receipt.id), "--why", "x"),
        ("view", str(tmp_path / "a.hl7")),
        ("view", "--message", str(receipt.id), "--why", "x"),
    ):
        done = run(*words)
        assert r"C\x1b[2J\x1b]0;x\x07[/b]" in done.stdout, words
        assert not set(done.output) & {"\x1b", "\x07"}, words


def test_a_code_that_looks_like_markup_is_listed_as_it_is(store: Store) -> None:
    found = accepted(store, 1)
    lacking = Dead(Reason(ReasonCode.UNMAPPED_CODE, "x", "FT1[1]-7.1"), ("items", "9[/b]\x1b[2J[red]"))
    store.route([Routing(found, lacking)], [], 200.0)
    done = run("codes", "list")
    assert done.exit_code == 0
    assert r"9[/b]\x1b[2J[red]" in done.stdout
