"""Through the Scorer, in a worker, with sources of its own; and the documentation's examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay import Registry, Sample, Scorer, Status
from assay.rewards.rubrics.audit.attacks import ATTACKS
from assay.rewards.rubrics.judge import RubricJudge
from assay.rewards.rubrics.library import load_rubric

RUBRIC = {
    "name": "r",
    "version": "1",
    "description": "d",
    "categories": {
        "c": {
            "description": "a sum",
            "items": [
                {
                    "name": "result",
                    "weight": 0.5,
                    "kind": "source",
                    "description": "The result.",
                    "source": "math.symbolic",
                },
                {"name": "way", "weight": 0.5, "kind": "critique", "description": "The way."},
            ],
        }
    },
}


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs/rubrics.md").read_text()


def test_a_worker_opens_the_judge_and_the_sources_of_its_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    entry: dict[str, Any] = {"use": "judge.rubric", "rubric": RUBRIC, "deadline_s": 60}
    samples = [
        Sample(prompt="2+2?", completion=r"\boxed{4}", ground_truth="4"),
        Sample(prompt="2+2?", completion=r"\boxed{5}", ground_truth="4"),
        Sample(prompt="2+2?", completion=r"\boxed{4}"),
    ]
    with Scorer({"sources": [{**entry, "judge_from": "worker_judge:make"}]}) as scorer:
        right, wrong, lacking = scorer.score(samples)
        again = scorer.score(samples)
    # barred: 2 (.5 τ1 · 1 + .5 · .8 · .5) / 1.5
    assert right.value == pytest.approx(2 * (0.5 + 0.2) / 1.5, abs=1e-12)
    assert wrong.value == pytest.approx(2 * 0.2 / 1.5, abs=1e-12)
    assert lacking.status is Status.BAD_REFERENCE
    assert [r.value for r in again] == [right.value, wrong.value, None]
    verdict = right.verdicts["judge.rubric"]
    assert verdict.cost["asks"] == 2.0
    assert verdict.evidence["judge"] == "eight 1"


def test_a_judge_that_cannot_be_had_fails_the_samples() -> None:
    entry = {"use": "judge.rubric", "rubric": RUBRIC, "judge_from": "no_such_module:make"}
    with Scorer({"sources": [entry]}) as scorer:
        reward = scorer.score([Sample(prompt="q", completion="a", ground_truth="4")])[0]
    assert reward.value is None
    assert reward.status is Status.FAILED
    assert "judge_from: 'no_such_module:make'" in reward.verdicts["judge.rubric"].reason


def test_the_examples_of_the_docs_can_be_read(page: str) -> None:
    recipe, rubric = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    entry = recipe["sources"][0]
    RubricJudge.read({key: entry[key] for key in ("rubric", "judge")})
    found = load_rubric(rubric)
    used = [i.source for c in found.categories.values() for i in c.items if i.source is not None]
    for source in used:
        Registry.load().sources[source.use].read(source.settings)
    assert used


def test_the_docs_count_the_attacks_and_name_the_settings(page: str) -> None:
    assert f"runs {len(ATTACKS)} attacks" in page
    missing = [name for name in RubricJudge.config.model_fields if f"`{name}`" not in page]
    assert missing == []
