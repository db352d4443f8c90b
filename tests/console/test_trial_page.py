"""The page of trials over HTTP: who gets in, what a form must carry, what is shown, and that nothing of a
message becomes markup."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from engine.config.loading import channel_files
from engine.console.pages import trying
from engine.console.pages.codes import code_routes
from engine.console.pages.guarding import Session
from engine.console.pages.serving import application, open_port, server
from engine.console.pages.trying import Trials, standalone, trial_routes
from engine.workbench.suggesting import Suggestion
from engine.workbench.trial import try_message, with_plan
from engine.workbench.worklist import Wanted

ROOT = Path(__file__).parents[2]
CHARGE = (ROOT / "tests/fixtures/hl7/dft-p03-charge.hl7").read_bytes()

WAITING = [
    Wanted(
        table="items",
        code="0270<b>",
        channels=("dft-charges",),
        place="FT1[1]-7",
        messages=3,
        first_at=0.0,
        last_at=3600.0,
        suggestions=(Suggestion("270001", "few characters differ"),),
    )
]


@contextmanager
def served(folder: Path) -> Iterator[tuple[Session, httpx.Client]]:
    """The workbench of a folder on a real socket, and a browser that has not opened the link."""
    door = open_port(0)
    port = door.getsockname()[1]
    session, trials = Session(port), Trials(lambda: channel_files([folder]))
    serving = server(
        application(
            [*trial_routes(lambda: trials, session), *code_routes(lambda: WAITING, "channels")],
            session,
            "/try",
        )
    )
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [door]})
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
            yield session, client
    finally:
        serving.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def bench() -> Iterator[tuple[Session, httpx.Client]]:
    with served(ROOT / "channels") as found:
        yield found


@pytest.fixture
def session(bench: tuple[Session, httpx.Client]) -> Session:
    return bench[0]


@pytest.fixture
def visitor(bench: tuple[Session, httpx.Client]) -> httpx.Client:
    """A browser that has not opened the link."""
    return bench[1]


@pytest.fixture
def browser(visitor: httpx.Client, session: Session) -> httpx.Client:
    """One that has."""
    assert visitor.get(f"/enter?key={session.key}").status_code == 303
    return visitor


def sent(
    browser: httpx.Client, session: Session, message: str, channel: str = "dft-charges", **more: str
) -> str:
    form = {"token": session.token(None), "channel": channel, "message": message, **more}  # type: ignore[arg-type]
    answer = browser.post("/try", data=form)
    words = unescape(re.sub("<[^>]*>", " ", answer.text)).split()
    return f"{answer.status_code} {' '.join(words)}"


def test_nobody_is_shown_anything_without_the_link(visitor: httpx.Client) -> None:
    for path in ("/", "/try", "/assets/style.css", "/nowhere", "/enter", "/enter?key=guessed"):
        answer = visitor.get(path)
        assert answer.status_code == 403, path
        assert "dft-charges" not in answer.text
    assert visitor.post("/try", data={"channel": "dft-charges", "message": "x"}).status_code == 403


def test_the_link_works_once_and_gives_a_cookie_that_no_script_reads(
    visitor: httpx.Client, session: Session
) -> None:
    first = visitor.get(f"/enter?key={session.key}")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert session.key not in cookie
    visitor.cookies.clear()
    assert visitor.get(f"/enter?key={session.key}").status_code == 403


def test_a_name_that_somebody_made_point_here_is_refused(browser: httpx.Client) -> None:
    assert browser.get("/try", headers={"host": "workbench.evil.example"}).status_code == 421
    assert (
        browser.get(
            "/try", headers={"host": browser.base_url.netloc.decode().replace("127.0.0.1", "localhost")}
        ).status_code
        == 200
    )


def test_a_form_of_another_page_does_nothing(browser: httpx.Client, session: Session) -> None:
    form = {"channel": "dft-charges", "message": CHARGE.decode()}
    assert browser.post("/try", data=form).status_code == 403
    form["token"] = session.token(None)  # type: ignore[arg-type]
    crossed = browser.post("/try", data=form, headers={"origin": "https://evil.example"})
    assert crossed.status_code == 403
    assert (
        browser.post("/try", data=form, headers={"origin": str(browser.base_url).rstrip("/")}).status_code
        == 200
    )


def test_every_answer_forbids_what_comes_from_elsewhere(browser: httpx.Client) -> None:
    for path in ("/try", "/nowhere"):
        headers = browser.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"


def test_the_form_is_labelled_and_needs_no_script(browser: httpx.Client) -> None:
    text = browser.get("/try?channel=dft-charges").text
    assert "<script" not in text
    assert not re.search(r"\son\w+=|style=|https?://", text)
    for name in re.findall(r'<(?:select|textarea)[^>]* id="(\w+)"', text):
        assert f'<label for="{name}"' in text
    assert '<option value="dft-charges" selected>' in text


def test_a_trial_shows_the_whole_of_it(browser: httpx.Client, session: Session) -> None:
    shown = sent(browser, session, CHARGE.decode().replace("\r", "\r\n"))
    assert shown.startswith("200")
    for words in (
        "PID-5.1", "drop PID-5", "makes a charge", "lookup(items, charge_as)", "CHG-GLV-M", "visit:V-7001",
        "POST /json/2/sale.order.line/load", "<new sale.order 1>", "MSA|AA|FIX-P03-1",
    ):  # fmt: skip
        assert words in shown, words


def test_what_a_message_says_is_never_markup(browser: httpx.Client, session: Session) -> None:
    evil = CHARGE.decode().replace("270001", '"><script>alert(1)</script>').replace("|ICU^", "|<b>ICU</b>^")
    form = {"token": session.token(None), "channel": "dft-charges", "message": evil}  # type: ignore[arg-type]
    text = browser.post("/try", data=form).text
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;" in text


def test_a_channel_that_does_not_load_shows_its_findings(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("channel: broken\nowner: {}\n")
    with served(tmp_path) as (session, client):
        client.get(f"/enter?key={session.key}")
        shown = sent(client, session, CHARGE.decode(), "broken")
    assert shown.startswith("422")
    assert "broken.yaml:1:1: source is missing" in shown


@pytest.mark.parametrize(
    ("channel", "message", "words"),
    [("nowhere", "MSH|", "Choose a channel"), ("dft-charges", "  ", "Paste a message")],
)
def test_what_the_form_lacks_is_said(
    browser: httpx.Client, session: Session, channel: str, message: str, words: str
) -> None:
    shown = sent(browser, session, message, channel)
    assert shown.startswith("422")
    assert words in shown


def test_a_form_that_is_too_large_is_refused(browser: httpx.Client, session: Session) -> None:
    assert sent(browser, session, "x" * (trying.LARGEST + 1)).startswith("413")


def test_a_bug_tells_nothing_of_the_message(
    browser: httpx.Client,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("TESTMANN")

    monkeypatch.setattr(trying, "try_message", broken)
    shown = sent(browser, session, CHARGE.decode())
    assert shown.startswith("500")
    said = capsys.readouterr()
    assert "TESTMANN" not in shown + said.out + said.err
    assert "RuntimeError" in said.err


def test_a_message_in_a_character_set_of_its_own_is_read_by_it() -> None:
    text = CHARGE.decode().replace("|2.5.1", "|2.5.1||||||8859/1", 1).replace("TESTMANN", "TÉSTMANN")
    assert "TÉSTMANN".encode("latin-1") in trying._raw(text)
    assert trying._raw("  MSH|a\nPID|b\r\n") == b"MSH|a\rPID|b\r"
    assert trying._raw('{"resourceType": "ChargeItem"}') == b'{"resourceType": "ChargeItem"}'


def test_a_trial_is_one_file_that_needs_nothing_else() -> None:
    (path,) = [one for one in channel_files([ROOT / "channels"]) if one.stem == "dft-charges"]
    text = standalone(with_plan(try_message(Trials(list).load(path), CHARGE)))
    assert "default-src 'none'" in text
    assert not re.search(r'(?:src|href)="', text)
    assert "TESTMANN" not in text


def test_codes_that_are_waited_for_come_with_the_command_that_resolves_them(browser: httpx.Client) -> None:
    text = browser.get("/codes").text
    assert "0270&lt;b&gt;" in text
    assert "<b>" not in text
    assert "like <code>270001</code>? few characters differ" in text
    command = "wardline codes resolve '0270<b>' --table items --channels channels --like 270001"
    assert command in unescape(text)
    assert '<a href="/codes" aria-current="page">' in text


def test_without_a_store_the_page_says_how_to_name_one() -> None:
    (route,) = code_routes(None, "channels")
    answer = asyncio.run(route.endpoint(Request({"type": "http"})))
    assert b"--store" in answer.body
