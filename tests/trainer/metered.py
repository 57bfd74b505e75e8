"""A source whose budget can be spent: so many verdicts, counted in a file; then it ends the run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from assay import Sample, source
from assay.core.errors import StopRun
from assay.core.settings import NO_EFFECT, Settings


class Meter(Settings):
    """Where it counts, and to what number."""

    file: Path
    limit: Annotated[int, NO_EFFECT]


@source("probe.metered", version="1", scale="unit", runs="inline", deterministic=False)
def metered(sample: Sample, meter: Meter) -> float:
    """The share of even digits."""
    spent = int(meter.file.read_text()) if meter.file.exists() else 0
    if spent >= meter.limit:
        raise StopRun(f"meter: {spent} of {meter.limit} are spent; raise the limit")
    meter.file.write_text(str(spent + 1))
    digits = [c for c in sample.text if c.isdigit()]
    return sum(c in "02468" for c in digits) / max(len(digits), 1)
