"""``judge.rubric``: a judge, or registered sources, score the items of a rubric; GRAPE weighs them.

Source: Patel 2025 (GRAPE), section 6. Each item of a sample's category gives a reason, a score τ
and a confidence φ; φ̄ is the mean over the samples of the category in the batch; the reward is
Eq. 15 in one of three forms (``assay.rewards.grape``). What an answer says to its judge is data.

Its scale is ``real``: the barred and the printed form may exceed 1, and a reward model as an item
may score any number. With ``mode: normalised`` and judges alone, rewards stay in [0, 1]. A reward
depends on the batch through φ̄ (``means: frozen`` ends that), and is not kept in the verdict cache:
replies are, by the judge's own.

Not covered: gathering the batch of several training processes (our trainers do, in
``trainer.online.scored``; elsewhere ``means: frozen``), and improving answers by the critiques
(``trainer.online.grape``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ...core.source import source
from ...core.types import Sample, Status, Verdict
from .asking import material_of
from .flows import Flows
from .item_sources import ItemSources
from .schema import Item
from .settings import RubricSettings
from .weighing import Case, Weighing

__all__ = ["RubricJudge"]


@source(
    "judge.rubric",
    version="1",
    scale="real",
    arity="batch",
    runs="async",
    deterministic=False,
    keeps_children=True,
)
class RubricJudge:
    """The GRAPE reward of each sample: the items of its category's rubric, scored and weighed.

    ``parts``: ``item``, ``item:confidence``, ``item.atom``. ``evidence``: reasoning and critique
    for each item, prompts with versions, φ̄, the rubric's digest, ``addressed_to_judge`` (signs
    that the answer speaks to its judge: reported, never scored). A judge that fails or cannot be
    read is ``failed``; a sample of no category abstains. Give ``deadline_s: null`` or one long
    enough for a whole batch: the judge has its own for each ask.
    """

    def __init__(self, settings: RubricSettings) -> None:
        self.settings = settings
        self.rubric = settings.rubric
        self._judge = settings.open_judge()
        self._flows = self._flows_of(settings)
        self._sources = ItemSources(settings.plugins, settings.source_workers)
        judge = self._judge
        self._weighing = Weighing(
            settings, "" if judge is None else f"{judge.model} {judge.version}"
        )

    def _flows_of(self, settings: RubricSettings) -> Flows | None:
        if self._judge is None:
            return None
        return Flows(
            self._judge,
            self.rubric,
            settings.wording,
            at_once=settings.asks_at_once,
            rereads=settings.rereads,
        )

    async def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """A verdict for each sample, in order."""
        cases = [self._case(sample) for sample in samples]
        judged = [case for case in cases if isinstance(case, Case)]
        await asyncio.gather(self._ask_judge(judged), self._ask_sources(judged))
        verdicts = iter(self._weighing.verdicts(judged))
        return [next(verdicts) if isinstance(case, Case) else case for case in cases]

    def close(self) -> None:
        """End the workers of item sources."""
        self._sources.close()

    def _case(self, sample: Sample) -> Case | Verdict:
        name = self._category_of(sample)
        if name is None:
            key, known = self.settings.category_from, sorted(self.rubric.categories)
            return Verdict.unscored(
                Status.ABSTAINED, f"the sample's {key} names no category of the rubric ({known})"
            )
        category = self.rubric.categories[name]
        material = material_of(sample, show_reasoning=self.settings.show_reasoning)
        needy = [item.name for item in category.items if item.needs_reference]
        if needy and not material.reference.strip() and self.settings.on_judge_fault == "fail":
            why = f"{', '.join(needy)}: compared with a ground truth, and the sample has none"
            return Verdict.unscored(Status.BAD_REFERENCE, why)  # before anything is paid for
        return Case(sample=sample, name=name, category=category, material=material)

    def _category_of(self, sample: Sample) -> str | None:
        known = self.rubric.categories
        if self.settings.category is not None or len(known) == 1:
            return self.settings.category or next(iter(known))
        key = self.settings.category_from
        name = sample.task if key == "task" else sample.extra.get(key)
        return name if isinstance(name, str) and name in known else None

    async def _ask_judge(self, cases: Sequence[Case]) -> None:
        flows = self._flows
        if flows is None:
            return

        async def ask(case: Case, item: Item) -> None:
            case.found[item.name] = await flows.item(case.category, item, case.material)

        async with asyncio.TaskGroup() as group:
            for case in cases:
                for item in case.category.items:
                    if item.kind != "source":
                        group.create_task(ask(case, item))

    async def _ask_sources(self, cases: Sequence[Case]) -> None:
        for name, category in self.rubric.categories.items():
            here = [case for case in cases if case.name == name]
            found = await self._sources.findings(name, category, [case.sample for case in here])
            for item, findings in found.items():
                for case, finding in zip(here, findings, strict=True):
                    case.found[item] = finding
