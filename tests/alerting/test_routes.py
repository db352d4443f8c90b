"""Routes out of the environment: what is missing or unsafe is said, and nothing secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.alerting.limits import limits_of
from engine.alerting.routes import route_of, routes_of
from engine.alerting.watch import NODE_LIMITS
from engine.errors import Misconfigured
from engine.watching import Kind

MAIL = {
    "WARDLINE_NOTIFY_ON_DUTY_URL": "smtp://mail.hospital.example:587",
    "WARDLINE_NOTIFY_ON_DUTY_TO": "duty@hospital.example, second@hospital.example",
    "WARDLINE_NOTIFY_ON_DUTY_FROM": "wardline@hospital.example",
}


def with_(**more: str) -> dict[str, str]:
    return {**MAIL, **{f"WARDLINE_NOTIFY_ON_DUTY_{name}": value for name, value in more.items()}}


def test_a_route_of_mail() -> None:
    route = route_of("on-duty", with_(USER="wardline", PASSWORD="secret-word"))
    assert (route.kind, route.host) == ("mail", "mail.hospital.example:587")
    assert route.to == ("duty@hospital.example", "second@hospital.example")
    assert (route.user, route.password, route.plain) == ("wardline", "secret-word", False)


def test_secrets_are_not_shown_and_may_lie_in_files(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("https://hooks.slack.com/services/T0/B0/xyzzy\n")
    env = {"WARDLINE_NOTIFY_CHAT_URL": f"file:{tmp_path}/hook", "WARDLINE_NOTIFY_CHAT_SECRET": "plugh"}
    route = route_of("chat", env)
    assert (route.kind, route.url, route.secret) == (
        "slack", "https://hooks.slack.com/services/T0/B0/xyzzy", "plugh",
    )  # fmt: skip
    assert "xyzzy" not in repr(route)
    assert "plugh" not in repr(route)
    assert route.host == "hooks.slack.com:443"


@pytest.mark.parametrize(
    ("url", "said", "kind"),
    [
        ("https://alerts.hospital.example/in", "", "webhook"),
        ("https://x.webhook.office.com/y", "teams", "teams"),
        ("https://chat.hospital.example/hooks/1", "slack", "slack"),
        ("http://127.0.0.1:9/x", "", "webhook"),
        ("smtps://mail.hospital.example", "mail", "mail"),
    ],
)
def test_kinds(url: str, said: str, kind: str) -> None:
    assert route_of("on-duty", with_(URL=url, KIND=said)).kind == kind


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"URL": ""}, "WARDLINE_NOTIFY_ON_DUTY_URL: is not set"),
        ({"URL": "ftp://x"}, "is no address"),
        ({"URL": "https://"}, "is no address"),
        ({"URL": "smtp://mail:99999999"}, "is no address"),
        ({"URL": "https://me:word@x.example/"}, "may hold no user and no password"),
        ({"URL": "http://alerts.hospital.example/in"}, "is not protected by TLS"),
        ({"TO": ""}, "WARDLINE_NOTIFY_ON_DUTY_TO: is not set"),
        ({"FROM": ""}, "WARDLINE_NOTIFY_ON_DUTY_FROM: is not set"),
        ({"TO": "nobody"}, "is no address of e-mail"),
        ({"TO": "a@b.example\r\nBcc: c@d.example"}, "is no address of e-mail"),
        ({"USER": "wardline"}, "goes with the other"),
        ({"KIND": "pager"}, "is mail where the address is of SMTP"),
        ({"URL": "https://x.example/", "KIND": "pager"}, "is none of webhook, slack, teams"),
        ({"PASSWORD": "file:/nowhere/at/all"}, "names a file that cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_setting(changed: dict[str, str], said: str) -> None:
    with pytest.raises(Misconfigured, match="WARDLINE_NOTIFY_ON_DUTY") as refused:
        route_of("on-duty", with_(**changed))
    assert said in str(refused.value)
    assert "word" not in str(refused.value).replace("password", "")


def test_http_may_be_plain_in_a_closed_network() -> None:
    env = with_(URL="http://alerts.hospital.example/in")
    assert routes_of(["on-duty"], env, insecure_ok=True)["on-duty"].plain


def test_limits_of_the_node() -> None:
    assert limits_of("") == NODE_LIMITS
    changed = limits_of("disk: 5%, backup: 50h, certificate: 60d, clock: off, gaps: 3, destination: 10m")
    assert (changed[Kind.DISK], changed[Kind.BACKUP], changed[Kind.CERTIFICATE]) == (0.05, 180_000.0, 60.0)
    assert (changed[Kind.GAPS], changed[Kind.DESTINATION]) == (3.0, 600.0)
    assert Kind.CLOCK not in changed
    assert changed[Kind.ODOO_KEY] == NODE_LIMITS[Kind.ODOO_KEY]


@pytest.mark.parametrize(
    "text",
    ["disk", "disk: 5", "disk: 150%", "backup: soon", "silent: 5m", "nonsense: 1", "gaps: some", "disk 5%"],
)
def test_limits_that_cannot_be_understood_are_said(text: str) -> None:
    with pytest.raises(Misconfigured, match="WARDLINE_ALERTS"):
        limits_of(text)
