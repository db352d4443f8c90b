"""What the doctor says of the node itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.node_checks import node_checks
from engine.destinations.odoo.named import Check
from engine.people.file import add_person
from engine.people.words import Role
from engine.privacy.unsealing import make_pair
from engine.settings import Settings


def of(about: str, settings: Settings) -> Check:
    return next(check for check in node_checks(settings) if check.about == about)


def test_where_checkpoints_of_the_audit_go(tmp_path: Path) -> None:
    store = tmp_path / "store" / "wardline.db"
    elsewhere = tmp_path / "elsewhere"
    for folder in (store.parent, elsewhere):
        folder.mkdir()
    store.touch()
    url = f"sqlite:///{store}"
    none = of("audit", Settings(store=url))
    assert (none.level, "WARDLINE_AUDIT_CHECKPOINTS" in none.remedy) == ("warn", True)
    assert of("audit", Settings(store=url, audit_checkpoints=store.parent / "c")).level == "warn"
    assert of("audit", Settings(store=url, audit_checkpoints=elsewhere / "c")).level == "ok"
    assert of("audit", Settings(store=url, audit_checkpoints=tmp_path / "none" / "c")).level == "fail"
    assert of("audit", Settings(store="postgresql://h/w", audit_checkpoints=elsewhere / "c")).level == "ok"


def test_who_could_open_identifiers(tmp_path: Path) -> None:
    private, public = make_pair()
    file = tmp_path / "reidentify.key.pub"
    file.write_text(f"{public}\n")
    none = of("vault", Settings())
    assert (none.level, "WARDLINE_REIDENTIFY_PUBLIC" in none.remedy) == ("warn", True)
    for given in (public, str(file)):
        assert of("vault", Settings(reidentify_public=given)).level == "ok"
    both = Settings(reidentify_public=public, reidentify_private=tmp_path / "reidentify.key")
    assert of("vault", both).level == "warn"
    for wrong in (str(tmp_path / "none.pub"), public[::-1], "x"):
        assert of("vault", Settings(reidentify_public=wrong)).level == "fail"
    assert private not in of("vault", Settings(reidentify_public=private[:-2])).text


def test_whether_a_backup_of_the_store_holds_the_keys(tmp_path: Path) -> None:
    (tmp_path / "wardline.db").touch()
    url, elsewhere = f"sqlite:///{tmp_path}/wardline.db", f"sqlite:///{tmp_path}/keys/cabinet"
    assert "beside" in of("cabinet", Settings(store=url)).text
    assert of("cabinet", Settings(store=url, cabinet=elsewhere)).level == "ok"
    same = of("cabinet", Settings(store="postgresql://h/w"))
    assert (same.level, "exclude-schema" in same.remedy) == ("warn", True)
    assert of("cabinet", Settings(store="postgresql://h/w", cabinet="postgresql://k/c")).level == "ok"


def test_who_can_make_channels_run(tmp_path: Path) -> None:
    people = tmp_path / "people.yaml"
    alone = of("deploying", Settings())
    assert (alone.level, "WARDLINE_MODE=production" in alone.remedy) == ("warn", True)
    assert of("deploying", Settings(mode="production")).level == "fail"
    production = Settings(mode="production", people=people)
    assert of("deploying", production).level == "fail"  # there is no file
    add_person(people, "eve", "Eve Lund, interfaces", [Role.AUTHOR, Role.REVIEWER], [])
    assert "somebody else" in of("deploying", production).text
    add_person(people, "bob", "Ben Osei, pharmacy", [Role.REVIEWER], [])
    assert (of("deploying", production).level, of("deploying", production).text) == (
        "ok", "authors: 1, reviewers: 2",
    )  # fmt: skip
    people.chmod(0o666)
    assert "others may change" in of("deploying", production).text


def test_whether_anybody_is_told_of_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = of("alerts", Settings())
    assert (nobody.level, "WARDLINE_NOTIFY" in nobody.remedy) == ("warn", True)
    missing = of("alerts", Settings(notify=("chat",)))
    assert (missing.level, "WARDLINE_NOTIFY_CHAT_URL" in missing.text) == ("fail", True)
    monkeypatch.setenv("WARDLINE_NOTIFY_CHAT_URL", "https://hooks.slack.com/services/xyzzy")
    told = of("alerts", Settings(notify=("chat",)))
    assert (told.level, "chat (slack)" in told.text, "xyzzy" in told.text) == ("ok", True, False)
    assert of("alerts", Settings(notify=("chat",), alerts="disk: lots")).level == "fail"
