"""The pages of people, and of the own account, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from console.console_kit import PASSWORD, Console, running_console

from engine.accounts.words import Role
from engine.console import entering
from engine.slow_hashes import hash_of

ADMIN = Role.ADMINISTRATOR
WHY = {"why": "joins the team"}


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(tmp_path_factory.mktemp("console")) as made:
        yield made


def invited(console: Console, name: str, *roles: Role) -> str:
    """The link for a new account."""
    fields: dict[str, Any] = {"name": name, "who": f"{name}, ward 3", "roles": [*roles], **WHY}
    answer = console.client(ADMIN).post("/people", data=fields)
    assert answer.status_code == 200
    (link,) = re.findall(r"http://\S+/invitation\?key=[\w-]{43}", answer.text)
    return link.removeprefix(console.url)


def refused(answer: httpx.Response, says: str) -> None:
    assert answer.status_code == 422
    assert says in answer.text.replace("&#39;", "'")


def test_somebody_is_invited_sets_a_password_and_comes_in(console: Console) -> None:
    link = invited(console, "otto", Role.OPERATOR, Role.VIEWER)
    browser = console.browser()
    assert "Your password, otto" in browser.get(link).text
    key = link.split("key=")[1]
    fields = {"key": key, "password": PASSWORD, "again": PASSWORD}
    refused(browser.post("/invitation", data={**fields, "password": "short", "again": "short"}), "12 to 256")
    assert browser.post("/invitation", data=fields).headers["location"] == "/"
    assert "Otto" not in browser.get("/me").text
    assert "otto, ward 3" in browser.get("/me").text
    assert browser.post("/invitation", data=fields).status_code == 403
    other = console.browser()
    assert other.post("/login", data={"name": "otto", "password": "wrong guess"}).status_code == 403
    entered = other.post("/login", data={"name": "OTTO ", "password": PASSWORD, "next": "/manual?x=1"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/manual?x=1")
    assert other.get("/me").status_code == 200
    told = [(one.entry.who, one.entry.outcome) for one in console.audit(act="login", who="otto")]
    assert told == [("otto", "done"), ("otto", "refused"), ("otto", "done")]


@pytest.mark.parametrize(
    "onto", ["//evil.example", "https://evil.example", "/\\evil", "/login", "x", "/a\r\nb: c"]
)
def test_after_coming_in_nobody_is_sent_elsewhere(console: Console, onto: str) -> None:
    name = f"to{abs(hash(onto))}"
    console.user(name, Role.VIEWER, password=HASHED)
    answer = console.browser().post("/login", data={"name": name, "password": PASSWORD, "next": onto})
    assert answer.headers["location"] == "/"


HASHED = hash_of(PASSWORD)


def test_whoever_fails_again_and_again_is_told_to_wait(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entering, "SLOWEST", 0.0)
    console.user("tess", Role.VIEWER, password=HASHED)
    browser = console.browser()
    said = [browser.post("/login", data={"name": "tess", "password": "guess"}).status_code for _ in range(6)]
    assert said == [403] * 5 + [429]
    waits = browser.post("/login", data={"name": "tess", "password": PASSWORD})
    assert int(waits.headers["retry-after"]) <= 16
    console.clock.ahead += 16
    assert browser.post("/login", data={"name": "tess", "password": PASSWORD}).status_code == 303


def test_roles_that_are_kept_apart_are_refused(console: Console) -> None:
    admin = console.client(ADMIN)
    for roles in (
        [Role.ADMINISTRATOR, Role.OPERATOR],
        [Role.APPROVER, Role.ANALYST],
        [Role.APPROVER, Role.OPERATOR, Role.VIEWER],
    ):
        fields = {"name": "both", "who": "Both of them", "roles": roles, **WHY}
        refused(admin.post("/people", data=fields), "nobody is both")
    refused(admin.post("/people", data={"name": "none", "who": "No role", **WHY}), "a role at least")
    fields = {"name": "none", "who": "No role", "roles": "root", **WHY}
    refused(admin.post("/people", data=fields), "no such role")
    refused(admin.post("/people", data={**fields, "roles": "viewer", "why": ""}), "reason")
    assert console.store.user("both") is None


def test_other_roles_log_somebody_out_and_count_at_once(console: Console) -> None:
    browser = console.client(Role.VIEWER, name="vera")
    assert browser.get("/people").status_code == 403
    admin = console.client(ADMIN)
    answer = admin.post("/people/vera/roles", data={"roles": ["administrator", "viewer"], **WHY})
    assert answer.headers["location"] == "/people/vera"
    assert browser.get("/people").headers["location"].startswith("/login")
    assert console.client(name="vera").get("/people").status_code == 200
    told = console.audit(act="account", object="user:vera")[-1].entry
    assert (told.detail["before"], told.detail["after"]) == ("viewer", "administrator viewer")
    assert told.why == "joins the team"


def test_who_is_disabled_is_out_at_once_and_can_come_back(console: Console) -> None:
    browser, admin = console.client(Role.VIEWER, name="dora"), console.client(ADMIN)
    assert browser.get("/me").status_code == 200
    admin.post("/people/dora/disable", data=WHY)
    assert browser.get("/me").status_code == 303
    refused(admin.post("/people/dora/disable", data=WHY), "disabled already")
    refused(admin.post("/people/dora/reset", data=WHY), "is disabled")
    admin.post("/people/dora/enable", data=WHY)
    assert console.store.user("dora").state == "invited"  # type: ignore[union-attr]
    assert admin.get("/people/nobody").status_code == 404
    assert admin.post("/people/nobody/disable", data=WHY).status_code == 404


def test_a_reset_ends_password_sessions_and_tokens(console: Console) -> None:
    console.user("rita", Role.VIEWER, password=HASHED)
    browser = console.client(name="rita")
    assert (
        browser.post("/me/tokens", data={"name": "mine", "roles": "viewer", "days": "30"}).status_code == 200
    )
    answer = console.client(ADMIN).post("/people/rita/reset", data=WHY)
    (link,) = re.findall(r"/invitation\?key=[\w-]{43}", answer.text)
    assert browser.get("/me").status_code == 303
    assert browser.post("/login", data={"name": "rita", "password": PASSWORD}).status_code == 403
    assert "rita" in browser.get(link).text
    (token,) = console.store.api_tokens("rita")
    assert token.revoked_at  # whoever was in with the password that is gone may have made it
    assert console.audit(act="account", object="user:rita")[-1].entry.detail["token"] == "revoked"


def test_an_administrator_leaves_the_own_account_to_another(console: Console) -> None:
    admin = console.client(ADMIN)
    me = f"user-{ADMIN}"
    for path, fields in (("disable", {}), ("reset", {}), ("roles", {"roles": "viewer"})):
        refused(admin.post(f"/people/{me}/{path}", data={**fields, **WHY}), "your own account")
    assert "another administrator changes it" in admin.get(f"/people/{me}").text


def test_the_last_administrator_stays(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_console(tmp_path_factory.mktemp("last")) as console:
        first, second = console.client(ADMIN, name="one"), console.client(ADMIN, name="two")
        assert second.post("/people/one/disable", data=WHY).status_code == 303
        assert first.get("/people").status_code == 303
        console.user("new", ADMIN, state="invited")
        # the last one that is active is `two`: nobody else can take that away, and it cannot itself
        refused(second.post("/people/two/disable", data=WHY), "own account")
        caller_less = console.client(ADMIN, name="two")
        assert caller_less.get("/people").status_code == 200


def test_sessions_are_seen_and_ended_by_their_owner_and_by_administrators(console: Console) -> None:
    first, second = console.client(Role.VIEWER, name="sven"), console.client(name="sven")
    ids = [one.id for one in console.store.sessions("sven")]
    page = first.get("/me").text
    mine = console.entrance.who(first.cookies[console.door.cookie()], "").caller.key  # type: ignore[union-attr]
    (other,) = [one for one in ids if one != mine]
    assert f"/me/sessions/{other}/end" in page
    assert f"/me/sessions/{mine}/end" not in page
    stranger = console.client(Role.OPERATOR)
    assert stranger.post(f"/me/sessions/{other}/end").status_code == 404
    assert first.post(f"/me/sessions/{other}/end").status_code == 303
    assert second.get("/me").status_code == 303
    console.client(ADMIN).post(f"/people/sessions/{mine}/end", data=WHY)
    assert first.get("/me").status_code == 303


def test_a_token_is_made_shown_once_used_and_revoked(console: Console) -> None:
    browser = console.client(Role.OPERATOR, Role.VIEWER, name="toni")
    made = browser.post("/me/tokens", data={"name": "nightly", "roles": "viewer", "days": "30"})
    (token,) = re.findall(r"wrt1_[\w-]{43}", made.text)
    assert token not in browser.get("/me").text
    script = httpx.Client(base_url=console.url, headers={"authorization": f"Bearer {token}"}, trust_env=False)
    with script:
        assert script.get("/api/v1/own").json()["account"]["name"] == "toni"
        assert script.get("/api/v1/accounts").status_code == 403  # nobody's role here
        for wrong in ("Bearer x", f"Basic {token}", f"bearer{token}"):
            headers = {"authorization": wrong}
            assert script.get("/api/v1/own", headers=headers).status_code == 401
        again = script.post("/api/v1/own/tokens", json={"name": "x", "roles": ["viewer"]})
        assert again.status_code == 403  # a token makes no token
        assert script.get("/me").status_code == 303  # nor opens a page
        id_ = console.store.api_tokens("toni")[0].id
        assert browser.post(f"/me/tokens/{id_}/revoke").status_code == 303
        assert script.get("/api/v1/own").status_code == 401
    assert browser.post(f"/me/tokens/{id_}/revoke").status_code == 404
    told = [one.entry.detail["token"] for one in console.audit(act="account", object="user:toni")[1:]]
    assert told == ["made", "revoked"]
    assert not any(token in repr(one) for one in console.audit())


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "", "roles": "viewer", "days": "30"}, "what it is for"),
        ({"name": "x", "roles": "viewer", "days": "366"}, "between 1 and 365"),
        ({"name": "x", "roles": "viewer", "days": "-1"}, "between 1 and 365"),
        ({"name": "x", "roles": "administrator", "days": "30"}, "you are no administrator"),
        ({"name": "x", "days": "30"}, "a role at least"),
    ],
    ids=str,
)
def test_a_token_has_a_purpose_an_end_and_roles_of_its_owner(
    console: Console, fields: dict[str, str], says: str
) -> None:
    browser = console.client(Role.VIEWER, name="walt")
    refused(browser.post("/me/tokens", data=fields), says)
    assert console.store.api_tokens("walt") == []


def test_the_own_password_is_changed_at_the_console(console: Console) -> None:
    console.user("pia", Role.VIEWER, password=HASHED)
    browser, other = console.client(name="pia"), console.client(name="pia")
    fields = {"old": PASSWORD, "password": "another tram depot 92", "again": "another tram depot 92"}
    assert browser.post("/me/password", data={**fields, "old": "wrong"}).status_code == 403
    refused(browser.post("/me/password", data={**fields, "again": "x"}), "not the same")
    old = browser.cookies[console.door.cookie()]
    assert browser.post("/me/password", data=fields).headers["location"] == "/me"
    assert browser.get("/me").status_code == 200
    assert other.get("/me").status_code == 303
    assert console.entrance.who(old, "") is None
    assert console.browser().post("/me/password", data=fields).headers["location"] == "/login"


def test_logging_out_is_a_form_of_the_own_page_only(console: Console) -> None:
    browser = console.client(Role.VIEWER, name="luis")
    assert browser.get("/logout").status_code in (404, 405)
    token = browser.headers.pop("x-csrf-token")
    assert browser.post("/logout").status_code == 403
    assert browser.post("/logout", data={"token": token}).headers["location"] == "/login?out=1"
    assert browser.get("/me").status_code == 303
    assert console.store.sessions("luis") == []
