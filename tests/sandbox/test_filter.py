"""The filter of system calls, answered here as the kernel would."""

from __future__ import annotations

import signal
import struct

import pytest

from assay.sandbox.inside import kernel

ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
MACHINES = {"x86-64": (True, 0xC000003E), "arm": (False, 0xC00000B7)}


class Filter:
    """A BPF program and how many steps it has taken at most."""

    def __init__(self, code: bytes, machine: int) -> None:
        self.code = list(struct.iter_unpack("HBBI", code))
        self.machine, self.most = machine, 0

    def __call__(self, number: int, *args: int, machine: int | None = None) -> int:
        said = self.machine if machine is None else machine
        data = struct.pack("=IIQ6Q", number, said, 0, *args, *[0] * (6 - len(args)))
        place = held = steps = 0
        while True:
            operation, yes, no, value = self.code[place]
            place, steps = place + 1, steps + 1
            if operation == 0x06:
                self.most = max(self.most, steps)
                return int(value)
            if operation == 0x20:
                (held,) = struct.unpack_from("=I", data, value)
                continue
            holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}
            place += yes if holds[operation] else no


@pytest.fixture(params=[(m, first) for m in MACHINES for first in (True, False)], ids=str)
def its(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Filter, int]:
    """The filter of a machine, and which of two numbers is that machine's."""
    (x86, machine), first = MACHINES[request.param[0]], request.param[1]
    monkeypatch.setattr(kernel, "X86", x86)
    return Filter(kernel._filter(first=first), machine), 0 if x86 else 1


def test_what_is_denied_is_refused_and_nothing_else(its: tuple[Filter, int]) -> None:
    answer, place = its
    denied = {numbers[place] for numbers in kernel._DENIED.values()} - {None}
    unknown = {kernel._CLONE3[place]}
    for number in range(1000):
        expected = EPERM if number in denied else ENOSYS if number in unknown else ALLOW
        assert answer(number) == expected, number
        assert answer(number, machine=0x40000003) == KILL  # as a 32-bit program
    assert answer.most <= 20  # the kernel asks of every number when a run begins


def test_other_ways_to_call_do_not_exist(its: tuple[Filter, int]) -> None:
    answer, place = its
    expected = ENOSYS if place == 0 else ALLOW  # nothing has these numbers on ARM
    for number in (0x40000000, 0x40000001, 0x40000000 + 520, 0x7FFFFFFF, 0xFFFFFFFF):
        assert answer(number) == expected


def test_new_namespaces_are_refused_and_threads_are_not(its: tuple[Filter, int]) -> None:
    answer, place = its
    clone = kernel._CLONE[place]
    assert answer(clone, 0x3D0F00) == ALLOW  # as pthread_create has it
    assert answer(clone, signal.SIGCHLD) == ALLOW
    for flag in (*kernel.NAMESPACES.values(), 0x80):
        assert answer(clone, flag | signal.SIGCHLD) == EPERM


def test_typing_into_a_terminal_is_refused(its: tuple[Filter, int]) -> None:
    answer, place = its
    assert answer(kernel._IOCTL[place], 0, 0x5412) == EPERM
    assert answer(kernel._IOCTL[place], 0, 0x5413) == ALLOW


@pytest.mark.parametrize("name", MACHINES)
def test_the_first_process_cannot_shrug_off_its_own_signal(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x86, machine = MACHINES[name]
    monkeypatch.setattr(kernel, "X86", x86)
    first = Filter(kernel._filter(first=True), machine)
    others = Filter(kernel._filter(first=False), machine)
    for numbers, signal_at in kernel._SIGNALLING:
        number = numbers[0 if x86 else 1]
        for who in (0, 1, 2):
            for what in range(1, 32):
                args = [who, who, what] if signal_at == 32 else [who, what, 0]
                fatal = who in (0, 1) and what in (signal.SIGKILL, signal.SIGSTOP)
                assert first(number, *args) == (KILL if fatal else ALLOW)
                assert others(number, *args) == ALLOW
