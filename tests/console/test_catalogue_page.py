"""The catalogue in the workbench: behind the link like the others, and as the files are now."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from engine.console.pages.cataloguing import catalogue_routes
from engine.console.pages.guarding import Session
from engine.console.pages.serving import application, open_port, server

ROOT = Path(__file__).parents[2]


@contextmanager
def browser(folder: Path, *sites: str) -> Iterator[tuple[Session, httpx.Client]]:
    """The page on a real socket, and a browser that has not opened the link."""
    door = open_port(0)
    session = Session(door.getsockname()[1])
    serving = server(application(catalogue_routes(lambda: (folder, sites)), session, "/catalogue"))
    thread = threading.Thread(target=serving.run, kwargs={"sockets": [door]})
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{door.getsockname()[1]}", trust_env=False) as client:
            yield session, client
    finally:
        serving.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


def test_it_is_shown_to_whoever_has_the_link() -> None:
    with browser(ROOT / "channels", "outpatient") as (session, client):
        assert client.get("/catalogue").status_code == 403
        client.get(f"/enter?key={session.key}")
        answer = client.get("/catalogue")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for said in ("Catalogue at outpatient", "tcp:2676", 'href="#dft-charges"', 'id="site-outpatient"'):
        assert said in answer.text
    assert "lab-charges.yaml" not in answer.text


def test_channels_with_errors_are_told_as_lint_tells_them_and_nothing_becomes_markup(tmp_path: Path) -> None:
    channel = (ROOT / "channels/dft-charges.yaml").read_text().replace("description: ", "description: <i>")
    (tmp_path / "dft-charges.yaml").write_text(channel)
    with browser(tmp_path) as (session, client):
        client.get(f"/enter?key={session.key}")
        answer = client.get("/catalogue")
        assert answer.status_code == 422
        assert "there is no file tables/items.csv" in answer.text
        shutil.copytree(ROOT / "channels/tables", tmp_path / "tables")
        shown = client.get("/catalogue").text
    assert "&lt;i&gt;Charges go on" in shown
    assert "<i>" not in shown
