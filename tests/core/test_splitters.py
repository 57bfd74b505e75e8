"""Steps of a text: exact offsets for any text, and the cuts one would make by hand."""

from __future__ import annotations

import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.splitters import SPLITTERS, Splitter, split

PROOF = "theorem t : p := by\n  intro h\n  have x : q := by\n    simp\n    ring\n  exact x\n"


def pieces(text: str, how: Splitter) -> list[str]:
    return [text[start:end] for start, end in split(text, how)]


@pytest.mark.parametrize(
    ("how", "text", "steps"),
    [
        pytest.param("paragraphs", "a\nb\n\n \nc\n\nd", ["a\nb\n\n \n", "c\n\n", "d"], id="blank"),
        pytest.param("paragraphs", "\n\n  a", ["\n\n  a"], id="blank-at-the-beginning"),
        pytest.param("lines", "a\n\n  b\n", ["a\n\n  ", "b\n"], id="lines"),
        pytest.param(
            "sentences",
            'It is 3.5, e.g. so. Then? "Yes!" Done',
            ["It is 3.5, e.g. so. ", "Then? ", '"Yes!" ', "Done"],
            id="sentences",
        ),
        pytest.param(
            "sentences", "1. Add two. 2 is even.", ["1. Add two. ", "2 is even."], id="numbers"
        ),
        pytest.param("sentences", "那是三。然后", ["那是三。", "然后"], id="wide-stop"),
        pytest.param(
            "numbered",
            "Plan:\n1. a 2. b\n2) c\n- d",
            ["Plan:\n", "1. a 2. b\n", "2) c\n", "- d"],
            id="numbered",
        ),
        pytest.param(
            "step_n",
            "Step 1: a\nthe next step 2\n**Step 2** b\n### step 3. c",
            ["Step 1: a\nthe next step 2\n", "**Step 2** b\n", "### step 3. c"],
            id="step-n",
        ),
        pytest.param(
            "lean",
            PROOF,
            [
                "theorem t : p := by\n  ",
                "intro h\n  ",
                "have x : q := by\n    simp\n    ring\n  ",
                "exact x\n",
            ],
            id="lean",
        ),
        pytest.param("lean", "intro h\nexact h", ["intro h\n", "exact h"], id="tactics-alone"),
        pytest.param("lines", "", [], id="empty"),
        pytest.param("sentences", " \n ", [" \n "], id="blanks-alone"),
    ],
)
def test_steps(how: Splitter, text: str, steps: list[str]) -> None:
    assert pieces(text, how) == steps


@given(st.text(alphabet='a.1 \n\tStep:)-。"', max_size=60), st.sampled_from(get_args(Splitter)))
def test_steps_put_together_are_the_text(text: str, how: Splitter) -> None:
    found = split(text, how)
    assert "".join(text[start:end] for start, end in found) == text
    assert all(text[start:end].strip() for start, end in found) or not text.strip()


@pytest.mark.parametrize("how", list(SPLITTERS))
@pytest.mark.parametrize(
    "piece", ["\n", " ", "\t\n", ".", "a.", "1. ", "Step 1\n", "(((", "by\n", ' "' * 3]
)
def test_hostile_texts_take_no_time(how: Splitter, piece: str) -> None:
    text = piece * (200_000 // len(piece))
    started = time.process_time()
    split(text, how)
    assert time.process_time() - started < 3.0
