"""What every store promises of the vault, as tests: a part of `store_contract.StoreContract`."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from engine.model import Filtered, Routing
from engine.store.base import Store, TokensTaken, VaultTurned
from engine.store.uses import turn_vault
from engine.tokens import Lookup, NewToken, SealKey, TokenRow, Use


def _new(name: str, *lookups: bytes, **given: Any) -> NewToken:
    found = tuple(Lookup(one.ljust(16), "first") for one in lookups)
    return NewToken(token=f"t1v_{name}", domain="v", lookups=found, key_id="seal", sealed=b"sealed", **given)


def _route(store: Store, *minted: NewToken, turn: int = -1) -> None:
    store.route([Routing(1, Filtered("x"))], minted, 7.0, turn=turn)


def _turn(store: Any) -> None:
    with store._database.write() as work:
        turn_vault(work)


class VaultContract:
    def test_a_row_is_kept_as_it_was_minted(self, store: Store) -> None:
        _route(store, _new("a", b"1", subject="t1p_x", tenant="north"), _new("b", b"2"))
        row = TokenRow(
            token="t1v_a",
            domain="v",
            tenant="north",
            key_id="seal",
            sealed=b"sealed",
            subject="t1p_x",
            created_at=7.0,
        )
        found = store.token_rows(["t1v_a", "t1v_b", "t1v_c"])
        assert found["t1v_a"] == row
        assert (found["t1v_b"].tenant, found["t1v_b"].subject, "t1v_c" in found) == ("", "", False)

    def test_a_token_is_found_under_each_of_its_lookups(self, store: Store) -> None:
        _route(store, _new("a", b"new", b"old"))
        lookups = [one.ljust(16) for one in (b"new", b"old", b"other")]
        assert store.tokens(lookups) == dict.fromkeys(lookups[:2], "t1v_a")

    def test_one_taken_lookup_of_several_is_told_and_nothing_stored(self, store: Store) -> None:
        _route(store, _new("a", b"old"))
        with pytest.raises(TokensTaken) as raised:
            _route(store, _new("b", b"new", b"old"), _new("c", b"3"))
        assert raised.value.known == {b"old".ljust(16): "t1v_a"}
        assert store.tokens([b"new".ljust(16), b"3".ljust(16)]) == {}
        assert store.token_rows(["t1v_b", "t1v_c"]) == {}

    def test_seal_keys_are_kept(self, store: Store) -> None:
        keys = {id_: SealKey(id_, "reader", id_.encode(), 5.0) for id_ in ("one", "two")}
        for key in keys.values():
            store.keep_seal_key(key)
        assert store.seal_keys(["one", "two", "three"]) == keys

    def test_it_records_which_keys_are_used(self, store: Store) -> None:
        uses = dict.fromkeys(("digest", "fingerprint", "shift", "term", "vault-index"), Use(("first",), 0))
        assert store.uses() == uses

    def test_nothing_is_stored_of_a_batch_that_was_mapped_before_the_vault_turned(self, store: Store) -> None:
        _route(store, _new("a", b"1"), turn=0)
        _turn(store)
        with pytest.raises(VaultTurned):
            _route(store, _new("b", b"2"), turn=0)
        assert store.token_rows(["t1v_b"]) == {}
        _route(store, _new("b", b"2"), turn=store.uses()["vault-index"].turn)
        assert len(store.token_rows(["t1v_a", "t1v_b"])) == 2

    def test_the_vault_turns_between_batches_only(self, store: Any) -> None:
        """Whoever turns it may be sure: what is stored afterwards was mapped afterwards."""
        routed, turned = threading.Event(), threading.Event()

        def turn() -> None:
            routed.wait(10)
            _turn(store)
            turned.set()

        thread = threading.Thread(target=turn)
        thread.start()
        with store._database.write() as work:
            from engine.store.uses import check_turn

            check_turn(work, 0, store._database.for_share)
            routed.set()
            assert not turned.wait(0.2)
        thread.join(10)
        assert turned.is_set()
        assert store.uses()["vault-index"].turn == 1
