"""Tables whose rows hold on certain days: which row speaks is a matter of the day that counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from engine.config.tables import Table, parse_table
from engine.effects import Item
from engine.errors import Unacceptable
from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.privacy.book import TokenBook
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.transforms.compiling import checked, compile_text
from engine.transforms.expression import Flaw
from engine.transforms.scope import Scope
from engine.transforms.setting import Setting

MESSAGE = (
    "MSH|^~\\&|A|B|C|D|{sent}||DFT^P03|1|P|2.5\rPV1||I|3A\r"
    "FT1|1|1||20260331|||A\rFT1|2|2||20260401|||A\rFT1|3|3||20200101|||A\rFT1|4|4|||||A\r"
)
ROWS = (
    "code,price,since,until\nA,10,,2026-03-31\nA,12,2026-04-01,\nB,5,2026-01-01,2026-01-31\n"
    "3A,7,2026-04-01,\n"
)
KITS = "kit,item,quantity,since,until\nA,X,1,,\nA,Y,2,2026-04-01,\n"


def _dated(text: str) -> Table:
    undated, _ = parse_table(text, "t.csv")
    assert undated is not None
    made = Table("t", undated.columns, ("since", "until"))
    for key in undated.keys():  # noqa: SIM118
        for row, line in zip(undated.rows(key), undated.lines[key], strict=True):
            made.add(row, line)
    return made


@pytest.fixture
def read(book: TokenBook) -> Callable[..., Any]:
    """What an expression gives in the `number`-th FT1, on the day that `on` says."""

    def found(
        text: str, number: int = 1, on: str = "", sent: str = "20260401120000", wanted: type = str
    ) -> Any:
        valid_on = {"prices": on, "kits": on} if on else {}
        setting = Setting(
            Readers(Policy()), {"prices": _dated(ROWS), "kits": _dated(KITS)}, valid_on=valid_on
        )
        value = checked(compile_text(text, setting, "value", wanted))
        document = Document.parse(MESSAGE.format(sent=sent).encode())
        whole = Scope(document, book, setting.slots)
        return value(whole.within(groups(document, "FT1"))[number - 1])

    return found


def _refused(read: Callable[..., Any], *given: Any, **more: Any) -> tuple[str, str]:
    with pytest.raises(Unacceptable) as caught:
        read(*given, **more)
    return caught.value.code, caught.value.place


@pytest.mark.parametrize("verb", ["lookup", "find"])
def test_the_day_of_the_message_counts_unless_the_channel_says_another(
    read: Callable[..., Any], verb: str
) -> None:
    text = f"FT1-7 | {verb}(prices, price)"
    assert read(text) == "12"
    assert read(text, sent="20260331235959") == "10"
    assert [read(text, number, on="FT1-4") for number in (1, 2, 3)] == ["10", "12", "10"]
    assert read(text, 4, on="FT1-4 or MSH-7") == "12"


@pytest.mark.parametrize("verb", ["lookup", "find"])
def test_a_row_of_another_day_is_as_if_absent(read: Callable[..., Any], verb: str) -> None:
    assert _refused(read, f"PV1-3.1 | {verb}(prices, price)", sent="20260331") == (
        "unmapped-code",
        "PV1[1]-3.1",
    )
    assert read(f"PV1-3.1 | {verb}(prices, price)") == "7"


def test_what_a_look_up_says_of_other_codes_holds_for_other_days(read: Callable[..., Any]) -> None:
    assert read("PV1-3.1 | lookup(prices, price, none)", sent="20260331") == "none"
    assert read("PV1-3.1 | lookup(prices, price, else: same)", sent="20260331") == "3A"


def test_what_is_the_messages_is_looked_up_for_each_group_when_the_day_is_the_groups(
    read: Callable[..., Any],
) -> None:
    assert _refused(read, "PV1-3.1 | find(prices, price)", 1, on="FT1-4")[0] == "unmapped-code"
    assert read("PV1-3.1 | find(prices, price)", 2, on="FT1-4") == "7"


def test_a_code_that_is_empty_asks_for_no_day(read: Callable[..., Any]) -> None:
    assert read("FT1-25 | lookup(prices, price)", 4, on="FT1-4") is None


def test_a_message_without_the_day_is_refused_at_its_place(read: Callable[..., Any]) -> None:
    assert _refused(read, "FT1-7 | lookup(prices, price)", 4, on="FT1-4") == ("missing-field", "FT1[4]-4")


def test_a_kit_has_the_rows_of_the_day(read: Callable[..., Any]) -> None:
    def items(sent: str) -> list[str]:
        found: tuple[Item, ...] = read("FT1-7 | kit(kits)", sent=sent, wanted=tuple)
        return [item.code for item in found]

    assert items("20260331") == ["X"]
    assert items("20260401") == ["X", "Y"]


def test_a_day_that_is_no_day_or_a_token_is_a_flaw(read: Callable[..., Any]) -> None:
    for on, said in (("FT1-4 | date", "only field paths"), ("PID-3", "token")):
        with pytest.raises(Flaw, match=said):
            read("FT1-7 | lookup(prices, price)", on=on)


def test_rows_of_one_code_that_hold_on_the_same_days_are_several() -> None:
    assert list(_dated(ROWS).repeated()) == []
    assert list(
        _dated("code,since,until\nA,,2026-01-31\nA,2026-02-01,\nA,2026-01-31,2026-01-31\n").repeated()
    ) == [("A", 4)]
    assert _dated(ROWS).spans("A")[0] == (date.min, date(2026, 3, 31))
