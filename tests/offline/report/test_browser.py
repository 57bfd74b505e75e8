"""The page in headless Chromium: shown, filtered, opened by keyboard; nothing runs, nothing is
fetched, nothing is complained about."""

from __future__ import annotations

import json
from typing import Any

import pytest

TOLD = "document.getElementById('told').textContent"
LINES = "[...document.querySelectorAll('.line')].map((line) => line.textContent)"
DIALOG = "document.getElementById('detail')"
DETAIL = "document.getElementById('detail-body').innerText"
TITLE = "document.getElementById('detail-title').textContent"


def fill(browser: Any, **values: str) -> None:
    """Put values into the form as a person does, and wait for the answer."""
    browser.run(
        f"""(() => {{
        const form = document.getElementById("filters");
        document.getElementById("told").textContent = "";
        for (const [name, value] of Object.entries({json.dumps(values)}))
          form.elements[name.replace("_", "-")].value = value;
        form.dispatchEvent(new Event("input"));
        }})()"""
    )
    browser.wait(f"{TOLD} !== '' && !{TOLD}.startsWith('Searching')")


@pytest.fixture(autouse=True)
def quiet(at: Any) -> Any:
    """After every test: no error, no warning, no request, no text that ran."""
    yield
    assert at.complaints() == []
    assert at.requests() == []
    assert at.run("document.title").startswith("scored<b>.jsonl")
    assert at.run("({}).polluted === undefined && !document.querySelector('#browser img')")


def test_it_is_shown_and_few_lines_exist(at: Any) -> None:
    assert at.run(TOLD) == "400 of 400 rows"
    lines = at.run(LINES)
    assert 10 < len(lines) < 40
    assert lines[0].startswith("1")
    at.wait(f"{LINES}[0].includes('answer 0 <script>')")
    assert at.run("[...document.images].every((one) => one.complete && one.naturalWidth > 100)")


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        pytest.param({"outcome": "left"}, "31 of 400 rows", id="left-out"),
        pytest.param({"outcome": "cut"}, "37 of 400 rows", id="cut-off"),
        pytest.param({"says": "s2"}, "31 of 400 rows", id="status"),
        pytest.param({"chars_from": "100000"}, "30 of 400 rows", id="length"),
        pytest.param({"text": 'row-399'}, "1 of 400 rows", id="id"),
        pytest.param({"text": '"answer 7 "'}, "1 of 400 rows", id="words-together"),
        pytest.param({"text": "BROKE document.title"}, "31 of 400 rows", id="reason"),
        pytest.param({"text": "nowhere-to-be-found"}, "0 of 400 rows", id="nothing"),
        pytest.param({"value_from": "x"}, "400 of 400 rows", id="nonsense"),
    ],
)  # fmt: skip
def test_filters(at: Any, values: dict[str, str], answer: str) -> None:
    fill(at, **values)
    assert at.run(TOLD) == answer


def test_orders(at: Any) -> None:
    fill(at, order="seconds-down")
    assert at.run(f"{LINES}[0]").startswith("400")
    fill(at, order="value-up", outcome="0")
    assert "-0.5" in at.run(f"{LINES}[0]")


def test_the_keyboard_moves_opens_and_closes(at: Any) -> None:
    at.run("document.getElementById('grid').focus()")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown", "Enter"):
        at.press(key)
    at.wait(f"{DIALOG}.open")
    assert at.run(TITLE).startswith("Row 3:")
    shown = at.run(DETAIL)
    assert "Extracted answer" in shown
    assert "answer 2 \" onmouseover='alert(1)' style=\"position:fixed" in shown
    assert "math.exact" in shown
    at.press("ArrowRight")
    at.wait(f"{TITLE}.startsWith('Row 4:')")
    at.press("Escape")
    at.wait(f"!{DIALOG}.open")
    assert at.run("document.activeElement.id") == "grid"
    at.press("End")
    assert at.run("document.activeElement.getAttribute('aria-activedescendant')") == "line399"
    assert at.run("document.getElementById('line399').getAttribute('aria-rowindex')") == "401"
    at.press("Home")
    at.press("PageDown")
    assert at.run("document.querySelector('.line.here') !== null")


@pytest.mark.parametrize("name", ["direction", "control", "surrogate", "close", "prototype"])
def test_hostile_texts_are_shown(at: Any, hostile: dict[str, str], name: str) -> None:
    row = list(hostile).index(name)
    at.run(f"document.getElementById('line{row}').click()")
    at.wait(f"{DIALOG}.open && {TITLE}.startsWith('Row {row + 1}:')")
    shown = at.run(DETAIL)
    assert {
        "direction": "abc⟨U+202E⟩dcba⟨U+2066⟩⟨U+200B⟩x",
        "control": "nul⟨U+0000⟩bell⟨U+0007⟩escape⟨U+001B⟩[31m",
        "surrogate": "lone ",
        "close": "</script></pre></title><img src=x onerror=document.title='owned'>",
        "prototype": '{"__proto__": {"polluted": 1}}',
    }[name] in shown


def test_a_long_text_says_what_is_left_out(at: Any) -> None:
    fill(at, chars_from="100000")
    at.run("document.getElementById('grid').focus()")
    at.press("Enter")
    at.wait(f"{DIALOG}.open")
    assert "characters left out" in at.run(DETAIL)


def test_tables_lead_to_rows(at: Any) -> None:
    at.run("document.querySelector('#worth [data-show]').click()")
    at.wait(f"{DIALOG}.open")
    assert at.run(TITLE).startswith("Row 400:")  # the slowest
    at.run(f"{DIALOG}.querySelector('[data-do=group]').click()")
    at.wait(f"{TOLD} === '4 of 400 rows'")
    assert at.run("document.querySelector('#chips button').textContent").startswith("answers to")
    at.run("document.querySelector('#chips button').click()")
    at.wait(f"{TOLD} === '400 of 400 rows'")


def test_every_link_leads_to_as_many_rows_as_it_says(at: Any) -> None:
    """Cells that are counts and filters at once: statuses, disagreements."""
    found = at.run(
        """(async () => {
        const wrong = [];
        const told = document.getElementById("told");
        const links = "#statuses [data-show], #agreement [data-show]";
        for (const one of document.querySelectorAll(links)) {
          if (!/^[0-9,]+$/.test(one.textContent)) continue;
          told.textContent = "";
          one.click();
          while (!told.textContent) await new Promise((go) => setTimeout(go, 5));
          const wanted = `${one.textContent} of 400 rows`;
          if (told.textContent !== wanted) wrong.push([one.dataset.show, wanted, told.textContent]);
        }
        return wrong;
        })()"""
    )
    assert found == []


def test_dark_and_light_and_contrast(at: Any) -> None:
    """Text of every kind meets WCAG AA (4.5:1) on what is behind it, in both schemes."""
    seen = set()
    for scheme in ("light", "dark"):
        at.media(prefers_color_scheme=scheme)
        seen.add(at.run("getComputedStyle(document.body).backgroundColor"))
        assert at.run(CONTRAST) == [], scheme
        assert at.run("document.querySelector('picture img').currentSrc.length") > 1000
    assert len(seen) == 2


CONTRAST = """(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].reduce((sum, value, i) => {
    const x = value / 255;
    const part = x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
    return sum + part * [0.2126, 0.7152, 0.0722][i];
  }, 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const e of document.querySelectorAll("main *, #browser *, header *, footer *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length) continue;
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push([e.tagName, e.className, e.textContent.slice(0, 30), ratio]);
  }
  return bad;
})()"""


def test_names_for_screen_readers(at: Any) -> None:
    """What can be focused has a name; tables, pictures and regions too."""
    nameless = at.run(
        """[...document.querySelectorAll("button, input, select, [role=region], [role=grid], a")]
        .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim()
          || (e.labels && e.labels.length)))
        .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    assert at.run("[...document.images].every((one) => one.alt.length > 10)")
    assert at.run("[...document.querySelectorAll('main table')].every((one) => one.caption)")


def test_motion_is_only_for_those_who_have_not_refused_it(at: Any) -> None:
    smooth = "getComputedStyle(document.documentElement).scrollBehavior"
    at.media(prefers_reduced_motion="no-preference")
    assert at.run(smooth) == "smooth"
    at.media(prefers_reduced_motion="reduce")
    assert at.run(smooth) == "auto"
    assert at.run("document.getAnimations().length") == 0
