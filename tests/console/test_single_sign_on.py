"""Single sign-on with a provider that is a process of its own, over real HTTPS, and what an attacker
tries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from console.console_kit import Console, running_console
from console.sign_on_kit import CLIENT, Provider, trusting
from msgspec.structs import replace

from engine.access.https import ask
from engine.accounts.coming import Terms
from engine.accounts.identity import Single
from engine.accounts.sign_on import SignOn
from engine.accounts.words import Role
from engine.app.signing_on import single_of
from engine.console import signing_on
from engine.errors import Misconfigured, Unavailable
from engine.settings import Settings
from engine.store.contracts.accounts import Changed


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    made = Provider(tmp_path_factory.mktemp("directory"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Console]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(provider.ca))
        patch.setattr(signing_on, "SLOWEST", 0.0)
        patch.setattr(signing_on, "_A_SECOND", 1000.0)

        def extra(_: object, door: Any, clock: Any) -> dict[str, Any]:
            return trusting(provider, door, clock)

        with running_console(tmp_path_factory.mktemp("console"), extra=extra) as made:
            yield made


@pytest.fixture(autouse=True)
def _plain(provider: Provider, console: Console) -> None:
    provider.told()
    console.clock.ahead = 0.0


def through(console: Console, provider: Provider, browser: httpx.Client, onto: str = "/me") -> httpx.Response:
    """Go there and come back, as a browser does; the answer of the callback."""
    start = browser.get(f"/oidc/start?next={onto}")
    assert start.status_code == 303, start.text
    back = provider.http.get(start.headers["location"])
    return browser.get(back.headers["location"].removeprefix(console.url))


def test_somebody_comes_in_by_the_directory_with_the_roles_of_the_groups(
    console: Console, provider: Provider
) -> None:
    browser = console.browser()
    assert "/oidc/start" in browser.get("/login").text
    answer = through(console, provider, browser)
    assert (answer.status_code, answer.headers["refresh"]) == (200, "0;url=/me")
    page = browser.get("/me").text
    assert "Maria Weber" in page
    assert "/me/password" not in page
    user = console.store.user("maria")
    assert user is not None
    assert (user.roles, user.issuer, user.subject, user.password) == (
        ("operator", "viewer"), provider.issuer, "s-1", "",
    )  # fmt: skip
    session = console.store.sessions("maria")[0]
    assert session.how == "oidc"
    token = browser.get("/me").text.split('name="token" value="')[1].split('"')[0]
    out = browser.post("/logout", data={"token": token})
    assert f"{provider.issuer}/out?client_id=wardline+console&amp;post_logout_redirect_uri=" in out.text
    assert browser.get("/me").status_code == 303


def test_roles_follow_the_directory_at_each_log_in(console: Console, provider: Provider) -> None:
    provider.told(
        user={"sub": "s-2", "preferred_username": "Otto.Weber@hospital.example", "groups": "wl-ops"}
    )
    first = console.browser()
    through(console, provider, first)
    provider.told(user={"sub": "s-2", "preferred_username": "renamed", "groups": ["wl-analysts", "other"]})
    second = console.browser()
    through(console, provider, second)
    user = console.store.user("otto.weber")
    assert user is not None
    assert user.roles == ("analyst",)
    assert first.get("/me").status_code == 303  # other roles end what there was
    assert second.get("/me").status_code == 200
    told = console.audit(act="account", object="user:otto.weber")[-1].entry
    assert (told.detail["before"], told.detail["after"]) == ("operator viewer", "analyst")
    refused = console.client(Role.ADMINISTRATOR).post(
        "/people/otto.weber/roles", data={"roles": "viewer", "why": "by hand"}
    )
    assert "come from the directory" in refused.text


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ({"groups": []}, "no group of yours"),
        ({"groups": None}, "no group of yours"),
        ({"groups": ["Wl-Ops", 7, None]}, "no group of yours"),
        ({"groups": ["wl-ops", "wl-admins"]}, "nobody is both"),
        ({"groups": ["wl-analysts", "wl-approvers"]}, "nobody is both"),
        ({"sub": "s-9", "preferred_username": "", "email": "", "name": "x"}, "exists, and is not yours"),
    ],
    ids=str,
)
def test_who_has_no_role_or_no_right_to_a_name_is_not_let_in(
    console: Console, provider: Provider, user: dict[str, Any], says: str
) -> None:
    if console.store.user("s-9") is None:
        console.user("s-9", Role.VIEWER)
    provider.told(user={"sub": "s-8", "preferred_username": "nobody.here", **user})
    browser = console.browser()
    answer = through(console, provider, browser)
    assert answer.status_code == 403
    assert says in answer.text
    assert browser.get("/me").status_code == 303
    assert console.store.user("nobody.here") is None
    assert console.audit(act="login", who="nobody")[-1].entry.outcome == "refused"


def test_a_disabled_account_stays_out(console: Console, provider: Provider) -> None:
    provider.told(user={"sub": "s-3", "preferred_username": "dis"})
    through(console, provider, console.browser())
    console.store.change_user(
        "dis", lambda user, _: Changed(replace(user, state="disabled")), end_sessions=True
    )
    answer = through(console, provider, console.browser())
    assert (answer.status_code, "disabled" in answer.text) == (403, True)
    assert console.store.sessions("dis") == []


NOW = int(time.time())
ATTACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "issuer": ("issuer", {"claims": {"iss": "https://evil.example"}}),
    "issuer missing": ("issuer", {"claims": {"iss": None}}),
    "audience": ("audience", {"claims": {"aud": "another client"}}),
    "audience missing": ("audience", {"claims": {"aud": None}}),
    "audience of two without azp": ("audience", {"claims": {"aud": [CLIENT, "another client"]}}),
    "azp of another": ("audience", {"claims": {"azp": "another client"}}),
    "expired": ("expired", {"claims": {"exp": NOW - 60}}),
    "without end": ("lifetime", {"claims": {"exp": None}}),
    "end far away": ("lifetime", {"claims": {"exp": NOW + 10 * 86400}}),
    "end in words": ("lifetime", {"claims": {"exp": "tomorrow"}}),
    "issued long ago": ("lifetime", {"claims": {"iat": NOW - 3600}}),
    "issued in the future": ("early", {"claims": {"iat": NOW + 3600}}),
    "not issued": ("lifetime", {"claims": {"iat": None}}),
    "nonce of another log-in": ("replayed", {"claims": {"nonce": "x" * 43}}),
    "nonce missing": ("replayed", {"claims": {"nonce": None}}),
    "nonce not a text": ("replayed", {"claims": {"nonce": [1]}}),
    "subject missing": ("client", {"claims": {"sub": None}}),
    "subject empty": ("client", {"claims": {"sub": ""}}),
    "alg none": ("malformed", {"mode": "none"}),
    "HS256 with our secret": ("algorithm", {"mode": "hs-secret"}),
    "HS256 with the public key": ("algorithm", {"mode": "hs-public"}),
    "another's key": ("signature", {"mode": "stranger"}),
    "a key that it brings": ("header", {"mode": "own-key"}),
    "no signature": ("signature", {"mode": "unsigned"}),
    "unknown kid": ("key", {"header": {"kid": "rsa-2"}}),
    "no kid": ("key", {"header": {"kid": None}}),
    "kid of another kind of key": ("key", {"header": {"kid": "ec-1"}}),
    "jku": ("header", {"header": {"jku": "https://evil.example/keys"}}),
    "x5u": ("header", {"header": {"x5u": "https://evil.example/keys"}}),
    "crit": ("header", {"header": {"crit": ["exp"]}}),
}


@pytest.mark.parametrize(("why", "attack"), ATTACKS.values(), ids=ATTACKS.keys())
def test_an_id_token_that_proves_nothing_lets_nobody_in(
    console: Console, provider: Provider, why: str, attack: dict[str, Any]
) -> None:
    provider.told(user={"sub": "s-evil", "preferred_username": "evil"}, **attack)
    browser = console.browser()
    answer = through(console, provider, browser)
    assert answer.status_code == 403, answer.text
    assert browser.get("/me").status_code == 303
    assert console.audit(act="login", who="nobody")[-1].entry.detail["why"] == why
    assert console.store.user("evil") is None
    assert console.door.cookie() not in browser.cookies


def test_a_token_signed_with_a_curve_is_as_good(console: Console, provider: Provider) -> None:
    provider.told(mode="es256")
    assert through(console, provider, console.browser()).status_code == 200


def test_an_answer_is_good_once_and_in_the_browser_that_began(console: Console, provider: Provider) -> None:
    victim, attacker = console.browser(), console.browser()
    start = attacker.get("/oidc/start")
    back = provider.http.get(start.headers["location"]).headers["location"].removeprefix(console.url)
    assert victim.get(back).status_code == 403  # the victim never began (log-in CSRF)
    victim.get("/oidc/start")
    assert victim.get(back).status_code == 403  # or began another one
    state = parse_qs(urlsplit(back).query)["state"][0]
    theirs = parse_qs(urlsplit(victim.get("/oidc/start").headers["location"]).query)["state"][0]
    injected = victim.get(back.replace(state, theirs))  # a stolen code in the own log-in: PKCE
    assert injected.status_code == 503
    assert victim.get("/me").status_code == 303
    start = attacker.get("/oidc/start")
    back = provider.http.get(start.headers["location"]).headers["location"].removeprefix(console.url)
    cookie = attacker.cookies[console.door.cookie("oidc")]
    assert attacker.get(back).status_code == 200
    again = console.browser()
    again.cookies.set(console.door.cookie("oidc"), cookie)
    assert again.get(back).status_code == 503  # the code was used
    assert again.get("/me").status_code == 303


@pytest.mark.parametrize(
    "answer",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"state": "x" * 43},
        {"state": None},
        {"code": None},
        {"code": "x" * 5000},
        {"error": "access_denied"},
    ],
    ids=str,
)
def test_an_answer_of_another_issuer_or_another_log_in_is_refused(
    console: Console, provider: Provider, answer: dict[str, Any]
) -> None:
    """Mix-up (RFC 9207), and answers that are none."""
    provider.told(answer=answer)
    asked = provider.told(answer=answer).count("/token")
    browser = console.browser()
    assert through(console, provider, browser).status_code == 403
    assert provider.told().count("/token") == asked  # no code of ours went there
    assert browser.get("/me").status_code == 303


def test_a_log_in_takes_ten_minutes_at_most(console: Console, provider: Provider) -> None:
    browser = console.browser()
    start = browser.get("/oidc/start")
    back = provider.http.get(start.headers["location"]).headers["location"].removeprefix(console.url)
    console.clock.ahead = 601.0
    assert browser.get(back).status_code == 403


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "x" * 43 + ".1.!!", "x" * 43 + ".99999999999.L21l"])
def test_a_cookie_that_is_none_is_no_log_in(console: Console, cookie: str) -> None:
    browser = console.browser(cookies={console.door.cookie("oidc"): cookie})
    assert browser.get("/oidc/callback?code=x&state=y").status_code == 403


def test_a_provider_that_fails_is_not_our_fault_and_not_a_way_in(
    console: Console, provider: Provider
) -> None:
    provider.told(mode="fails")
    browser = console.browser()
    assert through(console, provider, browser).status_code == 503
    assert browser.get("/me").status_code == 303


def test_a_secret_goes_in_the_form_where_the_provider_wants_it(console: Console, provider: Provider) -> None:
    provider.told(metadata={"token_endpoint_auth_methods_supported": ["client_secret_post"]})
    console.clock.ahead = 3700.0  # what it says of itself is asked again
    browser = console.browser()
    start = browser.get("/oidc/start")
    assert start.status_code == 303
    console.clock.ahead = 3700.0
    provider.told(
        metadata={"token_endpoint_auth_methods_supported": ["client_secret_post"]},
        claims={"iat": int(time.time()) + 3700, "exp": int(time.time()) + 4000},
    )
    back = provider.http.get(start.headers["location"]).headers["location"].removeprefix(console.url)
    assert browser.get(back).status_code == 200


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://localhost/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_what_a_directory_says_of_itself_has_to_fit(provider: Provider, metadata: dict[str, Any]) -> None:
    provider.told(metadata=metadata)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(provider.ca))
        single = Single(
            issuer=provider.issuer, client=CLIENT, secret="", redirect="https://x/", groups="g", roles={}
        )
        with pytest.raises(Unavailable, match="cannot be"):
            SignOn(single, ask, time.time).begin("/")


def test_passwords_may_be_closed_when_there_is_a_directory(tmp_path: Path) -> None:
    with running_console(tmp_path, terms=Terms(local=False)) as console:
        browser = console.browser()
        assert 'name="password"' not in browser.get("/login").text
        assert browser.post("/login", data={"name": "ann", "password": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"passwords": False}, "nobody could come in"),
        ({"oidc_issuer": "http://idp"}, "https only"),
        ({"oidc_issuer": "https://idp"}, "as whom we ask"),
        ({"oidc_issuer": "https://idp", "oidc_client": "c"}, "which role"),
        ({"oidc_issuer": "https://idp", "oidc_client": "c", "oidc_roles": "a=root"}, "which roles"),
        ({"oidc_issuer": "https://idp", "oidc_client": "c", "oidc_roles": "viewer"}, "which roles"),
    ],
    ids=str,
)
def test_settings_that_will_not_do_are_said(given: dict[str, Any], says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        single_of(Settings(**given), "https://wardline.example")


def test_settings_that_do(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    single = single_of(
        Settings(
            oidc_issuer="https://idp", oidc_client="c", oidc_secret=secret,
            oidc_roles="ops=operator viewer, ops=analyst, a=approver",
        ),
        "https://wardline.example",
    )  # fmt: skip
    assert single is not None
    assert single.redirect == "https://wardline.example/oidc/callback"
    assert single.roles == {
        "ops": {Role.OPERATOR, Role.VIEWER, Role.ANALYST},
        "a": {Role.APPROVER},
    }
    assert "s3cret" not in repr(single)
    assert single.secret == "s3cret"
    assert single_of(Settings(), "https://wardline.example") is None


def test_a_directory_that_is_away_is_not_asked_in_a_storm(provider: Provider) -> None:
    asked, now = [0], [1000.0]

    def counted(*given: Any, **more: Any) -> Any:
        asked[0] += 1
        return ask(*given, **more)

    away = Single(
        issuer="https://localhost:1", client=CLIENT, secret="", redirect="https://x/", groups="g", roles={}
    )
    sign_on = SignOn(away, counted, lambda: now[0])
    for _ in range(5):
        with pytest.raises(Unavailable):
            sign_on.begin("/")
    assert asked == [1]
    now[0] += 6
    with pytest.raises(Unavailable):
        sign_on.begin("/")
    assert asked == [2]
    assert sign_on.ending("https://x/") == ""
