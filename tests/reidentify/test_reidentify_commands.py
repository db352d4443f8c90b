"""`wardline reidentify` at a terminal: what the person sees, and what nobody else does; the report."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from reidentify.service_kit import PATIENT, Pair, Service, audit_of, filled, tokens_in
from running import Engine
from typer.testing import CliRunner

from engine.cli import app
from engine.cli.terminal import plainly
from engine.errors import Misconfigured
from engine.people.file import read_people
from engine.slow_hashes import holds


class Site:
    """A service, and two people at their terminals."""

    def __init__(self, folder: Path) -> None:
        pair = Pair(folder)
        self.engine: Engine = filled(folder / "engine", REIDENTIFY_PUBLIC=str(pair.public))
        self.tokens = tokens_in(self.engine)
        private = {"WARDLINE_REIDENTIFY_PRIVATE": str(pair.private)}
        self.service = Service(folder / "service", {**self.engine.environment, **private}).start()

    def environment(self, who: str) -> dict[str, str]:
        """What stands in the environment of somebody."""
        key = self.service.folder / f"{who}.key"
        if not key.exists():
            key.touch(0o600)
            key.write_text(self.service.keys[who] + "\n")
        return {
            **os.environ,
            "WARDLINE_REIDENTIFY_URL": f"https://localhost:{self.service.port}",
            "WARDLINE_REIDENTIFY_CA": str(self.service.authority.file),
            "WARDLINE_PERSON_KEY": str(key),
        }

    def at_terminal(self, who: str, *arguments: str) -> tuple[int, str, str]:
        """Run a command at a terminal of its own: exit code, what the screen showed, standard output."""
        screen, theirs = pty.openpty()
        command = [sys.executable, "-m", "engine.cli", *arguments]
        process = subprocess.Popen(
            command, env=self.environment(who), stdin=theirs, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=lambda: _control(0),
        )  # fmt: skip
        os.close(theirs)
        seen = b""
        end = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < end:
            if select.select([screen], [], [], 0.05)[0]:
                try:
                    seen += os.read(screen, 65536)
                except OSError:
                    break
                if b"Enter clears this." in seen:
                    os.write(screen, b"\n")
        assert process.stdout is not None
        with process.stdout:
            said = process.stdout.read().decode()
        code = process.wait(30)
        os.close(screen)
        return code, seen.decode(), said

    def run(self, who: str, *arguments: str) -> str:
        done = CliRunner().invoke(app, ["reidentify", *arguments], env=self.environment(who))
        assert done.exit_code == 0, done.output
        return done.output


def _control(descriptor: int) -> None:
    """Make it the terminal of this session."""
    import fcntl
    import termios

    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    found = Site(tmp_path_factory.mktemp("commands"))
    yield found
    assert found.service.stop() == 0


REASON = ("--purpose", "patient-safety", "--ticket", "RECALL-2026-31")


def test_the_answer_is_on_the_terminal_once_and_nowhere_else(site: Site) -> None:
    code, screen, said = site.at_terminal("maria", "reidentify", "ask", site.tokens[0], *REASON)
    assert code == 0, said
    assert f"value: {PATIENT}0" in screen
    aside, _, rest = screen.partition("\x1b[?1049h")  # on a screen of its own …
    shown, _, after = rest.partition("\x1b[?1049l")  # … that is left again
    assert PATIENT in shown
    assert PATIENT not in aside + after + said
    assert "was answered" in said


def test_without_a_terminal_nothing_is_asked(site: Site) -> None:
    before = len(audit_of(site.engine))
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "reidentify", "ask", site.tokens[0], *REASON],
        env=site.environment("maria"), capture_output=True, start_new_session=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"on a terminal only" in done.stderr
    assert len(audit_of(site.engine)) == before


def test_asking_approving_and_showing(site: Site) -> None:
    site.service.limit(0)
    code, screen, said = site.at_terminal("maria", "reidentify", "ask", site.tokens[1], *REASON)
    found = re.search(r"wardline reidentify show (\S+)", said)
    assert code == 0, said
    assert found is not None
    waiting = json.loads(site.run("jon", "requests", "--json"))
    assert [(one["request"], one["asker"]) for one in waiting] == [(found[1], "maria")]
    assert site.tokens[1] in site.run("jon", "requests")
    assert "maria, patient-safety, RECALL-2026-31: approved" in site.run("jon", "approve", found[1])
    code, screen, said = site.at_terminal("maria", "reidentify", "show", found[1])
    assert (code, f"value: {PATIENT}1" in screen, PATIENT in said) == (0, True, False)
    code, screen, said = site.at_terminal("maria", "reidentify", "show", found[1])
    assert code == 1
    assert "shown: the answer was shown" in said
    site.service.limit(20)


def test_the_report_of_today(site: Site) -> None:
    store = ("--store", site.engine.store_url, "--day", "today")
    found = json.loads(site.run("maria", "report", *store, "--json"))
    looks = [(one["who"], one["token"], one["purpose"], one["ticket"]) for one in found["shown"]]
    assert ("maria", site.tokens[0], "patient-safety", "RECALL-2026-31") in looks
    assert [one["approved_by"] for one in found["shown"] if one["token"] == site.tokens[1]] == ["jon"]
    assert found["people"]["jon"]["approved"] == 1
    text = site.run("maria", "report", *store)
    assert PATIENT not in text
    assert f"maria  {site.tokens[1]}  patient-safety  RECALL-2026-31  approved by jon" in text
    assert "shown: 0" in site.run(
        "maria", "report", *store[:2], "--day", "2020-02-29", "--zone", "Asia/Tokyo"
    )
    assert CliRunner().invoke(app, ["reidentify", "report", "--day", "someday"]).exit_code == 2


def test_a_key_that_others_can_read_is_not_used(site: Site) -> None:
    environment = site.environment("asker")
    Path(environment["WARDLINE_PERSON_KEY"]).chmod(0o644)
    done = CliRunner().invoke(app, ["reidentify", "requests"], env=environment)
    assert isinstance(done.exception, Misconfigured)
    assert "others may read" in str(done.exception)


@pytest.mark.parametrize("url", ["http://reidentify.hospital.example", "ftp://localhost", "localhost:1"])
def test_keys_travel_over_tls_only(url: str, site: Site) -> None:
    done = CliRunner().invoke(app, ["reidentify", "requests", "--url", url], env=site.environment("maria"))
    assert isinstance(done.exception, Misconfigured)
    assert "https only" in str(done.exception)


def test_a_service_whose_certificate_nobody_vouches_for_gets_no_key(site: Site) -> None:
    environment = site.environment("maria")
    del environment["WARDLINE_REIDENTIFY_CA"]
    done = CliRunner().invoke(
        app, ["reidentify", "requests"], env={**environment, "WARDLINE_REIDENTIFY_CA": ""}
    )
    assert "not to be trusted" in str(done.exception)


def test_people_at_the_command_line(tmp_path: Path) -> None:
    path, key = tmp_path / "people.yaml", tmp_path / "eva.key"
    add = ["person", "add", str(path), "eva", "--who", "Eva Lund", "--role", "asker"]
    assert CliRunner().invoke(app, [*add, "--key-file", str(key)]).exit_code == 0
    assert key.stat().st_mode & 0o777 == 0o600
    again = CliRunner().invoke(app, [*add, "--key-file", str(tmp_path / "second.key")])
    assert "somebody has this name already" in str(again.exception)
    assert not (tmp_path / "second.key").exists()
    taken = CliRunner().invoke(app, ["person", "renew", str(path), "eva", "--key-file", str(key)])
    assert "cannot be written" in str(taken.exception)
    assert set(read_people(path).people) == {"eva"}
    checked = CliRunner().invoke(app, ["person", "check", str(path)])
    assert checked.exit_code == 0
    assert "20 alone, 60 each, 200 in all" in checked.output
    assert key.read_text().strip() not in path.read_text()


def test_a_key_is_handed_over_at_a_terminal_once(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "people.yaml"
    add = ("person", "add", str(path), "eva", "--who", "Eva Lund", "--role", "asker")
    code, screen, said = site.at_terminal("maria", *add)
    assert (code, said) == (0, "")
    shown, _, after = screen.partition("\x1b[?1049h")[2].partition("\x1b[?1049l")
    key = re.search(r"wrk1_eva_\S{43}", shown)
    assert key is not None
    assert key[0] not in after
    assert holds(key[0], read_people(path).people["eva"].key)


def test_what_a_terminal_is_not_told() -> None:
    assert plainly("7\x1b]0;x\x07\x9b2J\u202e\n") == "7\\x1b]0;x\\x07\\x9b2J\\u202e\\n"
    assert plainly("Ærø-7") == "Ærø-7"
