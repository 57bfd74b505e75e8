"""Charts and texts of the report, piece by piece."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.core.pages.texts import cut, visible
from assay.trainer.report.plots import Chart, Curve, draw


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain\n\ttext", "plain\n\ttext", id="line-breaks-stay"),
        pytest.param("\ud800", "⟨U+D800⟩", id="lone-surrogate"),
        pytest.param("\U000e0041", "⟨U+E0041⟩", id="tag-character"),
        pytest.param("می\u200cخواهم 👩\u200d🔬", "می\u200cخواهم 👩\u200d🔬", id="joiners-stay"),
        pytest.param("\u2028", "⟨U+2028⟩", id="line-separator"),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown", "result"),
    [
        pytest.param("x" * 4100, (3000, 1000), "x" * 4100, id="not-worth-it"),
        pytest.param("a" * 500, (10, 0), "a" * 10 + " […490 characters left out…]", id="head"),
        pytest.param("a" * 500 + "b", (3, 1), "aaa […497 characters left out…] b", id="both-ends"),
    ],
)
def test_cut(text: str, shown: tuple[int, int], result: str) -> None:
    assert cut(text, shown) == result


@pytest.mark.parametrize("n", [1, 2, 39, 40, 500])
def test_curves_of_any_length(tmp_path: Path, n: int) -> None:
    points = [(float(i), i / n) for i in range(n)]
    curve = Curve(label="a", points=points, spread=points)
    chart = Chart(name="c", title="t", x="x", y="y", source="s", curves=[curve], scale="share")
    drawn = draw(chart, tmp_path)
    assert len((tmp_path / "c.csv").read_text("utf-8").splitlines()) == n + 1
    assert len(drawn.rows) + drawn.left_out_rows == n
    assert len(drawn.rows) <= 200
    assert ("Strong" in drawn.note) is (n >= 40)


@pytest.mark.parametrize("label", ["$\\frac{1}{", "=cmd|'/c calc'!A1", "漢字\x00", "x" * 500, ""])
def test_a_chart_takes_any_label(tmp_path: Path, label: str) -> None:
    chart = Chart(name="c", title="t", x="x", y="y", source="s",
                  curves=[Curve(label=label, points=[(1, 1.0), (2, -3.0)])] * 2)  # fmt: skip
    drawn = draw(chart, tmp_path)
    assert drawn.light.startswith("data:image/png;base64,")
    text = (tmp_path / "c.csv").read_text("utf-8")
    assert not re.search(r'(^|,)"?[=+@]', text, re.MULTILINE)
    assert "-3" in text
