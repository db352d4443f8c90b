"""Editions as files: what belongs to one, what it is called by, and that it comes back as it was."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from editions.edition_kit import CHANNELS, charges_in
from hypothesis import given
from hypothesis import strategies as st

from engine.config.loading import load_channels
from engine.editions.packing import Packed, decoded, pack, unpack
from engine.errors import Misconfigured

NAMES = st.lists(st.text("abc/", min_size=1, max_size=6), max_size=4, unique=True)


def test_a_folder_is_packed_with_what_its_channels_name_and_nothing_else(tmp_path: Path) -> None:
    folder = charges_in(tmp_path / "channels")
    (folder / "notes.txt").write_text("not a part")
    (folder / "tables/unused.csv").write_text("code\n")
    assert set(pack(folder).files) == {
        "dft-charges.yaml", "dft-charges.test.yaml", "tables/items.csv", "tables/items.table.yaml",
        "tables/locations.csv", "tables/locations.table.yaml",
        *(f"tables/odoo-{name}.csv" for name in ("items", "units", "locations")),
        *(f"tables/odoo-{name}.table.yaml" for name in ("items", "units", "locations")),
    }  # fmt: skip


def test_all_that_the_shipped_channels_are_made_of_is_packed() -> None:
    files = set(pack(CHANNELS).files)
    assert {"fhir/clients.yaml", "tables/procedure-kits.csv", "supply-requests.test.yaml"} <= files
    assert "channel.schema.json" not in files


def test_what_lies_beside_by_its_name_belongs_to_it(tmp_path: Path) -> None:
    folder = charges_in(tmp_path / "channels")
    for name in ("functions", "sites", "messages"):
        (folder / name).mkdir()
    (folder / "tables/items.table.yaml").write_text("owner: pharmacy\n")
    (folder / "functions/packs.py").write_text("")
    (folder / "sites/north.yaml").write_text("site: north\nall: {tables: {items: tables/north.csv}}\n")
    (folder / "sites/north.test.yaml").write_text("")
    (folder / "sites/south.yaml").write_text("site: south\n")
    (folder / "tables/north.csv").write_text("code\n")
    (folder / "messages/one.hl7").write_text("MSH|")
    cases = folder / "dft-charges.test.yaml"
    cases.write_text(cases.read_text() + "  - {name: kept, file: messages/../messages/one.hl7, expect: {}}\n")
    plain, north = set(pack(folder).files), set(pack(folder, ["north"]).files)
    assert {"tables/items.table.yaml", "functions/packs.py", "messages/one.hl7"} <= plain
    assert north - plain == {"sites/north.yaml", "sites/north.test.yaml", "tables/north.csv"}


def test_messages_that_the_rows_of_a_case_name_belong_to_it(tmp_path: Path) -> None:
    folder = charges_in(tmp_path / "channels")
    for name in ("one.hl7", "two.hl7"):
        (folder / name).write_text("MSH|")
    (folder / "rows.csv").write_text("name,sent\nfirst,one\nsecond,two\n")
    cases = folder / "dft-charges.test.yaml"
    cases.write_text(
        cases.read_text() + '  - {name: "{name}", rows: rows.csv, file: "{sent}.hl7", expect: {}}\n'
    )
    assert {"rows.csv", "one.hl7", "two.hl7"} <= set(pack(folder).files)


def test_the_same_content_is_the_same_edition_wherever_it_lies(tmp_path: Path) -> None:
    first, second = (charges_in(tmp_path / name) for name in ("first", "second/deeper"))
    assert pack(first).digest == pack(second).digest == pack(Path(f"{second}/../deeper")).digest
    assert len(pack(first).digest) == 32


def test_another_byte_name_or_site_is_another_edition(tmp_path: Path) -> None:
    folder = charges_in(tmp_path / "channels")
    digests = {pack(folder).digest}
    items = folder / "tables/items.csv"
    items.write_text(items.read_text() + "# seen\n")
    digests.add(pack(folder).digest)
    (folder / "dft-charges.yaml").rename(folder / "charges.yaml")
    digests.add(pack(folder).digest)
    (folder / "sites").mkdir()
    for site in "ab":
        (folder / f"sites/{site}.yaml").write_text(f"site: {site}\n")
    digests |= {pack(folder, sites).digest for sites in (["a"], ["b"], ["a", "b"], ["b", "a"])}
    assert len(digests) == 7


def test_an_edition_comes_back_as_it_was_and_runs(tmp_path: Path) -> None:
    packed = pack(charges_in(tmp_path / "channels"))
    again = decoded(packed.encoded(), packed.digest)
    assert again == packed
    unpack(again, tmp_path / "there")
    assert [one.spec.channel for one in load_channels(tmp_path / "there")] == ["dft-charges"]
    assert (tmp_path / "there/tables/items.csv").stat().st_mode & 0o077 == 0


@given(NAMES, st.binary(max_size=20), st.lists(st.text("xyz", min_size=1), max_size=2))
def test_any_files_come_back(names: list[str], content: bytes, sites: list[str]) -> None:
    packed = Packed({name: content for name in names}, tuple(sites))
    assert decoded(packed.encoded(), packed.digest) == packed


def test_changed_files_are_not_taken_for_what_was_deployed(tmp_path: Path) -> None:
    packed = pack(charges_in(tmp_path / "channels"))
    other = Packed({**packed.files, "tables/items.csv": b"code\n"})
    with pytest.raises(Misconfigured, match="not the ones that were deployed"):
        decoded(other.encoded(), packed.digest)


@pytest.mark.parametrize("spoiled", [b"", b"\x00", zlib.compress(b"\xc1"), zlib.compress(b"\x93")])
def test_damaged_files_are_told(spoiled: bytes) -> None:
    with pytest.raises(Misconfigured, match="damaged"):
        decoded(spoiled, bytes(32))


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.yaml", "a/../../up.yaml"])
def test_nothing_is_written_outside_of_where_it_is_unpacked(name: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="outside"):
        unpack(Packed({name: b"x"}), tmp_path / "there")
    assert not (tmp_path / "up.yaml").exists()


def test_what_cannot_be_written_whole_is_not_written(tmp_path: Path) -> None:
    """A disk that is full half-way: the half must never be taken for the edition."""
    too_long = "x" * 300
    with pytest.raises(Misconfigured, match="cannot be unpacked"):
        unpack(Packed({"a.yaml": b"channel: a", too_long: b""}), tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = charges_in(tmp_path / "channels")
    outside = tmp_path / "items.csv"
    (folder / "tables/items.csv").rename(outside)
    (folder / "tables/items.csv").symlink_to(outside)
    with pytest.raises(Misconfigured, match=r"tables/items\.csv: lies outside"):
        pack(folder)


def test_a_message_of_a_case_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = charges_in(tmp_path / "channels")
    (tmp_path / "one.hl7").write_text("MSH|")
    cases = folder / "dft-charges.test.yaml"
    cases.write_text(cases.read_text() + "  - {name: far, file: ../one.hl7, expect: {}}\n")
    with pytest.raises(Misconfigured, match=r"one\.hl7: lies outside"):
        pack(folder)


def test_a_site_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"channels/sites: there is no site nort"):
        pack(charges_in(tmp_path / "channels"), ["nort"])


def test_a_folder_without_channels_is_no_edition(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no channel file"):
        pack(tmp_path)
