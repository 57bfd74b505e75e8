"""``assay sources``: what can be used in a recipe, and which plugin it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, Plugins, print_json, reach_plugins, wide_console

if TYPE_CHECKING:
    from ..core.registry import Registry

__all__ = ["sources"]


def sources(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show one source and its settings.")
    ] = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
) -> None:
    """List the sources that recipes may use: built in, installed, and loaded with -p.

    Example: assay sources math.exact
    """
    from ..core.registry import Registry

    registry = Registry.load(reach_plugins(plugins))
    if name is not None:
        found = {**_facts(registry, name), **_details(registry, name)}
        print_json(found) if as_json else _show_one(found)
        return
    rows = [_facts(registry, source) for source in registry.sources]
    print_json(rows) if as_json else _show_all(rows)


def _facts(registry: Registry, name: str) -> dict[str, Any]:
    source = registry.sources[name]
    plugin = registry.sources.origin(name)
    return {
        "name": source.name,
        "version": source.version,
        "scale": source.scale,
        "runs": source.runs,
        "arity": source.arity,
        "origin": registry.plugins.get(plugin, plugin),
        "plugin": plugin,
        "summary": source.doc.partition("\n")[0],
    }


def _details(registry: Registry, name: str) -> dict[str, Any]:
    source = registry.sources[name]
    return {
        "needs": sorted(source.needs),
        "view": source.view,
        "pass_at": source.pass_at,
        "deterministic": source.deterministic,
        "doc": source.doc,
        "settings": [
            {
                "name": field.alias or key,
                "type": _type_text(field.annotation),
                "required": field.is_required(),
                "default": None
                if field.is_required()
                else repr(field.get_default(call_default_factory=True)),
                "doc": field.description or "",
            }
            for key, field in source.config.model_fields.items()
        ],
    }


def _type_text(annotation: Any) -> str:
    plain = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    text = annotation.__name__ if plain else str(annotation)
    return text.replace("typing.", "").replace("NoneType", "None")


def _show_all(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

    shown = ("name", "version", "scale", "runs", "arity", "origin", "summary")
    table = Table(*shown, box=box.SIMPLE_HEAD)
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(*(row[key] for key in shown))
    wide_console().print(table)


def _show_one(found: dict[str, Any]) -> None:
    console = wide_console()
    console.print(f"{found['name']}  version {found['version']}, {found['origin']}")
    console.print(
        f"scale {found['scale']}, runs {found['runs']}, arity {found['arity']},"
        f" view {found['view']}, passes at {found['pass_at']},"
        f" needs {', '.join(found['needs']) or 'nothing'}"
    )
    console.print(f"\n{found['doc'] or 'No description.'}\n")
    console.print("Settings:" if found["settings"] else "No settings.")
    for setting in found["settings"]:
        default = "required" if setting["required"] else f"default {setting['default']}"
        console.print(f"  {setting['name']}: {setting['type']}, {default}")
        if setting["doc"]:
            console.print("    " + " ".join(setting["doc"].split()))
