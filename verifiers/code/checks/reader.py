"""Python that runs in the sandbox: what it reads of an answer, and how it starts mypy there.

``READER`` compiles ``main.py`` and writes it again without comments, so that none of them can talk
to a tool: mypy takes its settings even from a line inside a string. What hides code from a type
checker without a comment is found in the tree, and counted. Runs inside, so standard library only.

Not covered: ``Any``, ``cast`` and calls of ``exec``: see the setting ``strict``, and ruff's S102.
"""

from __future__ import annotations

__all__ = ["MYPY", "READER"]

READER = r'''
import ast, io, json, re, sys, tokenize

TALK = re.compile(r"#(?=[ \t]*(?:mypy|type|noqa|ruff|flake8|isort)\b)", re.IGNORECASE)
CONSTANTS = {"TYPE_CHECKING", "MYPY", "PY2", "PY3"}
UNCHECKED = {"no_type_check", "no_type_check_decorator"}

def blanked(text):
    """Without comments, on the same lines; and those that would have talked to a tool."""
    lines, talked = text.split("\n"), []
    for token in tokenize.generate_tokens(io.StringIO(text, newline="\n").readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip(" \t")
            if TALK.search(token.string):
                talked.append(f"line {row}: {token.string[:80]}")
    return TALK.sub("-", "\n".join(lines)), talked

def name_of(node):
    return getattr(node, "id", None) or getattr(node, "attr", None)

def binds(node, name):
    """Whether a node gives this name another meaning than that of its module."""
    if isinstance(node, ast.Name):
        return node.id == name and isinstance(node.ctx, ast.Store)
    if isinstance(node, ast.alias):
        return node.asname == name and node.name != name
    if isinstance(node, ast.arg):
        return node.arg == name
    return getattr(node, "name", None) == name

def hidden(tree):
    """Where code is kept from a type checker that runs all the same."""
    plain = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and not node.orelse and name_of(node.test) == "TYPE_CHECKING":
            if all(isinstance(n, (ast.Import, ast.ImportFrom, ast.Pass)) for n in node.body):
                plain.add(node.test)
    asks = any(getattr(n, "attr", "") in ("version_info", "platform") for n in ast.walk(tree))
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, (ast.Name, ast.Attribute)):
            name = name_of(node)
            if name in UNCHECKED or (name in CONSTANTS and node not in plain):
                yield f"line {line}: {name} hides code from the type checker"
        elif isinstance(node, ast.alias) and node.name in UNCHECKED:
            yield f"line {line}: {node.name} hides code from the type checker"
        if asks and binds(node, "sys"):
            yield f"line {line}: another sys hides code from the type checker"

with open("main.py", encoding="utf-8", errors="surrogatepass", newline="") as file:
    text = file.read().replace("\r\n", "\n").replace("\r", "\n")
try:
    tree = ast.parse(text)
    compile(text, "main.py", "exec", dont_inherit=True)
    code, talked = blanked(text)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {
        "compiles": True, "code": code, "silenced": talked[:20], "hidden": [*hidden(tree)][:20],
        "empty": not tree.body, "lines": text.count("\n") + 1,
        "functions": sum(isinstance(n, kinds) for n in ast.walk(tree)),
        "python": "%d.%d" % sys.version_info[:2],
    }
except (SyntaxError, ValueError, MemoryError, RecursionError, tokenize.TokenError) as error:
    found = {"compiles": False, "why": f"{type(error).__name__}: {error}"[:300]}
print(json.dumps(found))
'''

MYPY = r"""
import os, sys, tarfile
for name in [n for n in os.environ if n.startswith("MYPY")]:
    del os.environ[name]
place = sys.argv.pop(1)
if os.path.isdir(place):
    sys.path.insert(0, place)
else:
    import site
    site.main()
from mypy import main, pyinfo, version
if place in sys.path:  # what programs of this sandbox can import, and not what mypy can
    packages = ["/packages"] if os.path.isdir("/packages") else []
    pyinfo.getsearchdirs = lambda: ([], packages)
if sys.argv[1:] == ["--version"]:
    sys.exit(print(version.__version__))
if os.path.exists("cache.tar"):
    with tarfile.open("cache.tar") as archive:
        archive.extractall(".", filter="data")
    main.main(args=sys.argv[1:])
else:
    try:
        main.main(args=sys.argv[1:], clean_exit=True)
    finally:
        with tarfile.open("cache.tar", "w") as archive:
            archive.add("cache")
"""
