"""Fetching Debian's package: with a toy apt and dpkg in front of the real ones."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import pytest
from rich.console import Console

from demo import debian
from demo.debian import mirror, obtain
from demo.steps import Absent, Steps

APT = """#!/bin/sh
echo "$@" >> "$TOY/calls"
case "$*" in
*--print-uris*) cat "$TOY/sources" ;;
*download*) [ -e "$TOY/offline" ] && exit 100; echo a package > odoo-19_19.0+dfsg-1_all.deb ;;
esac
"""
DPKG = """#!/bin/sh
mkdir -p "$3/usr"
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a Debian mirror; its folder is where the toys look for what to say."""
    for name, text in {"apt-get": APT, "dpkg": DPKG}.items():
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(text)
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "sources").write_text("'http://mirror.example/debian/dists/bookworm/InRelease' x 0\n")
    (tmp_path / "keyring").touch()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("TOY", str(tmp_path))
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "keyring")
    return tmp_path


def quiet() -> Steps:
    return Steps(Console(file=io.StringIO()))


def test_the_machine_names_the_mirror(toy: Path) -> None:
    assert mirror() == "http://mirror.example/debian"


def test_a_package_is_fetched_once(toy: Path) -> None:
    cache = toy / "cache"
    cache.mkdir()
    first = obtain(cache, quiet())
    calls = (toy / "calls").read_text()
    assert (first.version, len(first.sha256)) == ("19.0+dfsg-1", 64)
    assert "mirror.example/debian sid main" in (cache / "apt/sources.list").read_text()
    assert obtain(cache, quiet()).sha256 == first.sha256
    assert (toy / "calls").read_text() == calls


def test_a_kept_package_is_unpacked_again_without_the_network(toy: Path) -> None:
    cache = toy / "cache"
    cache.mkdir()
    tree = obtain(cache, quiet()).tree
    (tree / "usr").rmdir()
    tree.rmdir()
    (toy / "offline").touch()
    assert (obtain(cache, quiet()).tree / "usr").is_dir()


def test_a_spoiled_package_is_fetched_again(toy: Path) -> None:
    cache = toy / "cache"
    cache.mkdir()
    first = obtain(cache, quiet())
    (first.tree / "usr").rmdir()
    first.tree.rmdir()
    (cache / "odoo-19_19.0+dfsg-1_all.deb").write_text("spoiled")
    assert obtain(cache, quiet()).sha256 == first.sha256


def test_no_network_is_one_plain_line(toy: Path) -> None:
    (toy / "offline").touch()
    cache = toy / "cache"
    cache.mkdir()
    with pytest.raises(Absent, match=r"^no Odoo here: .* odoo-19 cannot be fetched \(see .*\)$"):
        obtain(cache, quiet())


def test_no_mirror_is_one_plain_line(toy: Path) -> None:
    (toy / "sources").write_text("'http://mirror.example/other/dists/x/InRelease' x 0\n")
    with pytest.raises(Absent, match="knows no Debian mirror"):
        mirror()


def test_no_apt_is_one_plain_line(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(toy / "empty"))
    with pytest.raises(Absent, match="apt-get is missing"):
        mirror()


def test_no_keyring_is_one_plain_line(toy: Path) -> None:
    (toy / "keyring").unlink()
    with pytest.raises(Absent, match="keyring is missing"):
        mirror()
