"""Assets: what others made is what its list says, all of it is in the package, and no page asks elsewhere."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from engine.console.assets import STATIC, asset, asset_routes

VENDORED: list[dict[str, Any]] = json.loads((STATIC / "vendored.json").read_text("utf-8"))
TEMPLATES = sorted((STATIC.parent / "pages/templates").glob("*.html"))


@pytest.mark.parametrize("one", VENDORED, ids=lambda one: one["file"])
def test_what_others_made_is_as_they_made_it(one: dict[str, Any]) -> None:
    digest = hashlib.sha384((STATIC / one["file"]).read_bytes()).digest()
    assert one["integrity"] == f"sha384-{base64.b64encode(digest).decode()}"
    assert (STATIC / one["licence_file"]).stat().st_size > 300


def test_every_file_is_ours_or_in_the_list() -> None:
    ours = {"console.js", "fonts.css", "mark.svg", "style.css", "vendored.json"}
    listed = {one["file"] for one in VENDORED} | {one["licence_file"] for one in VENDORED}
    assert {path.name for path in STATIC.iterdir()} == ours | listed


@pytest.mark.parametrize("name", ["console.js", "fonts.css", "style.css", "mark.svg"])
def test_ours_name_no_other_address(name: str) -> None:
    text = (STATIC / name).read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//[a-z]+\.[a-z]|@import", text)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_script_style_or_handlers_in_it(template: Path) -> None:
    text = template.read_text("utf-8")
    assert not re.search(r"\son[a-z]+=|javascript:|\bhx-on", text)
    assert not re.search(r'(src|href|action|hx-[a-z]+)="(https?:)?//', text)
    if not template.name.endswith("_file.html"):  # one file that needs nothing else
        assert not re.search(r"<style|\sstyle=|<script(?! src=)", text)


def test_an_asset_may_be_kept_and_nothing_beside_them_is_given() -> None:
    asyncio.run(_asked_for())


async def _asked_for() -> None:
    transport = httpx.ASGITransport(app=Starlette(routes=asset_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        given = await client.get(asset("style.css"))
        assert given.status_code == 200
        assert given.headers["content-type"].startswith("text/css")
        assert "immutable" in given.headers["cache-control"]
        for name in ("vendored.json", "nowhere.js", "..%2fassets.py", "htmx.LICENSE"):
            assert (await client.get(f"/assets/{name}")).status_code == 404
