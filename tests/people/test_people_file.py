"""The people file: who may, written by commands, refused when it is not sure who somebody is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from reidentify.test_person_keys import made

from engine.errors import Misconfigured
from engine.people.file import add_person, examine_people, read_people, renew_key
from engine.people.words import Role
from engine.slow_hashes import holds


def entry(name: str = "maria", who: str = "Maria Weber, privacy office", **more: str) -> str:
    lines = {"name": name, "who": who, "roles": "[asker]", "key": made(name)[1], **more}
    first, *rest = (f"{key}: {value}" for key, value in lines.items() if value)
    return "\n".join([f"  - {first}", *(f"    {line}" for line in rest)])


def write(path: Path, *entries: str, before: str = "") -> Path:
    path.write_text(f"{before}people:\n" + "\n".join(entries) + "\n")
    path.chmod(0o640)
    return path


def found(path: Path, *entries: str, before: str = "") -> str:
    return "\n".join(map(str, examine_people(write(path, *entries, before=before))[1]))


def test_people_are_added_one_after_the_other_and_their_keys_hold(tmp_path: Path) -> None:
    path = tmp_path / "people.yaml"
    keys = {
        "maria": add_person(path, "maria", 'Maria "Mia" Weber', [Role.ASKER], []),
        "jon": add_person(
            path, "jon", "Jón Jónsson: audit", list(Role), ["sha256:" + "ab" * 32, "desk.example"]
        ),
    }
    people = read_people(path).people
    assert {name: holds(key, people[name].key) for name, key in keys.items()} == {"maria": True, "jon": True}
    assert people["maria"].roles == {Role.ASKER}
    assert people["jon"].roles == set(Role)
    assert people["jon"].certificates == {"sha256:" + "ab" * 32, "desk.example"}
    assert people["maria"].who == 'Maria "Mia" Weber'
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert not any(key in path.read_text() for key in keys.values())
    assert [one.name for one in tmp_path.iterdir()] == ["people.yaml"]  # no draft is left behind


def test_who_could_read_the_file_still_can(tmp_path: Path) -> None:
    path = write(tmp_path / "people.yaml", entry())
    path.chmod(0o600)
    if os.getuid() == 0:
        os.chown(path, 4711, 4712)
    before = path.stat()
    renew_key(path, "maria")
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_a_new_key_ends_the_old_one_and_leaves_the_rest_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "people.yaml", "  # the office", entry(), before="limits: {alone: 5}\n")
    key = renew_key(path, "maria")
    people = read_people(path)
    assert holds(key, people.people["maria"].key)
    assert not holds(made("maria")[0], people.people["maria"].key)
    assert "# the office" in path.read_text()
    assert people.limits.alone == 5
    with pytest.raises(Misconfigured, match="nobody has this name"):
        renew_key(path, "eve")


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (entry("maria", "Another Person"), "somebody has this name already"),
        (entry("m.weber", "maria  WEBER - Privacy Office"), "this human being is here already"),
        (entry("m.weber", "Weber, María (privacy office)"), "this human being is here already"),
        (entry("jon", "Jon", key=made("maria")[1]), "somebody else has this key"),
        (entry("Jon", "Jon", key=made("maria")[1]), "characters it cannot have"),
        (entry("jon", "Jon", key="secret"), "not the hash of a key"),
        (entry("jon", "Jon", roles="[boss]"), "cannot be boss"),
        (entry("jon", "Jon", extra="1"), "extra"),
    ],
)
def test_nobody_is_two_people(second: str, said: str, tmp_path: Path) -> None:
    assert said in found(tmp_path / "people.yaml", entry(), second)


def test_two_people_share_no_certificate(tmp_path: Path) -> None:
    both = "[desk.hospital.example]"
    said = found(tmp_path / "people.yaml", entry(certificates=both), entry("jon", "Jon", certificates=both))
    assert "somebody else is known by this certificate" in said


def test_the_threshold_may_be_lowered_never_raised(tmp_path: Path) -> None:
    path = tmp_path / "people.yaml"
    assert found(path, entry(), before="limits: {alone: 0, person: 5}\n") == ""
    assert read_people(path).limits.alone == 0
    assert "too large" in found(path, entry(), before="limits: {alone: 21}\n")


def test_a_person_is_not_added_where_the_file_would_not_say_so(tmp_path: Path) -> None:
    path = write(tmp_path / "people.yaml", entry())
    path.write_text(path.read_text() + "limits: {alone: 3}\n")
    before = path.read_text()
    with pytest.raises(Misconfigured):
        add_person(path, "jon", "Jon of the audit", [Role.ASKER], [])
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("name", "who"), [("Maria", "Maria"), ("a b", "A"), ("jon", "x"), ("jon", "J\nroles: [asker]")]
)
def test_names_that_cannot_be(name: str, who: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        add_person(tmp_path / "people.yaml", name, who, [Role.ASKER], [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o666, 0o660, 0o642])
def test_a_file_that_others_may_change_is_not_read(mode: int, tmp_path: Path) -> None:
    path = write(tmp_path / "people.yaml", entry())
    path.chmod(mode)
    with pytest.raises(Misconfigured, match="others may change"):
        read_people(path)


def test_no_file_and_nobody_in_it(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_people(tmp_path / "none.yaml")
    write(tmp_path / "people.yaml", "  []")
    with pytest.raises(Misconfigured):
        read_people(tmp_path / "people.yaml")
