"""A judge's client as the generator of a search, against the test server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from assay import Sample, Scorer
from assay.core.errors import ConfigError
from assay.core.generation import Wanted, Written
from assay.core.settings import read_settings
from assay.offline.search import Limits, Stepwise, beam, best_of_n
from assay.rewards.judges.client import Client, open_judge
from assay.rewards.judges.generator import JudgeGenerator
from assay.rewards.judges.settings import JudgeSettings

from .conftest import JudgeServer

CHAT = [{"role": "system", "content": "Add."}, {"role": "user", "content": "2+2?"}]


def client(server: JudgeServer, **settings: Any) -> Client:
    given = {"model": "m", "base_url": server.url, "backoff_s": 0.001, "retries": 0, **settings}
    return open_judge(read_settings(JudgeSettings, given, "judge"))


def test_a_server_writes_what_a_search_wants(server: JudgeServer) -> None:
    server.settings(text=r"so \boxed{4}")
    with (
        JudgeGenerator(client(server), instructions="Think.") as generate,
        Scorer("math.exact") as s,
    ):
        found = best_of_n(Sample(prompt="2+2?", ground_truth="4"), generate, s, n=3)
    assert (found.passed, found.spent.calls, found.spent.batches) == (True, 3, 1)
    bodies = server.stats()["bodies"]
    assert [message["role"] for message in bodies[0]["messages"]] == ["system", "user"]
    assert len({body["seed"] for body in bodies}) == 3
    assert {body["temperature"] for body in bodies} == {0.8}
    assert found.spent.tokens == server.stats()["tokens_out"]


def test_a_beginning_is_a_last_message_for_the_client_that_continues(server: JudgeServer) -> None:
    server.settings(text="one\n\ntwo")
    more = client(server, extra_body={"continue_final_message": True})
    wanted = [Wanted(prompt=CHAT, greedy=True), Wanted(prompt=CHAT, beginning="so ", max_tokens=5)]
    with JudgeGenerator(client(server), continues=more, instructions="Think.") as generate:
        written = generate(wanted)
        steps = Stepwise(generate)([Wanted(prompt="q", until="step")])
    assert written[1] == Written("one\n\ntwo", tokens=2)
    assert steps[0].text == "one\n\n"
    first, second = sorted(server.stats()["bodies"][:2], key=lambda body: len(body["messages"]))
    assert first["messages"] == CHAT
    assert first["temperature"] == 0.0
    assert second["messages"][-1] == {"role": "assistant", "content": "so "}
    assert (second["continue_final_message"], second["max_tokens"]) == (True, 5)
    assert "continue_final_message" not in first


def test_faults_of_the_server_are_lost_continuations(server: JudgeServer) -> None:
    server.settings(faults=["500"], fault_first=2, text=r"\boxed{4}")
    with JudgeGenerator(client(server)) as generate, Scorer("math.exact") as judge:
        found = best_of_n(Sample(prompt="2+2?", ground_truth="4"), generate, judge, n=4)
        server.settings(faults=["500"], fault_share=1.0)
        nothing = beam(Sample(prompt="2+2?"), Stepwise(generate), judge, n=2, width=1)
    assert (found.passed, found.spent.lost) == (True, 2)
    assert generate.faults == {"JudgeError": 4}
    assert nothing.reason == "the generator gave none of 2 continuations"


def test_cut_replies_and_budgets_of_tokens(server: JudgeServer) -> None:
    server.settings(text="a b c d", finish="length")
    limits = Limits(max_tokens=10, tokens_each=4)
    with JudgeGenerator(client(server)) as generate, Scorer("math.exact") as judge:
        sample = Sample(prompt="2+2?", ground_truth="4")
        found = best_of_n(sample, generate, judge, n=4, limits=limits)
    assert (found.spent.calls, found.spent.tokens) == (2, 8)
    assert found.candidates[0].sample.truncated


def test_it_says_where_it_may_be_called(server: JudgeServer) -> None:
    with JudgeGenerator(client(server)) as generate:

        async def inside() -> None:
            generate([Wanted(prompt="q")])

        with pytest.raises(ConfigError, match="in a thread of its own"):
            asyncio.run(inside())
