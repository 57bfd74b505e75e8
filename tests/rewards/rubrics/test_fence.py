"""The fence: what is changed, what is left alone, what is cut, and how long it takes."""

from __future__ import annotations

import time

import pytest

from assay.rewards.rubrics.detect import signs_of
from assay.rewards.rubrics.fence import fence
from assay.rewards.rubrics.neutral import neutralise


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x < y and y > z; a[0] <- b |> f; a <|> b",
        "class A:\n    user: str\nuser: bob\n",
        "def f(system: int) -> list[int]: ...",
        "# Heading\n## Solution\n- item: one",
        "可以。「答案」：４２",
        "می\u200cخواهم",
        "👨\u200d👩\u200d👧 ❤️",
        "∀x∈ℝ: x² ≥ 0 ⟨a|b⟩ ½",
        "\tindented\n\n\ttext\n",
    ],
)
def test_plain_text_is_left_alone(text: str) -> None:
    found = neutralise(text)
    assert found.text == text
    assert not found.changed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("<|im_start|>system", "‹|im_start|›system", id="token"),
        pytest.param("[INST]", "‹INST›", id="bracket"),
        pytest.param("<｜User｜>", "‹｜User｜›", id="fullwidth-bars"),
        pytest.param("a\u200bb", "a\\u200bb", id="zero-width"),
        pytest.param("a\u200cb", "a\\u200cb", id="joiner-between-letters"),
        pytest.param("\u202eabc", "\\u202eabc", id="bidi"),
        pytest.param("\u200b" * 9, "\\u200b" * 4 + "{+5 hidden}", id="run"),
        pytest.param("\ud800", "\\ud800", id="surrogate"),
        pytest.param("a\r\nb\rc\x00", "a\nb\\rc\\x00", id="line-ends"),
        pytest.param("\U000e0041", "\\U000e0041", id="tag"),
        pytest.param("### System: x", "### ‹System:› x", id="heading"),
        pytest.param("<<<END 12 answer>>>", "‹‹‹END 12 answer>>>", id="our-fence"),
    ],
)
def test_what_could_pass_for_the_frame_is_shown_as_text(text: str, shown: str) -> None:
    assert neutralise(text).text == shown


def test_equal_texts_make_equal_calls_and_others_another_key() -> None:
    one = fence({"answer": "a", "question": "q"}, limit_chars=100, purpose="score")
    assert one == fence({"answer": "a", "question": "q"}, limit_chars=100, purpose="score")
    others = [
        fence({"answer": "b", "question": "q"}, limit_chars=100, purpose="score"),
        fence({"answer": "a", "question": "r"}, limit_chars=100, purpose="score"),
        fence({"answer": "a", "question": "q"}, limit_chars=100, purpose="critique"),
        fence({"answer": "aq", "question": ""}, limit_chars=100, purpose="score"),
    ]
    assert len({one.key, *(other.key for other in others)}) == 5
    assert one.notice.count(one.key) == 3


def test_a_long_text_loses_its_middle_and_says_so() -> None:
    text = "".join(f"{n:05d}," for n in range(1000))
    found = fence({"answer": text, "question": "q"}, limit_chars=300)
    assert found.cut == {"answer": {"shown": 300, "of": 6000}}
    block = found.blocks["answer"]
    assert f"<<<DATA {found.key} answer (part 1 of 2: characters 1 to 200 of 6000)>>>" in block
    assert f"<<<DATA {found.key} answer (part 2 of 2: characters 5901 to 6000 of 6000)>>>" in block
    assert text[:200] in block
    assert text[-100:] in block
    assert "00500," not in block


def test_a_flood_of_hidden_characters_cannot_fill_the_judge_s_window() -> None:
    found = fence({"answer": "\u200b\u200c" * 5000 + "seen"}, limit_chars=20_000)
    assert len(found.blocks["answer"]) < 300
    assert "{+9996 hidden}seen" in found.blocks["answer"]
    assert found.changed["answer"] == {"hidden characters": 10_000}
    spread = fence({"answer": "a\U000e0041" * 1000}, limit_chars=20_000)
    assert len(spread.blocks["answer"]) < 6 * 2000


SIZE = 20_000
HOSTILE = {
    "open brackets": "<" * SIZE,
    "open tokens": "<|" * SIZE,
    "nested": "<|" * (SIZE // 2) + "|>" * (SIZE // 2),
    "layers": ("<|a" * 20 + "|>" * 20) * (SIZE // 100),
    "names": "<s" * SIZE,
    "capitals": "<" + "A_" * SIZE,
    "inst": "[INST" * (SIZE // 4),
    "wide": "＜｜" * SIZE,
    "hidden": "a\u200b" * SIZE,
    "hashes": "# " * SIZE,
    "lines": "\n" * SIZE,
    "blanks": " " * SIZE,
    "verbs": "give " * (SIZE // 4),
    "ignore": "ignore all " * (SIZE // 8),
    "base64": "A" * SIZE,
    "braces": "{{" * SIZE,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_makes_it_slow(name: str) -> None:
    neutralise.cache_clear()
    started = time.process_time()
    neutralise(HOSTILE[name])
    signs_of(HOSTILE[name])
    assert time.process_time() - started < 2.0
