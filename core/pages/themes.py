"""One look for every chart, on light pages and on dark ones.

Colours are Okabe and Ito's (readable with every kind of colour blindness). Not covered: which
chart is drawn, and how.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

__all__ = ["DARK", "LIGHT", "Theme", "chart_settings", "data_uri", "percent", "short_label"]

_FONT_END = 0x0530
"""DejaVu Sans draws the Latin, Greek and Cyrillic letters below it; others are shown as ``?``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours of a page."""

    page: str
    ink: str
    grid: str
    colours: tuple[str, ...]


LIGHT = Theme(
    page="#ffffff",
    ink="#2a2f36",
    grid="#dfe3e8",
    colours=("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
)
DARK = Theme(
    page="#181c22",
    ink="#d5dae1",
    grid="#353c46",
    colours=("#56B4E9", "#E69F00", "#2FC19A", "#E3A4C6", "#F0E442", "#8AA9FF"),
)


def chart_settings(theme: Theme) -> Any:
    """Settings of matplotlib for ``rc_context``; its stubs type them by literal keys."""
    return {
        "text.parse_math": False,  # a source may be called $\frac
        "font.family": "DejaVu Sans",  # comes with matplotlib
        "font.size": 10,
        "figure.facecolor": theme.page,
        "axes.facecolor": theme.page,
        "axes.edgecolor": theme.grid,
        "axes.labelcolor": theme.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": theme.grid,
        "grid.linewidth": 0.7,
        "text.color": theme.ink,
        "xtick.color": theme.ink,
        "ytick.color": theme.ink,
        "legend.frameon": False,
    }


def percent() -> Any:
    """A formatter of an axis of shares."""
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(xmax=1.0, decimals=0)


def short_label(label: str, limit: int = 30) -> str:
    """A label that fits beside a chart, without characters a font cannot draw."""
    clean = "".join(c if c.isprintable() and ord(c) < _FONT_END else "?" for c in label)
    if not clean or clean.startswith("_"):
        clean = f" {clean}"  # matplotlib leaves such labels out of a legend
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def data_uri(content: bytes, kind: str) -> str:
    """Bytes of a media type (``image/png``) as a URI that is fetched from nowhere."""
    return f"data:{kind};base64," + base64.b64encode(content).decode("ascii")
