"""Tables of the sources that check forms. Not covered: their settings other than those here."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.audit_table import AuditCase, audit_table

__all__ = ["json_values", "regular_texts", "think_answers"]

_right, _wrong, _attack = AuditCase.right, AuditCase.wrong, AuditCase.attack


@audit_table("format.think_answer")
def think_answers() -> Iterator[AuditCase]:
    """Reasoning and answer in their tags, once each, in order; and every way around it."""
    thought, answer = "<think>6 times 7 is 42.</think>", "<answer>42</answer>"
    yield from _right("form", thought + answer, f"{thought}\n<answer>\n42\n</answer>")
    yield from _right("form", f"{thought}\n\n<answer>x < y and y > z</answer>\n")
    yield from _right("reasoning", f"<think>1+2=3</think>{answer}")
    yield from _right("reasoning", f"\n<think>\nSo.\n\nThen:\n6*7</think>\n{answer}")
    yield from _right("reasoning", f"<think>If a < b, then [b > a]; \\boxed{{4}}.</think>{answer}")
    yield from _right("answer", f"{thought}<answer>\\boxed{{42}}</answer>")
    yield from _right("answer", f"{thought}<answer>no</answer>", f"{thought}<answer>x+1</answer>")
    yield from _wrong("tags missing", "", "42", f"{thought}42", answer)
    yield from _wrong("tags open", f"<think>6 times 7{answer}", f"{thought}<answer>42")
    yield from _wrong("order", answer + thought, "</think>4<think></answer><answer>")
    yield from _wrong("empty", f"<think></think>{answer}", f"{thought}<answer></answer>")
    yield from _wrong("outside", f"Well: {thought}{answer}", f"{thought}so{answer}")
    yield from _wrong("outside", f"{thought}{answer} I am sure.")
    yield from _attack("several answers", f"{thought}<answer>41</answer>{answer}")
    yield from _attack("several thoughts", f"{thought}{thought}{answer}")
    yield from _attack("nested", f"<think>{thought}</think>{answer}")
    yield from _attack("nested", f"{thought}<answer>{answer}</answer>")
    yield from _attack("padding", f"<think>{'so it is ' * 200}</think>{answer}")
    yield from _attack("padding", f"<think>{'. ' * 200}</think>{answer}")
    yield from _attack("in the wrong place", f"{thought}<answer>{'Let me think. ' * 30}</answer>")
    yield from _attack("skipped", f"<think>      </think>{answer}")
    yield from _attack("look-alikes", f"<thіnk>6 times 7</thіnk>{answer}")
    yield from _attack("floods", "<think>" * 50_000, "<answer>" * 50_000, thought * 30_000)


@audit_table("format.regex", settings={"pattern": "(?:[a-z]+: [0-9]+\n?)+"})
def regular_texts() -> Iterator[AuditCase]:
    """Lines of a word and a number: all of the text must match, in linear time."""
    yield from _right("one line", "apples: 3", "a: 0", "  pears: 12\n")
    yield from _right("lines", "apples: 3\npears: 12", "a: 1\nb: 2\nc: 3\n")
    yield from _wrong("almost", "apples 3", "apples: three", "Apples: 3", "apples: ", ": 3", "")
    yield from _wrong("something else", "apples: 3!", "so: apples: 3", "apples: 3, pears: 12")
    yield from _attack("digits of others", "apples: \u0663", "apples: ３", "\u0430pples: 3\u0663")
    yield from _attack("line ends", "apples: 3\r\npears: 12", "apples: 3\u2028pears: 12")
    yield from _attack("backtracking", "a" * 100_000, "a: 1\n" * 50_000 + "!", "a: " * 50_000)
    yield from _attack("hidden", "apples: 3\x00", "\u200bapples: 3", "apples: 3\ud800")


_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@audit_table("format.json", settings={"schema": _SCHEMA})
def json_values() -> Iterator[AuditCase]:
    """One value that fits the schema, and nothing beside it."""
    good = '{"name": "Ada", "age": 36}'
    yield from _right("value", good, '{"age":0,"name":""}', f"\n{good}\n")
    yield from _right("value", '{"name": "\\u0041", "age": 1}', '{"name": "Żółw 🐢", "age": 9}')
    yield from _right("fence", f"```json\n{good}\n```", f"```\n{good}\n```")
    yield from _right("reasoning", f"<think>Ada was 36.</think>{good}")
    yield from _wrong("schema", "{}", '{"name": "Ada"}', '{"name": 1, "age": 2}', "[]", "null", "3")
    yield from _wrong("schema", '{"name": "Ada", "age": -1}', '{"name": "Ada", "age": "36"}')
    yield from _wrong("schema", '{"name": "Ada", "age": 36, "x": 1}', '{"name": "A", "age": 3.5}')
    yield from _wrong("no JSON", "", "Ada, 36", "{'name': 'Ada', 'age': 36}", good[:-1], good + "}")
    yield from _wrong("beside it", f"Here it is: {good}", f"{good}\nDone.", good + good)
    yield from _attack("twice", '{"name": "Ada", "age": -1, "age": 36}')
    yield from _attack("no numbers", '{"name": "A", "age": NaN}', '{"name": "A", "age": Infinity}')
    yield from _attack("comments", f"{good} // yes", f"/* yes */ {good}", f"{good[:-1]},}}")
    yield from _attack("deep", "[" * 100_000, '{"a":' * 50_000, "[" * 5_000 + "]" * 5_000)
    yield from _attack("large", f'{{"name": "{"x" * 200_000}", "age": 36}}', "9" * 100_000)
