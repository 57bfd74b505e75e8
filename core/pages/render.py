"""A template and its data as one page that fetches nothing.

Everything shown is hostile: a policy writes completions, and reasons, names and errors quote it. So
the template escapes all of it, and characters that steer a display (controls, directions, zero
width) are shown by name. The page's content policy allows the style and the script of ours by
their digests and nothing else; templates write it with ``css_sha256`` and ``js_sha256``.

Not covered: what a page says.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .texts import visible

__all__ = ["render"]

_SHARED = Path(__file__).parent / "templates"


def render(folder: Path, context: Mapping[str, Any], scripts: Sequence[str] = ()) -> str:
    """The text of ``report.html`` in ``folder``, filled.

    ``report.css`` beside it is given to the template as ``css``, with its digest; ``scripts`` are
    files beside it, given as ``js`` in one piece. ``base.css`` of ours can be included.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader([folder, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
    )
    css = environment.get_template("report.css").render()
    js = "".join((folder / name).read_text(encoding="utf-8") for name in scripts)
    ours = {"css": Markup(css), "js": Markup(js)}  # noqa: S704 - files of this package, no data
    digests = {"css_sha256": _digest(css), "js_sha256": _digest(js)}
    return environment.get_template("report.html").render({**context, **ours, **digests})


def _shown(value: Any) -> Any:
    from markupsafe import Markup

    plain = isinstance(value, str) and not isinstance(value, Markup)  # a macro gives Markup
    return visible(value) if plain else value


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
