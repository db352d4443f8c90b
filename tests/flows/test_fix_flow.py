"""Dead letters corrected, replayed and settled at a running engine, under traffic and kill -9."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from base_message import a1, b1, is_answer
from running import Engine, channel, wait_for

from engine.model import MessageState

GOWN = "code,item\nG100,GLOVE-L\nG200,GOWN-L\n"


def ordered(engine: Engine, *arguments: str) -> Any:
    code, said = engine.wardline(*arguments, "--why", "agreed with the ward", "--json")
    assert code == 0, said
    return json.loads(said)


def wrong(control_id: str) -> bytes:
    return b1(control_id).replace(b"G100^", b"G999^")


def items(engine: Engine) -> list[tuple[int, str]]:
    return [(line["message"], line["effect"]["items"][0]["code"]) for line in engine.ledger()]


def test_a_dead_letter_is_corrected_and_stands_once_also_after_kill(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(channel("charges")).start()
    sender = engine.connect()
    for number, message in enumerate((wrong("C1"), b1("C2"))):
        assert is_answer(sender.ask(message), a1(f"C{number + 1}"))
    assert [view.state for view in engine.settle()] == [MessageState.DEAD, MessageState.DELIVERED]
    would = ordered(engine, "edit", "1", "--set", "FT1-7.1=G200", "--dry-run")
    assert (would["changed"], would["would"]["carried"]) == (["FT1-7.1"], 1)
    assert engine.messages()[0].state is MessageState.DEAD  # a look changes nothing
    assert engine.wardline("hold", "odoo:test", "--why", "a moment")[0] == 0
    assert ordered(engine, "edit", "1", "--set", "FT1-7.1=G200")["revision"] == 1
    engine.kill()
    engine.start()
    assert engine.wardline("let-go", "odoo:test", "--why", "go on")[0] == 0
    assert {view.state for view in engine.settle()} == {MessageState.DELIVERED}
    assert sorted(items(engine)) == [(1, "GOWN-L"), (2, "GLOVE-M")]
    assert is_answer(engine.connect().ask(wrong("C1")), a1("C1"))  # a resend of what came is one still
    views = engine.settle()
    assert (views[2].state, views[2].original) == (MessageState.DUPLICATE, 1)
    assert engine.wardline("account")[0] == 0
    code, said = engine.wardline("revisions", "1")
    assert (code, "agreed with the ward" in said) == (0, True)
    assert b"G999" not in engine.content(1)


def test_what_may_not_be_corrected_is_refused_in_plain_words(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    engine.connect().ask(wrong("C1"))
    engine.settle()
    for change, said in {
        "MSH-10=C7": "it stays what it is",
        "MSH-3.1=LAB": "it stays what it is",
        "FT1[2]-7.1=G100": "no such segment",
        "FT1-7.1=G999": "says that already",
        "MSH-9.2=A99": "would not take it",
        "nonsense": "PLACE=TEXT",
    }.items():
        code, text = engine.wardline("edit", "1", "--set", change, "--why", "agreed")
        assert (code, said in text) == (2, True), (change, text)
    assert engine.messages()[0].again == 0


def test_a_replay_under_traffic_leaves_what_stands_and_makes_anew_what_today_says_otherwise(
    make_engine: Callable[..., Engine],
) -> None:
    """T20: old messages go through the channel again while new ones come; nothing stands twice."""
    many = 60
    engine = make_engine(channel("charges"), workers=2).start()
    sender = engine.connect()
    for number in range(many):
        message = b1(f"C{number}").replace(b"PID|1||77", f"PID|1||{number}".encode())
        sender.ask(message.replace(b"G100^", b"G200^") if number % 2 else message)
    engine.settle()
    assert ordered(engine, "replay", "--channel", "charges", "--dry-run")["unchanged"] == many
    assert len(ordered(engine, "replay", "--channel", "charges")["messages"]) == many
    assert {view.state for view in engine.settle()} == {MessageState.DELIVERED}
    assert {view.again for view in engine.messages()} == {1}
    assert len(engine.ledger()) == many  # nothing was carried out a second time
    engine.stop()
    engine.table("items.csv", GOWN)
    engine.start()
    would = ordered(engine, "replay", "--channel", "charges", "--dry-run")
    assert (would["unchanged"], would["carried"], would["stand"]) == (many // 2, many // 2, many // 2)

    live = threading.Thread(target=lambda: _send(engine, many))
    live.start()
    ordered(engine, "replay", "--until", "0s")
    engine.kill()
    live.join()
    engine.start()
    _send(engine, many)  # what was not answered is sent again
    assert {view.state for view in engine.settle()} <= {MessageState.DELIVERED, MessageState.DUPLICATE}
    assert engine.wardline("account")[0] == 0
    done = Counter(items(engine))
    assert {count for (message, _), count in done.items() if message <= many} <= {1, 2}  # a crash may repeat
    assert {done[number, "GLOVE-L"] >= 1 for number in range(1, many + 1, 2)} == {True}
    assert {done[number, "GOWN-L"] for number in range(2, many + 1, 2)} == {1}


def _send(engine: Engine, many: int) -> None:
    try:
        sender = engine.connect()
        for number in range(many):
            sender.ask(b1(f"N{number}"))
    except OSError:
        pass


def test_what_is_skipped_stays_settled_and_live_traffic_goes_on(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start()
    sender = engine.connect()
    for number in range(3):
        sender.ask(wrong(f"C{number}"))
    engine.settle()
    assert ordered(engine, "skip", "--code", "unmapped-code")["letters"] == 3
    assert {view.state for view in engine.messages()} == {MessageState.SKIPPED}
    sender.ask(b1("C9"))
    engine.kill()
    engine.start()
    wait_for(lambda: len(engine.ledger()) == 1, "the live one to be carried out", engine)
    assert Counter(view.state for view in engine.settle())[MessageState.SKIPPED] == 3
    engine.table("items.csv", "code,item\nG100,GLOVE-M\nG999,MASK\n")
    engine.stop()
    engine.start()
    assert ordered(engine, "redeliver", "--all", "--skipped")["redelivered"] == 3
    assert {view.state for view in engine.settle()} == {MessageState.DELIVERED}
    assert engine.wardline("account")[0] == 0
