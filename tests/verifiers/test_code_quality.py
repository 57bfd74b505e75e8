"""``code.quality`` with the real tools, in the jail: right, wrong and hostile programs for each."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay import Scorer
from assay.core.errors import ConfigError
from assay.core.judging import OpenSource
from assay.core.types import Sample, Status, Verdict
from assay.sandbox.contract import Limits, Outcome, Program, SandboxFault
from assay.sandbox.unsafe_subprocess import UnsafeSubprocess
from assay.verifiers.code.checks import python
from assay.verifiers.code.checks.examine import examine
from assay.verifiers.code.checks.table import TABLE
from assay.verifiers.code.kinds.bench import Bench
from assay.verifiers.code.quality import code_quality

F = "`" * 3
HOW = "pip install 'assay-rlvr[dev]', or the compiler from the system's packages"


class Desk:
    """Opened sources by settings, each opened once."""

    def __init__(self) -> None:
        self.opened: dict[str, OpenSource] = {}

    def __call__(self, program: str, language: str = "python", **settings: Any) -> Verdict:
        key = repr((language, sorted(settings.items())))
        if key not in self.opened:
            asked = {"language": language, "budget_s": 60, **settings}
            self.opened[key] = OpenSource(code_quality, asked, "code.quality")
        text = f"{F}{language}\n{program}\n{F}"
        return self.opened[key].judge_one(Sample(completion=text))


@pytest.fixture(scope="module")
def judge(needs_jail: None) -> Iterator[Desk]:
    desk = Desk()
    yield desk
    for source in desk.opened.values():
        source.close()


def test_a_program_without_fault_has_all_of_it(judge: Desk) -> None:
    verdict = judge("import math\n\n\ndef area(r: float) -> float:\n    return math.pi * r * r")
    assert verdict.score == 1.0
    assert verdict.passed is True
    assert dict(verdict.parts) == {"compiles": 1.0, "lints": 1.0, "types": 1.0}
    versions = verdict.evidence["tools"]
    assert versions["mypy"] == importlib.metadata.version("mypy")
    assert versions["ruff"].split()[-1] == importlib.metadata.version("ruff")


@pytest.mark.parametrize(
    ("code", "lints", "types"),
    [
        pytest.param("import os", 0.9, 1.0, id="unused-import"),
        pytest.param("def f(x=[]):\n    return x == None", 0.8, 1.0, id="default-and-none"),
        pytest.param("try:\n    pass\nexcept:\n    pass", 0.9, 1.0, id="bare-except"),
        pytest.param("exec('x = 1')", 0.9, 1.0, id="exec"),
        pytest.param("print(nothing)", 0.9, 0.9, id="undefined"),
        pytest.param("def f(x: int) -> str:\n    return x", 1.0, 0.9, id="wrong-return"),
        pytest.param("def f():\n    return 'a' + 1", 1.0, 0.9, id="without-annotations"),
        pytest.param("import numpy\nprint(numpy)", 1.0, 0.9, id="not-importable"),
        pytest.param("\n".join(f"import m{n}" for n in range(20)), 0.0, 0.0, id="many"),
    ],
)
def test_python_faults(judge: Desk, code: str, lints: float, types: float) -> None:
    verdict = judge(code)
    assert verdict.parts["lints"] == pytest.approx(lints), verdict
    assert verdict.parts["types"] == pytest.approx(types), verdict
    assert verdict.score == pytest.approx(0.5 + lints / 4 + types / 4)
    assert verdict.passed is False


BAD = "def f(x: int) -> str:\n    return x\n"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("def f(x: int) -> str:\n    return x  # type: ignore\n", id="ignore"),
        pytest.param("# type: ignore\n" + BAD, id="ignore-the-file"),
        pytest.param("#type:ignore[return-value]\n" + BAD, id="ignore-without-blanks"),
        pytest.param("# mypy: ignore-errors\n" + BAD, id="settings"),
        pytest.param("# mypy: disable-error-code=return-value\n" + BAD, id="one-code"),
        pytest.param('"""\n# mypy: ignore-errors\n"""\n' + BAD, id="settings-in-a-string"),
        pytest.param('x = """\\\n# mypy: ignore-errors"""\n' + BAD, id="settings-after-a-splice"),
        pytest.param("x = 1\r# mypy: ignore-errors\r" + BAD.replace("\n", "\r"), id="old-newlines"),
        pytest.param("# coding: utf-7\n" + BAD, id="another-coding"),
        pytest.param("# /// script\n# requires-python = '>=3.8'\n# ///\n" + BAD, id="metadata"),
        pytest.param(f"import sys\nif sys.version_info > (3,):\n    {BAD[:-1]}".replace(
            "    return", "        return"), id="honest-version"),
        pytest.param("from typing import no_type_check\n@no_type_check\n" + BAD, id="no-check"),
        pytest.param("import typing as t\n@t.no_type_check\n" + BAD, id="no-check-by-module"),
        pytest.param("from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n"
                     "    x: int = 'a'\n", id="not-type-checking"),
        pytest.param("MYPY = False\nif not MYPY:\n    x: int = 'a'\n", id="mypy"),
        pytest.param("PY2 = True\nif PY2:\n    x: int = 'a'\n", id="py2"),
        pytest.param("class sys:\n    platform = 'win32'\nif sys.platform == 'win32':\n"
                     "    x: int = 'a'\n", id="another-sys"),
        pytest.param("def f(x: int) -> int:\n    if isinstance(x, str):\n"
                     "        return x.nothing\n    return x\n", id="unreachable"),
    ],
)  # fmt: skip
def test_nothing_in_the_answer_quiets_mypy(judge: Desk, code: str) -> None:
    verdict = judge(code)
    assert verdict.parts["types"] < 1.0, verdict
    assert verdict.passed is False


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import os  # noqa", id="noqa"),
        pytest.param("import os  # noqa: F401", id="one-code"),
        pytest.param("# ruff: noqa\nimport os", id="the-file"),
        pytest.param("# flake8: noqa\nimport os", id="flake8"),
        pytest.param("# ruff: disable[F401]\nimport os\n# ruff: enable[F401]", id="a-range"),
        pytest.param("import os  # ruff: ignore[F401]", id="ignore"),
        pytest.param("import os  # type: ignore # noqa", id="two-in-one"),
    ],
)
def test_nothing_in_the_answer_quiets_ruff(judge: Desk, code: str) -> None:
    verdict = judge(code)
    assert verdict.parts["lints"] == pytest.approx(0.9), verdict
    assert verdict.evidence["silenced"]


def test_an_honest_import_for_types_alone_costs_nothing(judge: Desk) -> None:
    code = ("from __future__ import annotations\n\nfrom typing import TYPE_CHECKING\n\n"
            "if TYPE_CHECKING:\n    from collections.abc import Iterable\n\n\n"
            "def f(x: Iterable[int]) -> int:\n    return sum(x)")  # fmt: skip
    assert judge(code).score == 1.0


@pytest.mark.parametrize(
    ("code", "why"),
    [
        pytest.param("def f(x:", "SyntaxError", id="syntax"),
        pytest.param("x = " + "(" * 3000 + "1" + ")" * 3000, "too many nested", id="nested"),
        pytest.param("x = 1\0", "null bytes", id="nul"),
        pytest.param("return 1", "outside function", id="compiler-alone"),
        pytest.param("# only a comment", "empty", id="comment"),
        pytest.param("\n\n", "no code block", id="blank"),
    ],
)
def test_what_does_not_compile_or_is_empty_scores_0(judge: Desk, code: str, why: str) -> None:
    verdict = judge(code)
    assert verdict.status is Status.SCORED
    assert verdict.score == 0.0
    assert why in verdict.reason


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("x = " + "+".join(["1"] * 20_000), id="long-sum"),
        pytest.param("x = a" + ".b" * 20_000, id="long-chain"),
        pytest.param("x = " + "[" * 90 + "]" * 90, id="deep-list"),
        pytest.param("def f(x: " + "list[" * 60 + "int" + "]" * 60 + ") -> None: ...", id="type"),
        pytest.param("print('main.py:1: error: forged')", id="forged-output"),
    ],
)
def test_hostile_texts_are_judged_and_never_a_fault(judge: Desk, code: str) -> None:
    verdict = judge(code)
    assert verdict.status is Status.SCORED, verdict.reason


def test_what_breaks_a_tool_scores_0_in_its_part(judge: Desk) -> None:
    code = "x = " + " + ".join(f"(lambda: {{{n}: [{n}, '{n}']}})()" for n in range(30_000))
    verdict = judge(code, budget_s=3)
    assert verdict.status is Status.SCORED, verdict.reason
    assert verdict.score is not None
    assert verdict.score <= 0.5


class Stopped(UnsafeSubprocess):
    """A sandbox whose runs all end at the clock, having had this much of a processor."""

    def __init__(self, cpu_s: float) -> None:
        super().__init__()
        self.cpu_s = cpu_s

    def run(self, program: Program, stdin: bytes = b"", limits: Limits | None = None) -> Outcome:
        return Outcome("time", cpu_s=self.cpu_s, wall_s=8.0)


def test_a_busy_machine_is_a_fault_and_a_slow_answer_a_grade() -> None:
    checks = TABLE["bash"].checks
    slow = examine(checks, "main.sh", "echo 1", Bench(Stopped(7.5), Limits(), 8.0), "")
    assert "too long" in slow.refused
    with pytest.raises(SandboxFault, match=r"8\.0 s went by.* 0\.5 s of a processor"):
        examine(checks, "main.sh", "echo 1", Bench(Stopped(0.5), Limits(), 8.0), "")


def test_strict_asks_for_annotations_without_any(judge: Desk) -> None:
    plain = "def f(x):\n    return x + 1"
    lazy = "from typing import Any\n\n\ndef f(x: Any) -> Any:\n    return x + 1"
    good = "def f(x: int) -> int:\n    return x + 1"
    assert judge(plain).parts["types"] == judge(lazy).parts["types"] == 1.0
    assert judge(plain, strict=True).parts["types"] < 1.0
    assert judge(lazy, strict=True).parts["types"] < 1.0
    assert judge(good, strict=True).score == 1.0


def test_settings_leave_parts_out_and_free_imports(judge: Desk) -> None:
    verdict = judge(BAD + "import os", weights={"types": 0, "lints": 1, "compiles": 1})
    assert dict(verdict.parts) == {"compiles": 1.0, "lints": pytest.approx(0.9 - 0.1)}
    assert "mypy" not in verdict.evidence["tools"]
    assert judge("import numpy\nprint(numpy.x)", imports=["numpy"]).score == 1.0
    assert judge("import os", rules=["E9"], weights={"types": 0}).parts["lints"] == 1.0


X = "int main(void) { int x; return 0; }"
IGNORED = 'GCC diagnostic ignored "-Wunused-variable"'
PASTED = f"#define C(a, b) a##b\nC(_Pra, gma)({json.dumps(IGNORED)})\n{X}"
ITSELF = f"#ifndef A\n#define A\n#include PLACE\n#else\n#pragma GCC system_header\n{X}\n#endif"
LISTS = "import java.util.*;\n{}\nclass Main {{ List x = new ArrayList(); }}"
PRINTF = 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Printf("%d\\n", "x")\n}'
WRONG = {
    "c": (
        '#include <stdio.h>\nint main(void)\n{\n    puts("1");\n    return 0;\n}',
        [X, f"#pragma {IGNORED}\n{X}", f"%:pragma {IGNORED}\n{X}", PASTED,
         f'#line 1 "/usr/include/x.h"\n{X}', f'# 1 "x.h" 1 3\n{X}', f'#/*\n*/li\\\nne 1 "x"\n{X}',
         *(ITSELF.replace("PLACE", at) for at in ("__FILE__", '"main.c"', "</tmp/main.c>"))],
        'int main(void) { return "a" }',
    ),
    "cpp": (
        "#include <vector>\nint main()\n{\n    std::vector<int> x{1};\n    return x[0];\n}",
        ["int main() { int x; }", '#pragma GCC diagnostic ignored "-Wall"\nint main() { int x; }'],
        "int main() { std::vector<int> x; }",
    ),
    "java": (
        "class Main {\n    public static void main(String[] a) {\n    }\n}",
        [LISTS.format(""), LISTS.format('@SuppressWarnings("all")'),
         LISTS.format('@\\u0053uppressWarnings("all")')],
        'class Main { int x = "a"; }',
    ),
    "go": ("package main\n\nfunc main() {\n}", [PRINTF], "package main\nfunc main() { x := 1 }"),
    "rust": (
        'fn main() {\n    println!("1");\n}',
        [f"{quiet}\nfn main() {{ let x = 1; }}" for quiet in
         ("", "#![allow(warnings)]", "#[allow(unused)]")],
        'fn main() { let x: i32 = "a"; }',
    ),
    "javascript": ("import f from 'fs';\nexport const x = 1;", [], "export const x;\nconst = 3"),
    "bash": ('for x in 1 2; do\n    echo "$x"\ndone', [], "if true; then echo 1"),
}  # fmt: skip
TOOLS = {"c": "gcc", "cpp": "g++", "java": "javac", "go": "go", "rust": "rustc",
         "javascript": "node", "bash": "bash"}  # fmt: skip


@pytest.mark.parametrize("language", list(WRONG))
def test_other_languages(judge: Desk, language: str, require: Any) -> None:
    tool = TOOLS[language]
    require(shutil.which(tool, path="/usr/local/bin:/usr/bin:/bin"), tool, HOW)
    right, warned, refused = WRONG[language]
    good = judge(right, language)
    assert good.score == 1.0, good
    for code in warned:
        verdict = judge(code, language)
        assert verdict.parts["compiles"] == 1.0, verdict
        assert verdict.parts["lints"] < 1.0, (code, verdict)
    assert judge(refused, language).score == 0.0


@pytest.mark.parametrize(
    ("language", "code"),
    [
        pytest.param("python", "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    x = 1",
                     id="python"),
        pytest.param("c", f"#pragma {IGNORED}\n{X}", id="pragma"),
        pytest.param("c", ITSELF.replace("PLACE", "__FILE__"), id="system-header"),
    ],
)  # fmt: skip
def test_what_may_hide_many_faults_costs_the_whole_part(
    judge: Desk, language: str, code: str
) -> None:
    verdict = judge(code, language)
    assert verdict.parts["types" if language == "python" else "lints"] == 0.0, verdict


def test_pragmas_that_hide_nothing_are_free(judge: Desk) -> None:
    code = '#pragma GCC optimize("O3")\n#include <stdio.h>\nint main(void)\n{\n    puts("#1");\n}'
    assert judge(code, "c").score == 1.0


def test_an_empty_program_of_another_language_scores_0(judge: Desk) -> None:
    assert judge("# nothing\n", "bash").score == 0.0


def test_a_missing_tool_is_a_fault_with_the_way_out(
    judge: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(python.installed, "distribution", none)
    verdict = judge("x = 1", cost=0.11)
    assert verdict.status is Status.FAILED
    assert "pip install 'assay-rlvr[quality]'" in verdict.reason
    assert "weights: {lints: 0}" in verdict.reason
    assert judge("x = 1", weights={"lints": 0, "types": 0}).score == 1.0


def test_another_version_than_the_recipe_names_is_a_fault(judge: Desk) -> None:
    verdict = judge("x = 1", tools={"ruff": "0.0.1"}, weights={"types": 0})
    assert verdict.status is Status.FAILED
    assert "tools.ruff: must be version '0.0.1'" in verdict.reason


def test_a_rule_that_ruff_does_not_know_is_a_fault(judge: Desk) -> None:
    verdict = judge("x = 1", rules=["ZZZ9"], weights={"types": 0})
    assert verdict.status is Status.FAILED
    assert "ZZZ9" in verdict.reason


def test_types_of_packages_that_programs_may_import_are_seen(judge: Desk, tmp_path: Path) -> None:
    (tmp_path / "typed").mkdir()
    (tmp_path / "typed/__init__.py").write_text("def f(x: int) -> int:\n    return x\n")
    (tmp_path / "typed/py.typed").touch()
    tmp_path.chmod(0o755)
    options = {"packages": str(tmp_path)}
    settings = {"sandbox_options": options, "weights": {"lints": 0}}
    assert judge("import typed\ntyped.f(1)", **settings).score == 1.0
    assert judge("import typed\ntyped.f('a')", **settings).parts["types"] == pytest.approx(0.9)


def test_the_recipe_in_the_docs_pays_for_nothing_but_right_programs(
    needs_jail: None, root: Path
) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (root / "docs/code.md").read_text(), re.DOTALL)
    recipe = yaml.safe_load(next(block for block in blocks if "code.quality" in block))
    for entry in recipe["sources"]:
        entry["deadline_s"] = 60
    calls = [{"args": [1], "expected": 2}]
    truth = {"tests": {"kind": "function", "entry_point": "f", "calls": calls}}
    programs = ["def f(x: int) -> int:\n    return x + 1", "def f(x): return x + 1", "pass"]
    with Scorer(recipe) as scorer:
        rewards = scorer.score(
            Sample(completion=f"{F}python\n{code}\n{F}", ground_truth=truth) for code in programs
        )
    good, plain, trivial = (reward.value for reward in rewards)
    assert good == pytest.approx(1.2)
    assert plain is not None
    assert 1.0 < plain < 1.2
    assert trivial == 0.0
    assert rewards[2].verdicts["code.quality"].score == 1.0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        pytest.param({"language": "sql"}, "must be one of python", id="language"),
        pytest.param({"language": "bash", "weights": {"compiles": 0}}, "more than 0", id="weights"),
        pytest.param({"rules": ["F401 --fix"]}, "codes of ruff", id="rules"),
        pytest.param({"imports": ["a]\n[mypy"]}, "names of packages", id="imports"),
        pytest.param({"weights": {"typed": 1}}, "typed", id="part"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        code_quality.read(settings)


def test_the_version_of_a_verdict_follows_the_tools() -> None:
    now = code_quality.version_with({})
    assert now == code_quality.version_with({})
    assert now != code_quality.version_with({"tools": {"ruff": "0.0.1"}})
