"""Keys that others publish: used as long as they allow, asked for seldom."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from access.access_kit import NOW, Web, key, public

from engine.access import Published
from engine.access.keys import FetchedKeys
from engine.access.untrusted import Untrusted

URL = "https://ehr.example/jwks"


def found(keys: FetchedKeys, kid: str, after: float) -> bool:
    try:
        keys.find(kid, "ES384", NOW + after)
    except Untrusted:
        return False
    return True


@pytest.fixture
def web() -> Web:
    return Web(jwks=public(key("ES384", "k2")))


@pytest.mark.parametrize(("max_age", "until"), [(None, 300), (60.0, 60), (1e9, 3600), (2.5, 2.5)])
def test_a_set_is_kept_as_long_as_its_server_says_and_no_longer_than_an_hour(
    web: Web, max_age: float | None, until: float
) -> None:
    web.max_age = max_age
    keys = FetchedKeys(URL, web.fetch)
    assert all(found(keys, "k2", after) for after in (0, 1, until - 0.5))
    assert len(web.asked) == 1
    web.sets.clear()  # gone, and with it what it vouched for
    assert not found(keys, "k2", until)
    assert len(web.asked) == 2


def test_a_set_that_may_not_be_kept_is_fetched_for_each_use_but_not_in_a_storm(web: Web) -> None:
    web.max_age = 0.0
    keys = FetchedKeys(URL, web.fetch)
    assert [found(keys, "k2", after) for after in (0, 0.5, 0.9, 1, 2)] == [True, False, False, True, True]
    assert len(web.asked) == 3


def test_a_key_that_is_new_is_found_within_half_a_minute(web: Web) -> None:
    keys = FetchedKeys(URL, web.fetch)
    assert found(keys, "k2", 0)
    web.sets["jwks"] = public(key("ES384", "k2"), key("ES384", "k3"))
    assert [found(keys, "k3", after) for after in (1, 29, 30)] == [False, False, True]
    assert len(web.asked) == 2


def test_made_up_keys_do_not_make_us_knock(web: Web) -> None:
    keys = FetchedKeys(URL, web.fetch)
    for number in range(500):
        assert not found(keys, f"made-up-{number}", number / 10)
    assert len(web.asked) == 2


def test_a_server_that_does_not_answer_is_left_alone_for_a_while(web: Web) -> None:
    published = web.sets.pop("jwks")
    keys = FetchedKeys(URL, web.fetch)
    assert not any(found(keys, "k2", after / 10) for after in range(150))
    assert len(web.asked) == 2
    web.sets["jwks"] = published
    assert [found(keys, "k2", after) for after in (19.9, 20)] == [False, True]


def test_a_set_outlives_a_failed_request_for_a_key_that_is_not_in_it(web: Web) -> None:
    keys = FetchedKeys(URL, web.fetch)
    assert found(keys, "k2", 0)
    web.sets.clear()
    assert not found(keys, "made-up", 31)
    assert found(keys, "k2", 32)


def test_a_server_that_hangs_holds_one_thread(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.access.keys.TURN", 0.01)
    asked, answered = threading.Event(), threading.Event()

    def hang(url: str) -> Published:
        asked.set()
        answered.wait(30)
        return web.fetch(url)

    keys = FetchedKeys(URL, hang)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(found, keys, "k2", 0)
        asked.wait(30)
        assert not found(keys, "k2", 0)
        answered.set()
        assert first.result()


def test_a_clock_that_is_set_back_does_not_keep_keys_for_longer(web: Web) -> None:
    keys = FetchedKeys(URL, web.fetch)
    assert found(keys, "k2", 0)
    web.sets["jwks"] = public(key("ES384", "k3"))
    assert not found(keys, "k2", -3600)


def test_usable_keys_of_a_set_are_used_whatever_stands_beside_them(web: Web) -> None:
    web.sets["jwks"]["keys"] += [{"kty": "oct", "kid": "a", "k": "AAAA"}, {"kty": "OKP"}, 7, {"use": "enc"}]
    assert found(FetchedKeys(URL, web.fetch), "k2", 0)
