"""math.symbolic touches nothing: no file, process, socket or code comes out of an answer.

A process of its own watches itself by an audit hook, after everything is loaded and warm. Also
here: verdicts do not depend on the order of a batch or the number of workers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from audit.cases import cases

from assay import Sample, Scorer

HERE = Path(__file__).resolve().parent
WATCHED = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
from audit.fuzz import fuzzed
from audit.hostile import hostile
import assay.verifiers.math.warm
from assay.core.types import Sample
from assay.verifiers.math.symbolic import math_symbolic

judge = math_symbolic.open({})
pairs = [(case.gold, case.completion) for case in hostile()]
pairs += fuzzed(int(sys.argv[2]), seed=7)
for gold, completion in [*fuzzed(300, seed=1), *pairs[:1]]:
    judge(Sample(completion=completion, ground_truth=gold).view("answer"))

LOADED = (".py", ".pyc", ".so")
ACTS = ("open", "exec", "compile", "os.", "subprocess", "socket", "shutil", "ctypes", "import")
seen, watching = [], True

def watch(event, args):
    if not watching or not event.startswith(ACTS):
        return
    what = str(args[0]) if args else ""
    loading = event in ("import", "exec", "compile", "os.listdir", "os.scandir") and (
        event != "compile" or str(args[1]).endswith(LOADED)
    )
    if not loading and not (event == "open" and what.endswith(LOADED)):
        seen.append([event, repr(args)[:200]])

sys.addaudithook(watch)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
statuses = set()
for gold, completion in pairs:
    verdict = judge(Sample(completion=completion, ground_truth=gold).view("answer"))
    statuses.add(verdict.status.value)
watching = False
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps({"seen": seen[:20], "statuses": sorted(statuses), "grown_mb": grown,
                  "count": len(pairs)}))
"""


def test_answers_open_no_file_and_start_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(HERE), "1000"],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["seen"] == []
    assert set(told["statuses"]) <= {"scored", "abstained"}
    assert told["count"] > 1000
    assert told["grown_mb"] < 50


@pytest.fixture(scope="module")
def some() -> list[Sample]:
    """Every eleventh case of the tables."""
    return [Sample(completion=c.completion, ground_truth=c.gold, id=c.id) for c in cases()[::11]]


def test_neither_order_nor_workers_matter(some: list[Sample]) -> None:
    found = []
    for workers, batch in ((1, some), (2, some[::-1]), (2, some + some)):
        with Scorer({"sources": ["math.symbolic"]}, workers=workers) as scorer:
            rewards = scorer.score(batch)
        found.append(
            {
                sample.id: (reward.value, reward.verdicts["math.symbolic"].reason)
                for sample, reward in zip(batch, rewards, strict=True)
            }
        )
    assert found[0] == found[1] == found[2]
