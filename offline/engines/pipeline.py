"""The plan of Ray Data: windows out of the feed, through a pool of actors, in order.

Not covered: who fills the feed and takes the answers (``on_ray``), and what an actor does with a
window (``judge``).
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import ray
import ray.data
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from .judge import Judge, Order

__all__ = ["lay_out"]


def lay_out(feed: Any, order: Order, *, actors: int, gpus: int) -> ray.data.Dataset:
    """A dataset of answers, not begun: ``number`` of the window, pickled ``answer``, a block each.

    Args:
        feed: a handle of the actor ``Feed``.
        actors: how many; each reserves ``order.workers`` cores and ``gpus`` GPUs.
    """
    windows = ray.data.read_datasource(WindowSource(feed), num_cpus=0, override_num_blocks=1)
    answers: ray.data.Dataset = windows.map_batches(
        Judge,
        fn_constructor_args=(order, feed),
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=2),
        num_cpus=order.workers,
        num_gpus=gpus,
    )
    _settle(answers.context)
    return answers


def _settle(context: Any) -> None:
    """What Ray Data is to do otherwise than by default."""
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what went wrong, we say ourselves
    context.execution_options.preserve_order = True
    context.target_max_block_size = 1  # each window goes its own way, none waits for the next
    context.execution_no_progress_timeout_s = -1  # a window may take its sources an hour
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.issue_detectors_config.detectors = []


class WindowSource(Datasource):
    """The windows of a feed as a dataset of Ray Data: ``number`` and ``window``, a block each."""

    def __init__(self, feed: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Ray left it so
        self._feed = feed

    def get_name(self) -> str:
        return "Windows"

    def estimate_inmemory_data_size(self) -> int | None:
        return None

    @property
    def supports_distributed_reads(self) -> bool:
        """No: the windows are on the driver's machine."""
        return False

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None
    ) -> list[ReadTask]:
        """One task, so that there is one order."""
        del parallelism, per_task_row_limit, data_context
        feed = self._feed
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(lambda: _blocks(feed), unknown)]


def _blocks(feed: Any) -> Iterator[pa.Table]:
    for number in itertools.count():  # the end is the driver's, who lets go of all this
        window = pa.array([ray.get(feed.take.remote(number))], pa.large_binary())
        yield pa.table({"number": pa.array([number], pa.int64()), "window": window})
