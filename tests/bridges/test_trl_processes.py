"""A TRL reward function by dotted path, in other processes, threads and event loops."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import assay.bridges.trl as bridge
from assay.bridges.scorers import close_scorers
from assay.bridges.trl import TrlReward, reward_func

PLUGIN = str(Path(__file__).with_name("demo_sources.py"))
RECIPE = {"name": "demo", "plugins": [PLUGIN], "sources": ["demo.equal"]}
PERILOUS = {
    "name": "demo",
    "plugins": [PLUGIN],
    "sources": [{"use": "demo.perilous", "workers": 1}],
}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    bridge._said.clear()
    bridge._names.clear()
    yield
    close_scorers()


def call(reward: TrlReward, completions: list[Any], **more: Any) -> list[float | None]:
    """The function as TRL calls it, with one prompt for all."""
    return reward(prompts=["p"] * len(completions), completions=completions, **more)


# trl grpo --reward_funcs ----------------------------------------------------------------------


def test_a_recipe_by_dotted_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("sources: [math.exact]\n", encoding="utf-8")
    monkeypatch.setenv("ASSAY_RECIPE", str(path))
    assert bridge.recipe.__name__ == "run"
    monkeypatch.delenv("ASSAY_RECIPE")
    with pytest.raises(AttributeError, match="set ASSAY_RECIPE"):
        _ = bridge.recipe


def test_a_source_by_dotted_path() -> None:
    reward = bridge.math_exact
    assert reward.__name__ == "math.exact"
    assert call(reward, ["\\boxed{4}"], answer=["4"]) == [1.0]


@pytest.mark.parametrize("name", ["math_exat", "nothing", "_private", "__wrapped__"])
def test_other_attributes_are_absent(name: str) -> None:
    assert not hasattr(bridge, name)


# processes, threads, loops --------------------------------------------------------------------


@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
def test_it_can_be_pickled(used: bool) -> None:
    reward = reward_func(RECIPE)
    if used:
        call(reward, ["4"], solution=["4"])
    twin = pickle.loads(pickle.dumps(reward))
    assert twin == reward
    assert twin.__name__ == "demo"
    assert call(twin, ["4", "5"], solution=["4", "4"]) == [1.0, 0.0]


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_it_works_in_another_process(method: str) -> None:
    """As AsyncGRPO does (spawn), and as data loaders do (fork) with the parent's scorer open."""
    reward = reward_func(PERILOUS)
    assert call(reward, ["good"]) == [1.0]
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        there = pool.submit(reward, prompts=["p", "p"], completions=["good", "bad"])
        assert there.result(60) == [1.0, 0.0]
    assert call(reward, ["good", "bad"]) == [1.0, 0.0]


def test_it_works_from_threads_and_loops() -> None:
    reward = reward_func(PERILOUS)
    found: dict[int, list[float | None]] = {}

    def work(number: int) -> None:
        found[number] = call(reward, ["good", "bad"] * number)

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {n: [1.0, 0.0] * n for n in (1, 2, 3)}

    async def inside() -> tuple[list[float | None], list[float | None]]:
        return call(reward, ["good"]), await asyncio.to_thread(call, reward, ["bad"])

    assert asyncio.run(inside()) == ([1.0], [0.0])


def test_close_and_go_on() -> None:
    reward = reward_func(PERILOUS)
    assert call(reward, ["good"]) == [1.0]
    reward.close()
    assert call(reward, ["good"]) == [1.0]


def test_a_split_group_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reward = reward_func({**RECIPE, "sources": ["demo.rank", "demo.short"]})
    assert reward.compares == ("demo.rank",)
    with caplog.at_level(logging.WARNING):
        assert call(reward, ["aa", "a"]) == [2.0, 1.0]
        assert "ranks" not in caplog.text
        monkeypatch.setattr(bridge, "_world_size", lambda: 2)
        call(reward, ["aa", "a"])
        call(reward, ["aa", "a"])
    assert caplog.text.count("demo.rank compares the completions of a group") == 1


@pytest.mark.parametrize("heavy", ["torch", "transformers", "trl", "datasets", "numpy", "pandas"])
def test_the_bridge_is_light(heavy: str) -> None:
    code = f"import sys, assay.bridges.trl; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
