"""``assay new-plugin``: a package with a source, its audit table and its tests, ready to change.

The files come from ``templates/``. What is written installs with pip, passes its own tests, and
keeps the rules of ``assay check``. Not covered: composers, shapers and tasks (docs/plugins.md).
"""

from __future__ import annotations

import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import ConfigError
from .options import AsJson, print_json

__all__ = ["new_plugin", "rendered"]

_TEMPLATES = {
    "pyproject.toml": "pyproject.toml.j2",
    "README.md": "README.md.j2",
    "{package}/__init__.py": "package.py.j2",
    "{package}/sources.py": "sources.py.j2",
    "{package}/audits.py": "audits.py.j2",
    "tests/test_{package}.py": "suite.py.j2",
}
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_PACKAGE = re.compile(r"[a-z][a-z0-9_]*")


def new_plugin(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the source: family.variant, in lower case.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The folder to make; by default the package's name.")
    ] = None,
    package: Annotated[
        str | None, typer.Option(help="The import name; by default family_variant.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a package with a source, its audit table and tests that apply the rules of assay check.

    Example: assay new-plugin acme.palindrome --out acme_verifier
    """
    texts = rendered(name, package)
    top = out or Path(package_of(name, package))
    if top.exists() and (not top.is_dir() or any(top.iterdir())):
        raise ConfigError(f"--out: {str(top)!r} is there already; name a folder that is not")
    for path, text in texts.items():
        file = top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"folder": str(top), "files": [str(top / path) for path in texts]})
        return
    typer.echo("\n".join(str(top / path) for path in texts))
    typer.echo(
        f"next: cd {top} && pip install -e '.[test]' && pytest, then assay check {name}"
        f" and assay audit {name}"
    )


def package_of(name: str, package: str | None) -> str:
    """The import name. Raises ``ConfigError`` for one that is none, or that is taken."""
    made = package or name.replace(".", "_")
    where = "--package" if package else "NAME"
    if not _PACKAGE.fullmatch(made) or keyword.iskeyword(made):
        raise ConfigError(
            f"{where}: the package must be lower-case letters, digits and _, got {made!r};"
            " give another --package"
        )
    if made in sys.stdlib_module_names or made == "assay":
        raise ConfigError(f"{where}: {made!r} is a module already; give another --package")
    return made


def rendered(name: str, package: str | None = None) -> dict[str, str]:
    """Path -> text of every file of the package.

    Raises ``ConfigError`` for a name that no source may have, or that a source has.
    """
    import jinja2

    words = _words(name, package_of(_checked(name), package))
    # what is rendered is Python and TOML, no HTML; the words in it are checked above
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)  # noqa: S701 - no HTML is made
    folder = files("assay.cli") / "templates"
    return {
        path.format(package=words["package"]): environment.from_string(
            (folder / template).read_text(encoding="utf-8")
        ).render(words)
        for path, template in _TEMPLATES.items()
    }


def _words(name: str, package: str) -> dict[str, str]:
    function = name.partition(".")[2].replace(".", "_")
    function = f"{function}_answer" if keyword.iskeyword(function) else function
    camel = "".join(word.capitalize() for word in function.split("_"))
    return {
        "name": name,
        "package": package,
        "distribution": package.replace("_", "-"),
        "function": function,
        "settings": f"{camel}Settings",
    }


def _checked(name: str) -> str:
    from ..core.registry import Registry

    if not _NAME.fullmatch(name):
        raise ConfigError(
            "NAME: must be family.variant in lower case, each beginning with a letter, such as"
            f" 'acme.palindrome', got {name!r}"
        )
    registry = Registry.load()
    if name in registry.sources:
        raise ConfigError(
            f"NAME: {name!r} is a source already, of {registry.sources.origin(name)};"
            " two plugins may not offer one name"
        )
    return name
