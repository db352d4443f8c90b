"""The image's own steps, run in a scratch folder: what `docker build` and `docker run` would do.

No container engine is needed. Paths of the image become paths below the scratch folder; everything
else is taken from the Dockerfile as it stands, so a step that rots fails here.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
INSTRUCTION = re.compile(r"^([A-Z]+)\s+(.*)$")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [
        (found[1], found[2].strip())
        for line in text.splitlines()
        if (found := INSTRUCTION.match(line)) and not line.startswith("#")
    ]


class Image:
    """The Dockerfile carried out below a scratch folder."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.here = scratch
        # What the installer compiles ahead of time is half its work, and nobody runs it twice here.
        self.environment = {**os.environ, "PIP_NO_COMPILE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        self.healthcheck: list[str] = []
        self.command: list[str] = []
        self.user = ""

    def inside(self, text: str) -> str:
        """Absolute paths of the image as paths of the scratch folder."""
        return re.sub(r"(?<![\w:/])/(opt|src|etc/wardline|var/lib/wardline)\b", rf"{self.scratch}/\1", text)

    def carry_out(self) -> None:
        for word, rest in instructions():
            getattr(self, f"do_{word.lower()}", lambda _: None)(rest)

    def do_workdir(self, rest: str) -> None:
        self.here = Path(self.inside(rest))
        self.here.mkdir(parents=True, exist_ok=True)

    def do_copy(self, rest: str) -> None:
        if rest.startswith("--from"):
            return  # both stages share the scratch folder
        *sources, target = rest.split()
        goal = Path(self.inside(target)) if target.startswith("/") else self.here / target
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(
                    ROOT / source, goal, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                goal.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, goal)

    def do_run(self, rest: str) -> None:
        if rest.startswith("useradd"):
            return  # the scratch folder has no users of its own; USER is asserted below
        command = self.inside(rest).replace("python -m venv", f"{sys.executable} -m venv")
        subprocess.run(
            command, shell=True, check=True, cwd=self.here, env=self.environment, stdout=subprocess.DEVNULL
        )

    def do_env(self, rest: str) -> None:
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            value = self.inside(value.replace("sqlite:////var", "sqlite:///" + str(self.scratch) + "/var"))
            self.environment[name] = value.replace("$PATH", self.environment["PATH"])

    def do_user(self, rest: str) -> None:
        self.user = rest

    def do_healthcheck(self, rest: str) -> None:
        self.healthcheck = _array(rest.partition("CMD")[2])

    def do_entrypoint(self, rest: str) -> None:
        self.command = [*_array(rest), *self.command]

    def do_cmd(self, rest: str) -> None:
        self.command += [self.inside(word) for word in _array(rest)]


def _array(text: str) -> list[str]:
    words: list[str] = json.loads(text)
    return words


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    made = Image(tmp_path_factory.mktemp("image"))
    made.carry_out()
    return made


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_image_installs_starts_and_is_healthy(image: Image) -> None:
    environment = {
        **image.environment,
        "WARDLINE_BIND": "127.0.0.1",
        "WARDLINE_HTTP": "127.0.0.1:18599",
        "WARDLINE_LEDGER": str(image.scratch / "ledger"),
        "PYTHONPATH": "",
    }
    channels = image.scratch / "etc/wardline/channels"
    for file in channels.glob("*.yaml"):
        file.write_text(re.sub(r"listen: tcp:\d+", "listen: tcp:0", file.read_text()))
    binary = image.scratch / "opt/wardline/bin"
    command = [str(binary / image.command[0]), *image.command[1:]]
    engine = subprocess.Popen(command, cwd=image.here, env=environment, stderr=subprocess.PIPE)
    try:
        check = [str(binary / image.healthcheck[0]), *image.healthcheck[1:]]
        check[-1] = check[-1].replace("8580", "18599")
        deadline = time.monotonic() + 60
        while subprocess.run(check, env=environment, stderr=subprocess.DEVNULL).returncode:
            assert engine.poll() is None, "the engine ended"
            assert time.monotonic() < deadline, "never healthy"
            time.sleep(0.2)
    finally:
        engine.send_signal(signal.SIGTERM)
        _, errors = engine.communicate(timeout=60)
    assert engine.returncode == 0, errors.decode()[-2000:]


def test_the_image_does_not_run_as_root() -> None:
    last_stage = [word for word, _ in instructions()][::-1]
    assert "USER" in last_stage[: last_stage.index("FROM")]
    assert dict(instructions())["USER"] == "wardline"


def test_nothing_of_the_development_tools_is_in_the_image() -> None:
    lock = (ROOT / "requirements-run.lock").read_text()
    for tool in ("pytest", "mypy", "ruff", "hypothesis", "pixeltable"):
        assert not re.search(rf"^{tool}", lock, re.MULTILINE), tool


def test_every_file_that_compose_and_image_name_exists() -> None:
    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
