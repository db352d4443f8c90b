"""The token book: minting ahead, settling per batch, merges, and many routers at once (P05)."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from vaults import sealer

from engine.privacy.book import Minted, TokenBook
from engine.privacy.tokens import parse
from engine.privacy.vault import Vault, canonical
from engine.store.base import TokensTaken
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.tokens import Lookup

VAULT = Vault(tenant="north", index_keys={"k1": bytes(32)})


class Rows:
    """The vault's table, as the contract of `MessageStore` has it."""

    def __init__(self) -> None:
        self.rows: dict[bytes, str] = {}
        self.asked: list[int] = []
        self.lock = threading.Lock()

    def tokens(self, indexes: Sequence[bytes]) -> dict[bytes, str]:
        self.asked.append(len(indexes))
        with self.lock:
            return {index: self.rows[index] for index in indexes if index in self.rows}

    def store(self, minted: Sequence[Minted]) -> None:
        with self.lock:
            new = {found.lookup: one.token for one in minted for found in one.lookups}
            taken = {lookup: self.rows[lookup] for lookup in new if lookup in self.rows}
            if taken:
                raise TokensTaken(taken)
            self.rows.update(new)


@pytest.fixture
def rows() -> Rows:
    return Rows()


def book(rows: Rows, seed: int = 1, **settings: int) -> TokenBook:
    return TokenBook(VAULT, rows.tokens, random.Random(seed).randbytes, **settings)


def person(of: TokenBook, value: str, *, message: int | None = None) -> str:
    if message is not None:
        of.start(message)
    return of.token("p", "HOSP", "MR", value)


def test_one_identifier_has_one_token_within_a_batch_and_after_it(rows: Rows) -> None:
    mine = book(rows)
    token = person(mine, "1", message=1)
    assert parse(token).domain == "p"
    assert person(mine, " 1 ", message=2) == token
    assert person(mine, "2") != token
    assert mine.verify() == set()
    assert len(mine.minted()) == 2
    rows.store(mine.minted())
    mine.committed()
    assert mine.minted() == []
    assert person(mine, "1", message=3) == token
    assert person(book(rows, 2), "1", message=3) != token  # until it asks
    assert mine.verify() == set()
    assert rows.asked == [2]


def test_P04_another_domain_type_or_authority_is_another_token(rows: Rows) -> None:
    mine = book(rows)
    mine.start(1)
    asked = ["p HOSP MR", "p HOSP PI", "p CLINIC MR", "v HOSP VN", "a HOSP AN"]
    tokens = {mine.token(*parts.split(), "7") for parts in asked}
    assert len(tokens) == len(asked)


def test_what_is_minted_says_what_it_stands_for(rows: Rows) -> None:
    mine = book(rows)
    token = person(mine, "007", message=1)
    (new,) = mine.minted()
    assert (new.token, new.domain, new.tenant, new.subject) == (token, "p", "north", token)
    assert new.identifier == "p\x1fHOSP\x1fMR\x1f007"
    assert new.lookups == (Lookup(VAULT.index("p\x1fHOSP\x1fMR\x1f007"), "k1"),)


def test_only_messages_that_used_a_known_identifier_are_mapped_again(rows: Rows) -> None:
    first = book(rows)
    known = person(first, "1", message=1)
    rows.store(first.minted())
    mine = book(rows, 2)
    assert person(mine, "1", message=10) != known
    person(mine, "2", message=11)
    person(mine, "1", message=12)
    assert mine.verify() == {10, 12}
    assert person(mine, "1", message=10) == known
    new = person(mine, "3")  # the second reading found one more identifier
    assert person(mine, "1", message=12) == known
    assert mine.verify() == set()
    assert {row.token for row in mine.minted()} == {new, person(mine, "2", message=11)}
    assert rows.asked == [2, 1]


def test_a_message_that_comes_to_nothing_leaves_no_token(rows: Rows) -> None:
    mine = book(rows)
    person(mine, "1", message=1)
    shared = person(mine, "2")
    assert person(mine, "2", message=2) == shared
    mine.forget(1)
    assert [row.token for row in mine.minted()] == [shared]


def test_an_abandoned_batch_learns_and_starts_over(rows: Rows) -> None:
    first, mine = book(rows), book(rows, 2)
    person(mine, "1", message=2)
    lost = person(mine, "2")
    assert mine.verify() == set()
    known = person(first, "1", message=1)
    rows.store(first.minted())
    with pytest.raises(TokensTaken) as taken:
        rows.store(mine.minted())
    mine.abandon(taken.value.known)
    assert mine.minted() == []
    assert person(mine, "1", message=2) == known
    assert person(mine, "2") != lost
    assert mine.verify() == set()
    rows.store(mine.minted())


def test_a_merge_holds_from_its_message_on(rows: Rows) -> None:
    mine = book(rows)
    gone, into = person(mine, "1", message=1), person(mine, "2")
    mine.merged(gone, into)
    assert person(mine, "1", message=2) == into
    assert {row.token for row in mine.minted()} == {gone, into}  # the alias must exist for late messages
    mine.committed()
    assert person(mine, "1", message=3) == into
    assert person(mine, "2") == into


def test_a_chain_of_merges_leads_to_its_end_and_a_circle_changes_nothing(rows: Rows) -> None:
    mine = book(rows)
    mine.start(1)
    a, b, c = (person(mine, value) for value in "abc")
    mine.merged(a, b)
    mine.merged(b, c)
    mine.merged(c, a)
    mine.committed()
    assert {person(mine, value, message=2) for value in "abc"} == {c}


def test_a_merge_of_a_message_mapped_again_is_taken_back_first(rows: Rows) -> None:
    first = book(rows)
    known = person(first, "2", message=1)
    rows.store(first.minted())
    mine = book(rows, 2)
    gone = person(mine, "1", message=5)
    mine.merged(gone, person(mine, "2"))
    person(mine, "1", message=6)
    person(mine, "9", message=7)
    assert mine.verify() == {5, 6}
    assert person(mine, "1", message=5) == gone
    mine.merged(gone, person(mine, "2"))
    assert person(mine, "1", message=6) == known
    mine.committed()
    assert person(mine, "1", message=8) == known


def test_it_knows_when_a_merge_that_answered_others_came_to_nothing(rows: Rows) -> None:
    mine = book(rows)
    one, two, three = (person(mine, value, message=1) for value in "123")
    mine.start(2)
    mine.merged(one, two)
    assert person(mine, "1", message=3) == two
    mine.start(4)
    mine.merged(two, three)
    assert not mine.misled  # what was said before a second merge was right then
    mine.forget(4)
    assert not mine.misled  # nobody was told of it
    mine.start(4)
    mine.merged(two, three)
    assert person(mine, "2", message=5) == person(mine, "1", message=6) == three
    mine.forget(2)
    assert mine.misled  # message 3 and 6
    mine.forget(3)
    mine.forget(6)
    assert not mine.misled
    mine.forget(4)
    assert mine.misled  # message 5
    mine.abandon({})
    assert not mine.misled


def test_a_merge_mapped_again_with_its_followers_misleads_nobody(rows: Rows) -> None:
    first = book(rows)
    known = person(first, "1", message=1)
    rows.store(first.minted())
    mine = book(rows, 2)
    gone, into = person(mine, "1", message=5), person(mine, "2")
    mine.merged(gone, into)
    person(mine, "1", message=6)
    assert mine.verify() == {5, 6}
    mine.merged(person(mine, "1", message=5), person(mine, "2"))
    assert person(mine, "1", message=6) == into
    assert not mine.misled
    mine.committed()
    assert (person(mine, "1", message=7), mine.misled) == (into, False)
    assert known != into


def test_an_abandoned_merge_is_forgotten_and_a_committed_one_is_not(rows: Rows) -> None:
    mine = book(rows)
    mine.start(1)
    one, two, three = (person(mine, value) for value in "123")
    mine.merged(one, two)
    mine.committed()
    mine.start(2)
    mine.merged(three, two)
    mine.abandon({})
    assert person(mine, "1", message=3) == two
    assert person(mine, "3") == three


def test_the_cache_is_bounded_and_what_falls_out_is_looked_up_again(rows: Rows) -> None:
    mine = book(rows, capacity=10)
    mine.start(1)
    tokens = [person(mine, str(number)) for number in range(50)]
    rows.store(mine.minted())
    mine.committed()
    assert person(mine, "0", message=2) != tokens[0]
    assert mine.verify() == {2}
    assert person(mine, "0", message=2) == tokens[0]
    assert person(mine, "49") == tokens[49]


def test_many_merges_do_not_grow_the_memory(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.privacy.book._MERGES", 5)
    mine = book(rows)
    mine.start(1)
    tokens = [person(mine, str(number)) for number in range(8)]
    rows.store(mine.minted())
    for gone in tokens[1:]:
        mine.merged(gone, tokens[0])
    mine.committed()
    rows.rows = dict.fromkeys(rows.rows, tokens[0])
    person(mine, "5", message=2)
    assert mine.verify() == {2}
    assert person(mine, "5", message=2) == tokens[0]


class Stored:
    """The same, in a real store."""

    def __init__(self, url: str) -> None:
        self.database = open_store(url, KeyRing({"k1": bytes(32)}))
        self.tokens = self.database.tokens

    def store(self, minted: Sequence[Minted]) -> None:
        self.database.route([], sealer(self.database.keep_seal_key).seal(minted), 1.0)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def table(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "memory":
        yield Rows()
    else:
        postgres = request.param == "postgres"
        url = request.getfixturevalue("postgres_url") if postgres else f"sqlite:///{tmp_path}/store.db"
        stored = Stored(url)
        yield stored
        stored.database.close()


def test_P05_64_routers_and_1000_new_persons_make_1000_tokens(table: Rows | Stored) -> None:
    """Ten messages per person, shuffled over 64 books; whoever loses a race learns the token."""
    messages = [str(number % 1000) for number in range(10_000)]
    random.Random(5).shuffle(messages)
    answers: list[tuple[str, str]] = []
    failures: list[BaseException] = []

    def router(number: int) -> None:
        mine = TokenBook(VAULT, table.tokens)
        share = messages[number::64]
        try:
            for start in range(0, len(share), 40):
                answers.extend(settle(mine, table, share[start : start + 40]))
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=router, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(answers) == 10_000
    assert len(set(answers)) == len({token for _, token in answers}) == 1000
    indexes = {VAULT.index(canonical("p", "HOSP", "MR", str(number))): str(number) for number in range(1000)}
    stored = table.tokens(list(indexes))
    assert {(indexes[index], token) for index, token in stored.items()} == set(answers)


def settle(mine: TokenBook, rows: Rows | Stored, values: Sequence[str]) -> list[tuple[str, str]]:
    """One batch, the way the routing loop does it."""
    while True:
        tokens = [person(mine, value, message=at) for at, value in enumerate(values)]
        while affected := mine.verify():
            for at in sorted(affected):
                tokens[at] = person(mine, values[at], message=at)
        try:
            rows.store(mine.minted())
        except TokensTaken as taken:
            mine.abandon(taken.known)
            continue
        mine.committed()
        return list(zip(values, tokens, strict=True))


def test_it_knows_whom_a_message_is_about_and_whose_its_numbers_are(rows: Rows) -> None:
    mine = book(rows)
    mine.start(1)
    visit = mine.token("v", "HOSP", "VN", "1")
    first, second = person(mine, "1"), person(mine, "2")
    staff = mine.token("s", "HOSP", "", "1234")
    mine.start(2)
    shared = mine.token("v", "HOSP", "VN", "1")
    place = mine.token("r", "HOSP", "", "W1")
    assert shared == visit
    assert (mine.subject(1), mine.subject(2), mine.subject(3)) == (first, "", "")
    owners = {one.token: one.subject for one in mine.minted()}
    assert owners == {visit: first, first: first, second: second, staff: staff, place: ""}
    mine.forget(1)
    assert {one.token: one.subject for one in mine.minted()} == {visit: "", place: ""}


def test_a_number_belongs_to_the_person_that_another_was_merged_into(rows: Rows) -> None:
    mine = book(rows)
    gone, into = person(mine, "1", message=1), person(mine, "2")
    mine.merged(gone, into)
    person(mine, "1", message=2)
    visit = mine.token("v", "HOSP", "VN", "1")
    assert {one.token: one.subject for one in mine.minted()}[visit] == into == mine.subject(2)


def test_P04_no_token_is_valid_in_another_tenant(rows: Rows) -> None:
    mine = book(rows)
    tokens = []
    for message, tenant in enumerate(("north", "south", None, "south", "north"), 1):
        mine.start(message, tenant)
        tokens.append(person(mine, "1"))
    assert tokens == [tokens[0], tokens[1], tokens[0], tokens[1], tokens[0]]
    assert {one.token: one.tenant for one in mine.minted()} == {tokens[0]: "north", tokens[1]: "south"}
    rows.store(mine.minted())
    assert set(rows.rows.values()) == set(tokens)
    assert tokens[0] != tokens[1]


BOTH = Vault(tenant="north", index_keys={"k2": bytes(range(32)), "k1": bytes(32)}, turn=2)


def test_P07_while_the_index_changes_its_key_old_and_new_lookups_lead_to_one_token(rows: Rows) -> None:
    first = book(rows)
    known = person(first, "1", message=1)
    rows.store(first.minted())
    mine = TokenBook(BOTH, rows.tokens)
    assert person(mine, "1", message=10) != known
    new = person(mine, "2", message=11)
    assert mine.verify() == {10}
    assert (person(mine, "1", message=10), person(mine, "1", message=12)) == (known, known)
    rows.store(mine.minted())
    mine.committed()
    late = book(rows)  # who has the old key alone finds the new person too
    person(late, "2", message=20)
    assert late.verify() == {20}
    assert person(late, "2", message=20) == new


def test_P07_who_loses_a_race_under_the_old_key_learns_the_token(rows: Rows) -> None:
    first, mine = book(rows), TokenBook(BOTH, rows.tokens)
    person(mine, "1", message=10)
    assert mine.verify() == set()
    known = person(first, "1", message=1)
    rows.store(first.minted())
    with pytest.raises(TokensTaken) as taken:
        rows.store(mine.minted())
    mine.abandon(taken.value.known)
    assert person(mine, "1", message=10) == known
    assert mine.minted() == []


def test_a_book_believes_nothing_of_before_the_vault_turned(rows: Rows) -> None:
    mine = book(rows)
    mine.start(1)
    one, two, three = (person(mine, value) for value in "123")
    rows.store(mine.minted())
    mine.merged(one, two)
    mine.committed()
    assert mine.turn == -1
    rows.rows = {index: token for index, token in rows.rows.items() if token != three}  # erased
    mine.renew(BOTH)
    assert mine.turn == 2
    person(mine, "1", message=2)
    newcomer = person(mine, "3", message=3)
    assert mine.verify() == {2}
    assert person(mine, "1", message=2) == one  # what the vault answers counts: the merge was undone
    assert person(mine, "3", message=3) == newcomer != three
