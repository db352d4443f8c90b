"""The door of the console over real HTTP: who comes in, who does not, what every answer carries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from console.console_kit import PASSWORD, Console, running_console

from engine.accounts.words import Role


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(tmp_path_factory.mktemp("console")) as made:
        yield made


def test_nobody_reaches_a_page_who_is_not_known(console: Console) -> None:
    browser = console.browser()
    asked = browser.get("/manual/README?x=1")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fmanual%2FREADME%3Fx%3D1")
    assert browser.get("/manual", headers={"hx-request": "true"}).status_code == 401
    refused = browser.get("/api/v1/anything")
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert browser.post("/theme", data={"theme": "dark"}).headers["location"] == "/login"


def test_who_is_known_sees_pages(console: Console) -> None:
    browser = console.client(Role.VIEWER)
    assert browser.get("/manual/README").status_code == 200
    assert browser.get("/").headers["location"]
    assert browser.get("/nothing-here").status_code == 404


def test_every_answer_says_what_it_may_load_and_is_kept_nowhere(console: Console) -> None:
    for browser, path in ((console.browser(), "/login"), (console.client(Role.VIEWER), "/manual/README")):
        headers = browser.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"
        assert "server" not in headers
        assert "strict-transport-security" not in headers  # not over TLS here


def test_another_name_for_the_console_is_refused(console: Console) -> None:
    """T: a site that makes its own name point here (DNS rebinding)."""
    answer = console.client(Role.VIEWER).get("/manual/README", headers={"host": "evil.example:80"})
    assert answer.status_code == 421
    assert "README" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"x-csrf-token": "guessed"},
        {"x-csrf-token": ""},
    ],
    ids=str,
)
def test_a_form_of_another_page_does_nothing(console: Console, headers: dict[str, str]) -> None:
    answer = console.client(Role.VIEWER).post("/theme", data={"theme": "dark"}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_form_carries_its_token_in_a_field_or_a_header(console: Console) -> None:
    browser = console.client(Role.VIEWER)
    token = browser.headers.pop("x-csrf-token")
    assert browser.post("/theme", data={"theme": "dark", "token": token}).status_code == 303
    assert browser.post("/theme", data={"theme": "dark", "token": token + "x"}).status_code == 403
    other = console.client(Role.OPERATOR)
    del other.headers["x-csrf-token"]
    assert other.post("/theme", data={"theme": "dark", "token": token}).status_code == 403
    big = {"theme": "dark", "token": token, "x": "y" * (4 * 1024 * 1024)}
    assert browser.post("/theme", data=big).status_code == 403


def test_a_link_from_elsewhere_is_asked_for_again_by_a_page_of_ours(console: Console) -> None:
    """A browser keeps a SameSite=Strict cookie back when another site's link is followed."""
    elsewhere = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    answer = console.browser().get('/alerts/7?a=b&c="><script>', headers=elsewhere)
    assert answer.status_code == 200
    assert answer.headers["refresh"] == "0;url=/alerts/7?a=b&c=%22%3E%3Cscript%3E"
    assert answer.text == ""


def test_health_is_told_to_everybody_by_any_name(console: Console) -> None:
    plain = httpx.get(console.url + "/ready", headers={"host": "10.0.0.7"}, trust_env=False)
    assert plain.json() == {"ready": True, "parts": {"store": "ready"}}
    assert httpx.get(console.url + "/health", trust_env=False).json() == {"status": "alive"}


def test_the_first_account_is_made_once_by_a_link(tmp_path: Path) -> None:
    with running_console(tmp_path) as console:
        key = console.entrance.set_up_key()
        browser = console.browser()
        assert "The first account" in browser.get(f"/setup?key={key}").text
        fields = {"key": key, "name": "ann", "who": "Ann Onym", "password": PASSWORD, "again": PASSWORD}
        for wrong, says in (
            ({"again": "other"}, "not the same"),
            ({"password": "short", "again": "short"}, "12 to 256"),
            ({"name": "Ann!"}, "small letters"),
            ({"who": "x"}, "which human being"),
        ):
            answer = browser.post("/setup", data={**fields, **wrong})
            assert answer.status_code == 422
            assert says in answer.text
            assert PASSWORD not in answer.text
        assert browser.post("/setup", data={**fields, "key": "guess"}).status_code == 403
        assert browser.post("/setup", data=fields).headers["location"] == "/"
        assert browser.get("/manual/README").status_code == 200
        assert console.entrance.set_up_key() == ""
        assert console.browser().post("/setup", data={**fields, "name": "eve"}).status_code == 403
        user = console.store.user("ann")
        assert user is not None
        assert user.roles == ("administrator", "viewer")
        assert PASSWORD not in repr(user) + user.password
        told = [one.entry for one in console.audit()]
        assert [(one.act, one.who, one.outcome) for one in told] == [
            ("account", "ann", "done"),
            ("login", "ann", "done"),
        ]


def test_a_set_up_link_ends_within_the_hour_and_with_the_next(tmp_path: Path) -> None:
    with running_console(tmp_path) as console:
        first = console.entrance.set_up_key()
        second = console.entrance.set_up_key()
        assert console.browser().get(f"/setup?key={first}").status_code == 403
        assert console.browser().get(f"/setup?key={second}").status_code == 200
        console.clock.ahead = 3601
        assert console.browser().get(f"/setup?key={second}").status_code == 403


@pytest.mark.parametrize("path", ["//evil.example/x", "/%2Fevil.example/x", "/%09/evil.example"])
def test_nobody_is_led_to_another_host(console: Console, path: str) -> None:
    elsewhere = console.browser().get(
        f"{console.url}{path}", headers={"sec-fetch-site": "cross-site"}, follow_redirects=False
    )
    assert elsewhere.headers["refresh"] == "0;url=/"
    for back in ("//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example"):
        answer = console.client(Role.VIEWER).post("/theme", data={"back": back, "theme": "dark"})
        assert answer.headers["location"] == "/"


def test_a_form_of_too_many_fields_is_refused(console: Console) -> None:
    body = "&".join(f"f{number}=1" for number in range(2001))
    form = {"content-type": "application/x-www-form-urlencoded"}
    operator = console.client(Role.OPERATOR)
    assert operator.post("/api/v1/fixes/skip", content=body, headers=form).status_code == 422
    del operator.headers["x-csrf-token"]
    assert operator.post("/fixes/skip", content=body, headers=form).status_code == 403
