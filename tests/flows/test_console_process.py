"""`wardline console` as people start it: by itself, and beside an engine; over TLS."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from certificates import Authority
from running import ITEMS, channel
from typer.testing import CliRunner

from engine.app.beside import check_console
from engine.cli import app
from engine.errors import Misconfigured
from engine.settings import Settings

PASSWORD = "violet tram depot 91"


@contextmanager
def started(folder: Path, *words: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """A command of ours, until the block ends."""
    env = {
        **os.environ,
        "WARDLINE_STORE": f"sqlite:///{folder}/wardline.db",
        "WARDLINE_HTTP": "off",
        **environ,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", *words], env=env, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd=folder,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def link(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def opened(process: subprocess.Popen[str]) -> str:
    """The address that the log tells."""
    assert process.stderr is not None
    for line in process.stderr:
        if '"console open"' in line:
            return str(json.loads(line)["url"])
    raise AssertionError("it did not open")


def set_up(browser: httpx.Client, url: str, key: str) -> httpx.Response:
    fields = {"key": key, "name": "ann", "who": "Ann Onym", "password": PASSWORD, "again": PASSWORD}
    return browser.post(f"{url}/setup", data=fields, headers={"origin": url})


def test_the_first_start_prints_a_link_and_the_next_one_another(tmp_path: Path) -> None:
    with started(tmp_path, "console", "--listen", "127.0.0.1:0") as first:
        assert "/setup?key=" in link(first)
    with started(tmp_path, "console", "--listen", "127.0.0.1:0") as second:
        url, _, key = link(second).partition("/setup?key=")
        with httpx.Client(trust_env=False) as browser:
            assert set_up(browser, url, key).status_code == 303
            assert browser.get(f"{url}/people").status_code == 200
        opened(second)
        second.terminate()
        out, _ = second.communicate(timeout=20)
        assert (out, second.returncode) == ("", 0)


def test_over_tls_cookies_are_of_this_host_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    pair = authority.issue("localhost", "localhost")
    trusting = ssl.create_default_context(cafile=str(authority.file))
    given = {
        "WARDLINE_CONSOLE_CERT": str(pair.certificate),
        "WARDLINE_CONSOLE_KEY": str(pair.key),
        "WARDLINE_CONSOLE_URL": "",
    }
    with started(tmp_path, "console", "--listen", "127.0.0.1:0", **given) as process:
        url, _, key = link(process).partition("/setup?key=")
        url = url.replace("127.0.0.1", "localhost")
        with httpx.Client(verify=trusting, trust_env=False) as browser:
            answer = set_up(browser, url, key)
            cookies = answer.headers.get_list("set-cookie")
            assert all(one.startswith("__Host-wardline") for one in cookies)
            assert all(re.search(r"; Secure", one) and "HttpOnly" in one for one in cookies)
            assert all("Path=/" in one and "Domain" not in one for one in cookies)
            assert all("samesite=strict" in one.lower() for one in cookies)
            assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
            assert browser.get(f"{url}/people").status_code == 200
        with httpx.Client(trust_env=False) as plain, pytest.raises(httpx.HTTPError):
            plain.get(url.replace("https", "http"))


@pytest.mark.parametrize(
    ("words", "environ", "says"),
    [
        (("--listen", "0.0.0.0:0"), {}, "in the clear"),
        (("--listen", "8581"), {}, "not an address and a port"),
        (("--listen", "127.0.0.1:99999"), {}, "not an address and a port"),
        ((), {"WARDLINE_CONSOLE_URL": "http://wardline.hospital.example"}, "https only"),
        ((), {"WARDLINE_CONSOLE_URL": "wardline"}, "not the address of a console"),
        ((), {"WARDLINE_CONSOLE_CERT": "no.pem", "WARDLINE_CONSOLE_KEY": "no.key"}, "cannot be used"),
        ((), {"WARDLINE_PASSWORDS": "false"}, "nobody could come in"),
    ],
    ids=str,
)
def test_what_would_be_unsafe_does_not_start(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    environ: dict[str, str],
    says: str,
) -> None:
    monkeypatch.setenv("WARDLINE_STORE", f"sqlite:///{tmp_path}/wardline.db")
    monkeypatch.setattr("engine.cli.console.configure_logs", lambda **_: None)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match=says):
        CliRunner().invoke(app, ["console", *(words or ("--listen", "127.0.0.1:0"))], catch_exceptions=False)


@pytest.mark.timeout(90)
def test_an_engine_starts_its_console_again_and_takes_it_along(tmp_path: Path) -> None:
    channels = tmp_path / "channels"
    channels.mkdir()
    (channels / "charges.yaml").write_text(channel("charges"))
    (channels / "items.csv").write_text(ITEMS)
    ledger = str(tmp_path / "ledger.jsonl")
    words = (str(channels), "--console", "127.0.0.1:0", "--json-logs", "--ledger", ledger)
    with started(tmp_path, "run", *words) as engine:
        first = link(engine).partition("/setup?key=")[0]
        assert httpx.get(f"{first}/ready", trust_env=False).json()["ready"]
        (child,) = consoles(engine.pid)
        os.kill(child, signal.SIGKILL)
        again = link(engine).partition("/setup?key=")[0]
        assert httpx.get(f"{again}/ready", trust_env=False).status_code == 200
        (child,) = consoles(engine.pid)
        engine.kill()  # it has no time to say anything
        for _ in range(200):
            if not Path(f"/proc/{child}").exists():
                break
            time.sleep(0.05)
        assert not Path(f"/proc/{child}").exists()


def test_an_engine_says_at_once_that_its_console_would_not_start() -> None:
    with pytest.raises(Misconfigured, match="in the clear"):
        check_console(Settings(console="0.0.0.0:8581"))
    check_console(Settings(console="127.0.0.1:0"))


def consoles(pid: int) -> list[int]:
    """The consoles that this process started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    found = {one for task in tasks for one in (task / "children").read_text().split()}
    return [int(one) for one in found if b"console" in Path(f"/proc/{one}/cmdline").read_bytes()]
