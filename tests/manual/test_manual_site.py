"""The manual as a site: every page in it, no link that leads nowhere, nothing from elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import msgspec
import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.manual.contents import docs, pages
from engine.manual.rendering import render
from engine.manual.site import build

RUNNER = CliRunner()


class _Seen(HTMLParser):
    """Where a page leads, what it loads, which anchors it has, and what a page of ours may not have."""

    def __init__(self) -> None:
        super().__init__()
        self.leads, self.loads, self.anchors, self.forbidden = [], [], set(), []  # type: ignore[var-annotated]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.add(given.get("id", ""))
        if tag == "a":
            self.leads.append(given["href"])
        self.loads += [given[name] for name in ("src",) if name in given]
        self.loads += [given["href"]] if tag == "link" else []
        inline = tag == "style" or (tag == "script" and "src" not in given)
        if inline or "style" in given or any(name.startswith("on") for name in given):
            self.forbidden.append(tag)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, _Seen]:
    into = tmp_path_factory.mktemp("site")
    build(into)
    seen = {path: _Seen() for path in sorted(into.rglob("*.html")) if path.name != "index.html"}
    for path, parser in seen.items():
        parser.feed(path.read_text("utf-8"))
    return seen


def test_every_page_of_the_manual_is_in_the_contents_once() -> None:
    listed = [page.path for page in pages()]
    there = {path.relative_to(docs()).with_suffix("").as_posix() for path in docs().rglob("*.md")}
    assert sorted(listed) == sorted(there - {path for path in there if path.startswith("examples/")})


def test_no_link_leads_nowhere(site: dict[Path, _Seen]) -> None:
    wrong = []
    for path, seen in site.items():
        for link in (*seen.leads, *seen.loads):
            name, anchor = urldefrag(link)
            target = (path.parent / unquote(name)).resolve() if name else path
            if "://" in link or link.startswith("mailto:"):
                continue
            if not target.is_file() or (anchor and target in site and anchor not in site[target].anchors):
                wrong.append(f"{path.name}: {link}")
    assert wrong == []


def test_no_link_of_the_sources_leads_nowhere() -> None:
    """What is no page is no link in the site; in the repository it has to be there."""
    wrong = []
    for page in pages():
        here = docs() / f"{page.path}.md"

        def there(link: str, here: Path = here) -> None:
            name = link.partition("#")[0]
            if "://" not in link and not link.startswith("mailto:") and not (here.parent / name).exists():
                wrong.append(f"{here.name}: {link}")

        render(here.read_text("utf-8"), there)
    assert wrong == []


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_inline(site: dict[Path, _Seen]) -> None:
    assert [link for seen in site.values() for link in seen.loads if "//" in link] == []
    assert [path.name for path, seen in site.items() if seen.forbidden] == []


def test_the_search_knows_the_words_of_every_page(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["manual", "--output", str(tmp_path / "site")])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "site" / "index.js").read_text("utf-8")
    index = msgspec.json.decode(text.removeprefix("window.PAGES = ").rstrip(";\n"))
    assert len(index) == len(list(pages()))
    assert any("quarantine" in one["words"] for one in index if one["path"] == "manual/operate.html")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = RUNNER.invoke(app, ["manual", "--output", str(tmp_path / "file")])
    assert done.exit_code != 0
    assert "cannot be written" in str(done.exception)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>\n"),
        ("[a](gone.md) b", "<p>a b</p>\n"),
    ],
)
def test_what_may_not_stand_in_a_page_does_not(text: str, html: str) -> None:
    assert render(text, lambda _: None).html == html


def test_cells_are_aligned_without_a_style_and_headings_have_anchors() -> None:
    made = render("# Two words\n\n# Two words\n\n| a |\n|--:|\n| 1 |\n", lambda link: link)
    assert 'class="right"' in made.html
    assert [one.anchor for one in made.headings] == ["two-words", "two-words-1"]
