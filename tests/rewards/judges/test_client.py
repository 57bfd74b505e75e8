"""The client against the test server: faults, retries, the bill, the cache, the record."""

from __future__ import annotations

import asyncio
import email.utils
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import ConfigError
from assay.core.settings import read_settings
from assay.rewards.judges.client import Client, open_judge
from assay.rewards.judges.contract import (
    Ask,
    BudgetSpent,
    Judge,
    JudgeError,
    JudgeRefused,
    JudgeReplyError,
    Scale,
)
from assay.rewards.judges.openai_server import retry_after
from assay.rewards.judges.scoring import Scored, ask_for_score
from assay.rewards.judges.settings import JudgeSettings

from .conftest import JudgeServer

UNIT = Scale()
FAST = {"backoff_s": 0.001, "longest_backoff_s": 0.01, "timeout_s": 2.0}


def judge(server: JudgeServer, **settings: Any) -> Client:
    given = {"model": "rules", "base_url": server.url, **FAST, **settings}
    return open_judge(read_settings(JudgeSettings, given, "judge"))


def question(grade: float, number: int = 0) -> Ask:
    content = f"question {number}: GRADE={grade}"
    return Ask(
        messages=({"role": "user", "content": content},), schema=UNIT.schema(), max_tokens=50
    )


def score(client: Client, ask: Ask, **more: Any) -> Scored:
    async def run() -> Scored:
        async with client:
            return await ask_for_score(client, ask, UNIT, **more)

    return asyncio.run(run())


def test_a_score_comes_back_with_its_bill(server: JudgeServer) -> None:
    client = judge(server, prices={"in_per_million": 1e6, "out_per_million": 2e6})
    got = score(client, question(0.7))
    stats = server.stats()
    assert (got.score.score, got.score.confidence, got.score.reasoning) == (0.7, 0.9, "by the rule")
    assert (got.reply.tokens_in, got.reply.tokens_out) == (
        stats["tokens_in"],
        stats["tokens_out"],
    )
    assert got.reply.money == stats["tokens_in"] + 2 * stats["tokens_out"]
    sent = stats["bodies"][0]
    assert sent["response_format"]["json_schema"]["schema"] == UNIT.schema()
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("rules", 0.0, 50)


@pytest.mark.parametrize(
    "kind", ["429", "500", "cut", "cut-in-body", "invalid-json", "empty", "slow"]
)
def test_a_fault_that_passes_costs_an_attempt(server: JudgeServer, kind: str) -> None:
    server.settings(faults=[kind], fault_first=2, slow_s=1.0)
    got = score(judge(server, timeout_s=0.15), question(0.7))
    stats = server.stats()
    assert got.score.score == 0.7
    assert stats["requests"] == 3
    assert got.reply.tokens_in == stats["tokens_in"], "an empty reply is billed too"


@pytest.mark.parametrize(
    ("kind", "error", "requests"),
    [
        pytest.param("429", JudgeError, 3, id="busy-for-ever"),
        pytest.param("500", JudgeError, 3, id="broken-for-ever"),
        pytest.param("cut", JudgeError, 3, id="cut-for-ever"),
        pytest.param("invalid-json", JudgeError, 3, id="not-json-for-ever"),
        pytest.param("empty", JudgeError, 3, id="silent-for-ever"),
        pytest.param("401", JudgeError, 1, id="no-such-key"),
        pytest.param("quota", JudgeError, 1, id="account-is-empty"),
        pytest.param("wrong-schema", JudgeReplyError, 2, id="wrong-schema-for-ever"),
        pytest.param("rubbish", JudgeReplyError, 2, id="rubbish-for-ever"),
    ],
)
def test_a_fault_that_stays_is_an_error(
    server: JudgeServer, kind: str, error: type[JudgeError], requests: int
) -> None:
    server.settings(faults=[kind], fault_first=10**6)
    with pytest.raises(error) as caught:
        score(judge(server, retries=2), question(1.0))
    stats = server.stats()
    assert stats["requests"] == requests
    assert caught.value.tokens_in == stats["tokens_in"], "the error says what was billed"


def test_a_reply_of_the_wrong_schema_is_asked_for_again(server: JudgeServer) -> None:
    server.settings(faults=["wrong-schema"], fault_first=1)
    got = score(judge(server), question(0.4))
    assert (got.score.score, got.asked) == (0.4, 2)
    assert got.reply.tokens_in == server.stats()["tokens_in"]


def test_the_deadline_ends_an_ask(server: JudgeServer) -> None:
    server.settings(faults=["500"], fault_first=10**6)
    client = judge(server, retries=1000, deadline_s=0.3, backoff_s=0.05, longest_backoff_s=0.05)
    started = time.perf_counter()
    with pytest.raises(JudgeError, match=r"deadline_s = 0.3; the last fault: .*status 500"):
        score(client, question(1.0))
    assert time.perf_counter() - started < 10.0  # 1,000 tries take 50


def test_retry_after_is_honoured(server: JudgeServer) -> None:
    server.settings(faults=["429"], fault_first=1, retry_after="0.4")
    assert score(judge(server), question(0.7)).score.score == 0.7
    first, second = server.stats()["at"]
    assert second - first >= 0.4


def test_a_wait_beyond_the_deadline_is_not_begun(server: JudgeServer) -> None:
    server.settings(faults=["429"], fault_first=1, retry_after="3600")
    started = time.perf_counter()
    with pytest.raises(JudgeError, match="status 429"):
        score(judge(server, deadline_s=30.0), question(0.7))
    assert time.perf_counter() - started < 5


def test_half_a_character_is_sent_as_a_question_mark(server: JudgeServer) -> None:
    ask = Ask(messages=({"role": "user", "content": "\ud800 GRADE=0.3"},))
    assert score(judge(server), ask).score.score == 0.3
    assert server.stats()["bodies"][0]["messages"][0]["content"] == "? GRADE=0.3"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"retry-after": "3"}, 3.0, id="seconds"),
        pytest.param({"retry-after": "3", "retry-after-ms": "250"}, 0.25, id="milliseconds"),
        pytest.param({"retry-after": "Sat, 01 Jan 2000 00:00:00 GMT"}, 0.0, id="a-past-date"),
        pytest.param({"retry-after": "nan"}, None, id="not-a-number"),
        pytest.param({"retry-after": "-5"}, None, id="negative"),
        pytest.param({"retry-after": "soon"}, None, id="words"),
        pytest.param({"retry-after": "9" * 400}, None, id="endless"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    seconds = retry_after({"retry-after": date})
    assert seconds is not None
    assert 95 < seconds <= 100


def test_a_server_without_schemas_is_asked_in_words(server: JudgeServer) -> None:
    server.settings(json_schema=False)

    async def run() -> list[float]:
        async with judge(server) as client:
            asks = [ask_for_score(client, question(i / 10, i), UNIT) for i in range(10)]
            return [got.score.score for got in await asyncio.gather(*asks)]

    assert asyncio.run(run()) == [i / 10 for i in range(10)]
    stats = server.stats()
    assert stats["requests"] == 11, "one request found out for all"
    assert "JSON schema" in stats["bodies"][1]["messages"][0]["content"]


def test_a_server_that_renamed_the_limit_is_understood(server: JudgeServer) -> None:
    server.settings(legacy_limit=False)
    assert score(judge(server), question(0.7)).score.score == 0.7
    assert server.stats()["bodies"][1]["max_completion_tokens"] == 50


def test_a_refusal_is_no_grade_and_is_not_asked_again(server: JudgeServer) -> None:
    server.settings(finish="content_filter")
    with pytest.raises(JudgeRefused):
        score(judge(server), question(1.0))
    assert server.stats()["requests"] == 1


def test_a_reply_that_was_cut_off_is_no_grade(server: JudgeServer) -> None:
    server.settings(finish="length")
    with pytest.raises(JudgeReplyError, match="max_tokens"):
        score(judge(server), question(1.0))


def test_tokens_are_estimated_where_the_server_does_not_count(server: JudgeServer) -> None:
    server.settings(usage=False)
    got = score(judge(server), question(0.7))
    assert got.reply.tokens_in > 0
    assert got.reply.tokens_out > 0


def test_no_more_asks_than_slots_are_on_their_way(server: JudgeServer) -> None:
    server.settings(latency_s=0.05)

    async def run() -> None:
        async with judge(server, concurrency=3) as client:
            await client.ask(question(0.1))
            await asyncio.gather(*(client.ask(question(0.1, i)) for i in range(1, 10)))

    asyncio.run(run())
    assert server.stats()["most_at_once"] == 3


def test_all_slots_are_used(server: JudgeServer) -> None:
    server.settings(latency_s=0.1)

    async def run() -> float:
        async with judge(server, concurrency=32) as client:
            await client.ask(question(0.1))
            started = time.perf_counter()
            await asyncio.gather(*(client.ask(question(0.1, i)) for i in range(1, 97)))
            return time.perf_counter() - started

    assert 0.3 <= asyncio.run(run()) < 1.5, "one after the other it is 9.6 s"


def test_the_key_goes_to_the_server_and_nowhere_else(
    server: JudgeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", "sk-secret")
    server.settings(faults=["500"], fault_first=1)
    score(judge(server, api_key_env="JUDGE_KEY", folder=str(tmp_path)), question(0.7))
    assert server.stats()["headers"][0]["authorization"] == "Bearer sk-secret"
    for path in tmp_path.iterdir():
        assert b"sk-secret" not in path.read_bytes()


def test_every_attempt_is_recorded(server: JudgeServer, tmp_path: Path) -> None:
    server.settings(faults=["500", "empty"], fault_first=2)
    prices = {"in_per_million": 1e6}
    score(judge(server, folder=str(tmp_path), prices=prices), question(0.7))
    text = (tmp_path / "judge_calls.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["attempt"] for line in lines] == [0, 1, 2]
    assert [bool(line["fault"]) for line in lines] == [True, True, False]
    assert sum(line["money"] for line in lines) == server.stats()["tokens_in"]
    assert lines[2]["messages"][0]["content"] == "question 0: GRADE=0.7"
    assert '"score": 0.7' in lines[2]["text"]
    assert lines[2]["seconds"] > 0


def test_a_second_run_is_served_from_the_cache(server: JudgeServer, tmp_path: Path) -> None:
    first = score(judge(server, folder=str(tmp_path)), question(0.7))
    again = score(judge(server, folder=str(tmp_path)), question(0.7))
    assert again.score == first.score
    assert (first.reply.cached, again.reply.cached) == (False, True)
    assert (again.reply.tokens_in, again.reply.tokens_out, again.reply.money) == (0, 0, 0)
    assert server.stats()["requests"] == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"model": "other"}, id="model"),
        pytest.param({"revision": "2"}, id="revision"),
        pytest.param({"extra_body": {"top_p": 0.5}}, id="extra-body"),
        pytest.param({"cache": False}, id="no-cache"),
    ],
)
def test_another_judge_is_asked_anew(
    server: JudgeServer, tmp_path: Path, change: dict[str, Any]
) -> None:
    score(judge(server, folder=str(tmp_path)), question(0.7))
    score(judge(server, folder=str(tmp_path), **change), question(0.7))
    assert server.stats()["requests"] == 2


def test_a_reply_that_could_not_be_read_is_not_served_again(
    server: JudgeServer, tmp_path: Path
) -> None:
    server.settings(faults=["rubbish"], fault_first=2)
    with pytest.raises(JudgeReplyError):
        score(judge(server, folder=str(tmp_path)), question(0.7))
    assert score(judge(server, folder=str(tmp_path)), question(0.7)).score.score == 0.7


def test_a_damaged_cache_costs_the_cache_alone(
    server: JudgeServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "judge_replies.db").write_bytes(b"not a database" * 1000)
    assert score(judge(server, folder=str(tmp_path)), question(0.7)).score.score == 0.7
    assert "given up" in caplog.text


def test_a_budget_stops_before_the_next_request(server: JudgeServer, tmp_path: Path) -> None:
    client = judge(server, folder=str(tmp_path), budget={"tokens": 100})

    async def run() -> None:
        async with client:
            for number in range(100):
                await client.ask(question(0.7, number))

    with pytest.raises(BudgetSpent, match=r"judge\.budget\.tokens"):
        asyncio.run(run())
    spent = client.spent()
    stats = server.stats()
    assert spent is not None
    assert spent.tokens == stats["tokens_in"] + stats["tokens_out"]
    assert spent.replies == stats["requests"]
    each = (stats["tokens_in"] + stats["tokens_out"]) / stats["requests"]
    assert 100 <= stats["tokens_in"] + stats["tokens_out"] < 100 + each


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"base_url": "ftp://x/v1"}, "http", id="not-http"),
        pytest.param({"base_url": "http://a:b@x/v1"}, "api_key_env", id="password-in-address"),
        pytest.param({"budget": {"tokens": 5}}, "folder", id="budget-without-a-home"),
        pytest.param({"budget": {"money": 5}, "folder": "/x"}, "prices", id="money-without-prices"),
        pytest.param({"retry": 5}, "retries", id="unknown-key"),
        pytest.param({"model": ""}, "model", id="no-model"),
        pytest.param({"timeout_s": 0}, "timeout_s", id="no-time"),
        pytest.param({"rates": {"requests_per_minute": 0}}, "requests_per", id="no-rate"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any], message: str) -> None:
    given = {"model": "m", "base_url": "http://x/v1", **settings}
    with pytest.raises(ConfigError, match=message):
        read_settings(JudgeSettings, given, "judge")


def test_a_key_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        open_judge(JudgeSettings(model="m", base_url="http://x/v1", api_key_env="NO_SUCH_KEY"))


def test_a_server_that_is_not_there_is_an_error() -> None:
    settings = JudgeSettings(model="m", base_url="http://127.0.0.1:9/v1", retries=0)
    with pytest.raises(JudgeError, match="is it running"):
        score(open_judge(settings), question(1.0))


def test_what_is_opened_is_a_judge() -> None:
    assert isinstance(open_judge(JudgeSettings(model="m", base_url="http://x/v1")), Judge)
    assert isinstance(open_judge(JudgeSettings(model="m")), Judge)


def test_opening_a_judge_loads_nothing_heavy() -> None:
    code = (
        "import sys; from assay.rewards.judges.client import open_judge;"
        "from assay.rewards.judges.settings import JudgeSettings as S; open_judge(S(model='m'));"
        "print(sorted({'torch', 'transformers', 'aiohttp'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("[]\n", "")
