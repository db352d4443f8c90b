"""Which passwords are taken."""

from __future__ import annotations

import pytest

from engine.accounts.passwords import check_password, normal
from engine.errors import Misconfigured

OWN = ("m.weber", "Maria Weber, integration team", "wardline")


@pytest.mark.parametrize(
    "password",
    [
        "violet tram depot 91",
        "correct mule tractor nail",
        "aaaa bbbb cccc dddd eeee",
        "Пароль из нескольких слов",
        "長い長い長い合言葉を四つ並べる",
        "x" * 11 + "yzabcde-fghij",
        "weber has a long river boat",
        "n6$kQ!v9@zR2",
        "🐢🦔🦉🐍🦎🐸🐌🦋🐞🐜🦗🕷",
    ],
)
def test_what_only_somebody_puts_together_is_taken(password: str) -> None:
    check_password(password, *OWN)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "12 to 256"),
        ("elevenchars", "12 to 256"),
        ("x" * 257, "12 to 256"),
        ("password1234", "everybody tries"),
        ("Password1234!", "everybody tries"),
        ("P@ssw0rd!!!!!!!!", "everybody tries"),
        ("qwertyuiop123", "everybody tries"),
        ("Hospital2026!!!!", "everybody tries"),
        ("CorrectHorseBatteryStaple", "everybody tries"),
        ("m.weber.wardline", "own words"),
        ("MariaWeber2026", "own words"),
        ("w4rdl1ne-w4rdl1ne", "own words"),
        ("aaaaaaaaaaaa", "over and over"),
        ("abababababab", "over and over"),
        ("abcdefghijklm", "over and over"),
        ("zyxwvutsrqponm", "over and over"),
        ("wxyz wxyz wxyz ", "over and over"),
    ],
)
def test_what_everybody_tries_first_is_not(password: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=says) as caught:
        check_password(password, *OWN)
    assert password not in str(caught.value)


def test_what_looks_the_same_is_the_same() -> None:
    assert normal("ﬁne Å vector") == normal("fine Å vector")
