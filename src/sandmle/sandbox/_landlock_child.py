"""One run of `landlock`, from the fork to the end of the script.

Runs in a fork of the fork server, in a process group of its own that nothing in it can leave, and
gives up what the server still has.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from sandmle.sandbox import _landlock as landlock
from sandmle.sandbox._child import (
    NOTES_FD,
    SCRIPT_FD,
    SETUP_FAILED,
    TREE_FD,
    content_of,
    run_code,
    take_over,
)
from sandmle.sandbox._hot_pages import Region, copy_pages, pack, pages_of_its_own
from sandmle.sandbox._isolate import drop_capabilities, load_filter
from sandmle.sandbox._landlock_view import (
    DEVICES,
    SCRIPT_NAME,
    TEMPORARY,
    WORK,
    shown_of_processes,
)
from sandmle.sandbox._limits import limit_open_files, limit_this_process
from sandmle.sandbox._mounts import SetupError
from sandmle.sandbox._notes import Notes
from sandmle.sandbox._packets import Packet, receive_packet, send_packet
from sandmle.sandbox._preload import rehearse
from sandmle.sandbox._script import refresh
from sandmle.sandbox._seccomp_strict import strict_filter

_ROOM = 1_024
"""Processes and threads that the user may start beside the sandbox before runs can start none."""
_SET_PARENT_DEATH_SIGNAL, _NO_NEW_PRIVILEGES = 1, 38
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_libc = ctypes.CDLL(None, use_errno=True)


def become_run(channel: socket.socket, settings: dict[str, Any], *, server: int) -> NoReturn:
    """Isolate this process, wait for a job, run it, and end.

    Args:
        channel: To the host; agents' code has it only where the session is stateful.
        settings: What is alike for all runs.
        server: Process id of the fork server.
    """
    try:
        os.setsid()
        _libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != server:
            os._exit(SETUP_FAILED)
        program = strict_filter(notify=True)
        others = _tasks_of_user()
        os.environ.update(settings["environment"])
        refresh(settings["own"])
        # Its folder may be in sight; its files are not.
        sys.modules["sandmle"] = None  # type: ignore[assignment]  # as the import system wants it
        copy_pages(settings["hot"])
        send_packet(channel, Packet({"ready": True}))
        job = receive_packet(channel)
        source = content_of(job.descriptors[SCRIPT_FD])
        path = _enter_folder(job.descriptors[TREE_FD], source)
        listener = _give_up_rights(job, settings, program=program, others=others)
        notes = Notes(job.descriptors[NOTES_FD])
        notes.count_opens((*settings["shown"], f"{path}/"))
        send_packet(channel, Packet({"started": True}, (listener,)))
        limit_open_files()
        take_over(job.descriptors)
        run_code(
            channel,
            source,
            notes=notes,
            stateful=job.head["stateful"],
            path=f"{path}/{SCRIPT_NAME}",
        )
    except SetupError as exc:
        send_packet(channel, Packet({"error": str(exc)}))
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        # Nothing of a child may come back into the fork server.
        os._exit(SETUP_FAILED)


def rehearse_run(
    told: int, regions: Sequence[Region], imported: Sequence[str], settings: dict[str, Any]
) -> NoReturn:
    """Do what scripts do, and write down which pages that changed.

    Args:
        told: Descriptor of the file for the pages.
        regions: Where to look.
        imported: The modules that scripts find imported.
        settings: What is alike for all runs.
    """
    status = SETUP_FAILED
    try:
        refresh(settings["own"])
        strict_filter(notify=True)
        rehearse(imported)
        os.write(told, pack(pages_of_its_own(regions)))
        status = 0
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        os._exit(status)


def _enter_folder(folder: int, source: bytes) -> str:
    """Go to the work directory of a session's folder, write the script, and return its path."""
    path = os.readlink(f"/proc/self/fd/{folder}")  # noqa: PTH115 - no Path in children
    with open(f"{path}/{SCRIPT_NAME}", "wb") as file:  # noqa: PTH123 - as above
        file.write(source)
    os.chdir(f"{path}/{WORK}")
    sys.path.insert(0, f"{path}/{WORK}")
    os.environ["HOME"] = os.environ["TMPDIR"] = f"{path}/{TEMPORARY}"
    return path


def _give_up_rights(
    job: Packet, settings: dict[str, Any], *, program: bytes | None, others: int
) -> int:
    """Leave this process no right but to compute and to use its session's folder.

    Returns:
        Descriptor of the filter's questions.

    Raises:
        SetupError: If the kernel refuses, or something is not as it was set.
    """
    if program is None:
        raise SetupError(f"there is no system call filter for {os.uname().machine}")
    folder = job.descriptors[TREE_FD]
    writable = [os.open(name, _FOLDER, dir_fd=folder) for name in (WORK, TEMPORARY)]
    script = os.open(SCRIPT_NAME, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    limit_this_process(
        memory_mib=job.head["memory_mib"],
        disk_mib=job.head["disk_mib"],
        tasks=others + job.head["processes"] + _ROOM,
    )
    own = os.getpid()
    landlock.restrict(
        read=[*settings["readable"], *shown_of_processes(own), script],
        list_only=[f"/proc/{own}"],
        write=writable,
        devices=DEVICES,
    )
    drop_capabilities()
    listener = load_filter(program)
    _verify()
    return listener


def _verify() -> None:
    """Look at what the kernel says of this process, and try what it must refuse.

    Raises:
        SetupError: If a right is left.
    """
    with open("/proc/self/status", encoding="utf-8") as lines:  # noqa: PTH123 - as above
        found = dict(line.rstrip().partition(":\t")[::2] for line in lines)
    expected = {"NoNewPrivs": "1", "Seccomp": "2"}
    expected |= dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapAmb"), f"{0:016x}")
    for name, value in expected.items():
        if found.get(name) != value:
            raise SetupError(f"{name} is {found.get(name)} and must be {value}")
    for name, attempt in (
        ("a folder outside can be listed", lambda: os.listdir("/")),  # noqa: PTH208 - as above
        ("a process outside can be signalled", lambda: os.kill(os.getppid(), 0)),
    ):
        try:
            attempt()
        except PermissionError:
            continue
        raise SetupError(f"Landlock does not hold: {name}")


def _tasks_of_user() -> int:
    """Return how many processes and threads the user has, whom the kernel counts together."""
    own, found = os.getuid(), 0
    for name in os.listdir("/proc"):  # noqa: PTH208 - as above
        if name.isdecimal():
            try:
                if os.stat(f"/proc/{name}").st_uid == own:  # noqa: PTH116 - as above
                    found += len(os.listdir(f"/proc/{name}/task"))  # noqa: PTH208 - as above
            except OSError:
                continue
    return found
