"""One grader behind a pipe: ``python child.py NAME`` answers a line of JSON for every line.

In: ``[gold, response]``. Out: ``[accepted, stage, wall_s, cpu_s, error, peak_bytes]``; ``cpu_s``
counts this process and the children it has waited for. The first line out, ``ready``, comes after
imports and two trivial cases. Not covered: limits of time; the other end of the pipe has them.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings

from math_grading.graders import GRADERS


def cpu_s() -> float:
    waited = os.times()
    return time.process_time() + waited.children_user + waited.children_system


def main() -> None:
    warnings.simplefilter("ignore")
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a grader prints is not a reply
    limit = 4 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    grade = GRADERS[sys.argv[1]]()
    for answer in ("\\boxed{1}", "\\boxed{\\frac{x}{2}+1}"):
        grade("\\frac{x}{2}+1", answer)
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        gold, response = json.loads(line)
        started, spent, error = time.perf_counter(), cpu_s(), None
        try:
            accepted, stage = grade(gold, response)
        except BaseException as fault:  # noqa: BLE001 - math-verify's timeout is no Exception
            accepted, stage, error = False, "exception", type(fault).__name__
        wall = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        reply = [accepted, stage, wall, cpu_s() - spent, error, peak]
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
