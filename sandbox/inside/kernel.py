"""The kernel's own means, by ctypes: namespaces, mounts, capabilities, seccomp, Landlock.

Runs inside, so standard library only. Linux on x86-64 and 64-bit ARM.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from typing import Any, ClassVar

__all__ = [
    "NAMESPACES",
    "close_all_but",
    "drop_capabilities",
    "fork_into",
    "harden",
    "landlock",
    "mount",
    "mount_by",
    "mount_words",
    "namespaces",
    "pivot_root",
    "set_read_only",
    "umount",
    "unshare",
]

LIBC = ctypes.PyDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
PARENT = 0x8000
NAMESPACES = {
    "user": NEWUSER, "pid": NEWPID, "mount": NEWNS, "ipc": NEWIPC, "net": NEWNET, "uts": NEWUTS,
    "cgroup": NEWCGROUP,
}  # fmt: skip
READ_ONLY, NO_SUID, NO_DEV, NO_EXEC, BIND, REC, PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
DETACH = 2


def call(name: str, *args: Any) -> int:
    """A function of libc; raises OSError."""
    return checked(name, getattr(LIBC, name)(*args))


def checked(name: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def bound(name: str, *types: Any) -> Any:
    """A function of libc that is told its types once.

    For what every run calls: working them out at each call writes to a hundred pages that a forked
    process then has to copy.
    """
    function = LIBC[name]  # not the attribute, which is one for all
    function.argtypes, function.restype = types, ctypes.c_long
    return function


_CLONE_NUMBER, _SIBLING = 56 if X86 else 220, int(signal.SIGCHLD) | PARENT
_numbers = bound("syscall", *[ctypes.c_long] * 7)
_prctl = bound("prctl", *[ctypes.c_long] * 5)
_capset = bound("capset", ctypes.c_void_p, ctypes.c_void_p)
_mount = bound("mount", *[ctypes.c_char_p] * 3, ctypes.c_ulong, ctypes.c_char_p)
_before_fork, _in_parent, _in_child = (
    ctypes.pythonapi[f"PyOS_{name}"]
    for name in ("BeforeFork", "AfterFork_Parent", "AfterFork_Child")
)
for _function in (_before_fork, _in_parent, _in_child):
    _function.argtypes, _function.restype = (), None


def syscall(x86: int, arm: int, *args: Any) -> int:
    """By number; every argument as a long, so that none is cut."""
    longs = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return call("syscall", ctypes.c_long(x86 if X86 else arm), *longs)


def unshare(*names: str) -> None:
    call("unshare", namespaces(*names))


def namespaces(*names: str) -> int:
    """Flags for ``fork_into``."""
    flags = 0
    for name in names:
        flags |= NAMESPACES[name]
    return flags


def fork_into(flags: int) -> int:
    """Fork a sibling, which our parent waits for, into new namespaces. 0 in it, as fork."""
    _before_fork()
    pid: int = _numbers(_CLONE_NUMBER, _SIBLING | flags, 0, 0, 0, 0, 0)
    if pid == 0:
        _in_child()
        return 0
    _in_parent()
    return checked("clone", pid)


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    mount_by(mount_words(source, target, kind, flags, options))


def mount_words(
    source: str | None, target: str, kind: str | None, flags: int, options: str = ""
) -> tuple[Any, ...]:
    """For ``mount_by``: the arguments as the kernel takes them."""
    source_, target_, kind_ = [
        None if a is None else os.fsencode(a) for a in (source, target, kind)
    ]
    return source_, target_, kind_, flags, options.encode() or None


def mount_by(words: tuple[Any, ...]) -> None:
    """As ``mount``, with the arguments worked out."""
    checked("mount", _mount(*words))


def umount(target: str) -> None:
    call("umount2", os.fsencode(target), DETACH)


def pivot_root(new: str, old: str) -> None:
    syscall(155, 41, os.fsencode(new), os.fsencode(old))


def set_read_only(target: str, *, recursive: bool) -> None:
    """No writing, no set-user-ID programs, no devices; with everything mounted below."""
    attributes = struct.pack("QQQQ", READ_ONLY | NO_SUID | NO_DEV, 0, 0, 0)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    at_recursive = 0x8000 if recursive else 0
    syscall(442, 442, -100, os.fsencode(target), at_recursive, buffer, len(attributes))


def close_all_but(highest_kept: int) -> None:
    """Close every descriptor above one. Up to the highest there can be: gVisor takes no more."""
    checked("close_range", _numbers(436, highest_kept + 1, 0x7FFFFFFF, 0, 0, 0, 0))


def drop_capabilities() -> None:
    checked("capset", _capset(_HEADER, _NOTHING))


_HEADER = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0), 8)
_NOTHING = ctypes.create_string_buffer(24)


def harden(*, first: bool = False) -> None:
    """No privilege can come back, and dangerous calls are refused.

    ``first``: this is the first process of its pid namespace, which the kernel shields from its
    own signals; here a program that kills or stops itself ends all the same.
    """
    checked("prctl", _prctl(38, 1, 0, 0, 0))  # PR_SET_NO_NEW_PRIVS
    checked("seccomp", _prctl(22, 2, _FIRST_AT if first else _PROGRAM_AT, 0, 0))  # PR_SET_SECCOMP


# --- seccomp ----------------------------------------------------------------------------------

_DENIED = {
    # name: number on x86-64, on 64-bit ARM; None: does not exist there
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280), "perf_event_open": (298, 241),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "userfaultfd": (323, 282), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "socket": (41, 198),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "move_mount": (429, 429), "open_tree": (428, 428), "mount_setattr": (442, 442),
    "pidfd_getfd": (438, 438), "memfd_secret": (447, 447), "shmget": (29, 194),
    "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180), "quotactl": (179, 60),
    "syslog": (103, 116), "acct": (163, 89), "swapon": (167, 224), "reboot": (169, 142),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "clock_adjtime": (305, 266), "vhangup": (153, 58), "iopl": (172, None),
    "ioperm": (173, None), "modify_ldt": (154, None), "kcmp": (312, 272),
    "sched_setattr": (314, 274), "lookup_dcookie": (212, 18), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "mbind": (237, 235), "fanotify_init": (300, 262),
}  # fmt: skip
_SIGNALLING = (((62, 129), 24), ((200, 130), 24), ((234, 131), 32))
"""``kill``, ``tkill`` and ``tgkill``: numbers, and where the signal is among the arguments."""
_CLONE, _CLONE3, _IOCTL = (56, 220), (435, 435), (16, 29)
_X32 = 0x40000000
"""From here on, the numbers of another way to call an x86-64 kernel."""
_ALLOW, _EPERM, _ENOSYS, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x00050000 | 38, 0x80000000
_NEW_ANYTHING = 0x7E020000 | 0x80
_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _GIVE = 0x20, 0x15, 0x45, 0x35, 0x06
_Step = tuple[int, str | int, str | int, int]
"""Operation, where to go on if so and if not (a label, or steps to skip), value."""


def _filter(*, first: bool) -> bytes:
    """A BPF program: the architecture must be ours, what is denied answers EPERM, the rest runs.

    ``clone3`` answers ENOSYS, so that threads fall back to ``clone``, whose flags can be read.
    """
    place = 0 if X86 else 1
    to_do = {number: "refuse" for n in _DENIED.values() if (number := n[place]) is not None}
    to_do |= {_CLONE3[place]: "unknown", _CLONE[place]: "clone", _IOCTL[place]: "ioctl"}
    if X86:
        to_do[_X32] = "unknown"
    code: list[_Step] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 0, "kill", 0xC000003E if X86 else 0xC00000B7),
        (_LOAD, 0, 0, 0),
    ]
    labels: dict[str, int] = {}
    blocks: dict[str, list[_Step]] = {
        "clone": [(_LOAD, 0, 0, 16), (_ANY_BIT, "refuse", "allow", _NEW_ANYTHING)],
        "ioctl": [(_LOAD, 0, 0, 24), (_EQUAL, "refuse", "allow", 0x5412)],  # TIOCSTI: typing into
    }  # somebody's terminal
    if first:
        for numbers, signal_at in _SIGNALLING:
            to_do[numbers[place]] = name = f"signal {signal_at} {numbers[place]}"
            blocks[name] = [
                (_LOAD, 0, 0, 16),
                (_EQUAL, 1, 0, 1),
                (_EQUAL, 0, "allow", 0),
                (_LOAD, 0, 0, signal_at),
                (_EQUAL, "kill", 0, int(signal.SIGKILL)),
                (_EQUAL, "kill", "allow", int(signal.SIGSTOP)),
            ]
    code += _searched(sorted(to_do.items()))
    answers = {"allow": _ALLOW, "refuse": _EPERM, "unknown": _ENOSYS, "kill": _KILL}
    blocks |= {name: [(_GIVE, 0, 0, answer)] for name, answer in answers.items()}
    for name, block in blocks.items():
        labels[name] = len(code)
        code += block
    return b"".join(
        struct.pack("HBBI", op, *(labels[to] - here - 1 if isinstance(to, str) else to
                                  for to in (yes, no)), value)
        for here, (op, yes, no, value) in enumerate(code)
    )  # fmt: skip


def _searched(numbers: list[tuple[int, str]]) -> list[_Step]:
    """Where to go on for each number, by halves.

    For each run the kernel works out anew which of all its calls are always allowed: one after
    another, these comparisons were most of the time that a filter takes.
    """
    if len(numbers) == 1:
        number, then = numbers[0]
        return [(_AT_LEAST if number == _X32 else _EQUAL, then, "allow", number)]
    half = len(numbers) // 2
    below, above = _searched(numbers[:half]), _searched(numbers[half:])
    return [(_AT_LEAST, len(below), 0, numbers[half][0]), *below, *above]


class _Program(ctypes.Structure):
    _fields_: ClassVar = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _program(code: bytes) -> tuple[_Program, Any]:
    """And the buffer that it points to."""
    buffer = ctypes.create_string_buffer(code, len(code))
    return _Program(len(code) // 8, ctypes.addressof(buffer)), buffer


_PROGRAM, _KEPT = _program(_filter(first=False))
_FIRST, _KEPT_TOO = _program(_filter(first=True))
_PROGRAM_AT, _FIRST_AT = ctypes.addressof(_PROGRAM), ctypes.addressof(_FIRST)

# --- Landlock ---------------------------------------------------------------------------------

_READ_AND_RUN = 0b1101  # execute, read a file, read a folder
_MAKE_RULES, _ADD_RULE, _RESTRICT = 444, 445, 446  # on both


def landlock_version() -> int:
    """What the kernel offers; 0 for nothing."""
    return max(0, int(_numbers(_MAKE_RULES, 0, 0, 1, 0, 0, 0)))


_VERSION = landlock_version()
_FILES = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(_VERSION, 16)) - 1
_RULES_SIZE = 8 if _VERSION < 4 else 16 if _VERSION < 6 else 24
_RULES = ctypes.create_string_buffer(
    struct.pack("QQQ", _FILES, 3 if _VERSION >= 4 else 0, 3 if _VERSION >= 6 else 0), 24
)
_BENEATH = ctypes.create_string_buffer(12)
_RULES_AT, _BENEATH_AT = ctypes.addressof(_RULES), ctypes.addressof(_BENEATH)


def landlock(writable: str) -> None:
    """Write below ``writable`` alone; no TCP; no signals or abstract sockets to outside."""
    if _VERSION < 1:
        return
    rules = checked("landlock", _numbers(_MAKE_RULES, _RULES_AT, _RULES_SIZE, 0, 0, 0, 0))
    for path, allowed in (("/", _READ_AND_RUN), (writable, _FILES), ("/dev", _FILES & 0b110 | 8)):
        try:
            at = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        struct.pack_into("=Qi", _BENEATH, 0, allowed, at)
        checked("landlock", _numbers(_ADD_RULE, rules, 1, _BENEATH_AT, 0, 0, 0))
        os.close(at)
    checked("prctl", _prctl(38, 1, 0, 0, 0))  # PR_SET_NO_NEW_PRIVS
    checked("landlock", _numbers(_RESTRICT, rules, 0, 0, 0, 0, 0))
    os.close(rules)
