import platform

import pytest

from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox._seccomp import refused_numbers, seccomp_filter

pytestmark = pytest.mark.skipif(seccomp_filter() is None, reason="no filter for this processor")


def test_every_filtered_system_call_is_refused(cold: Sandbox, limits: Limits) -> None:
    code = f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for name, number in {refused_numbers()!r}.items():
    ctypes.set_errno(0)
    result = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    if result != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
        print("not refused:", name, result, ctypes.get_errno())
print("tried")
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "tried\n"


def test_namespaces_and_mounts_are_refused(cold: Sandbox, limits: Limits) -> None:
    code = """
import ctypes, os, signal, subprocess
libc = ctypes.CDLL(None, use_errno=True)
flags = {"user": 0x10000000, "mount": 0x20000, "net": 0x40000000, "pid": 0x20000000}
for name, flag in flags.items():
    if libc.unshare(flag) == 0:
        print("unshared", name)
print(libc.mount(b"tmpfs", b"/box", b"tmpfs", 0, None), libc.umount2(b"/box/input", 2))
print(libc.mount(b"/", b"/box/input", None, 4096 | 32, None), libc.chroot(b"/"))
for tool in (["unshare", "-Ur", "true"], ["bwrap", "--ro-bind", "/", "/", "true"]):
    print(subprocess.run(tool, capture_output=True).returncode != 0)
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "-1 -1\n-1 -1\nTrue\nTrue\n"


def test_kernel_settings_cannot_be_changed(cold: Sandbox, limits: Limits) -> None:
    code = """
import os
for place in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
              "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/self/uid_map",
              "/proc/sys/vm/overcommit_memory", "/proc/self/loginuid", "/proc/kmsg", "/dev/kmsg",
              "/dev/mem", "/proc/kcore", "/sys/fs/cgroup/cgroup.procs", "/dev/kvm", "/dev/tty"):
    for mode in ("w", "r+"):
        try:
            with open(place, mode) as file:
                file.write("1")
            print("wrote", place)
        except OSError:
            pass
    if place.startswith(("/proc/k", "/dev")):
        try:
            open(place, "rb").read(1)
            print("read", place)
        except OSError:
            pass
try:
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")
    print("protected itself")
except OSError:
    pass
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == ""


def test_the_user_is_fixed_and_maps_to_no_privileged_one(cold: Sandbox, limits: Limits) -> None:
    code = "for kind in 'ug': print(open(f'/proc/self/{kind}id_map').read())"
    with cold.open({}, limits) as session:
        maps = session.run(code).stdout.split("\n\n")
    for inside, outside, count in (line.split() for line in maps if line.strip()):
        assert (inside, count) == ("1000", "1")
        assert outside != "0"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="its other ABIs")
@pytest.mark.parametrize("way", ["int 0x80", "x32"])
def test_other_abis_of_the_processor_are_killed(way: str, cold: Sandbox, limits: Limits) -> None:
    call = (
        "code = b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3'\n"
        "page = mmap.mmap(-1, 4096, prot=7)\n"
        "page.write(code)\n"
        "place = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "ctypes.CFUNCTYPE(ctypes.c_int)(place)()\n"
        if way == "int 0x80"
        else "ctypes.CDLL(None).syscall(0x40000000 + 39)\n"
    )
    with cold.open({}, limits) as session:
        execution = session.run(f"import ctypes, mmap\n{call}print('allowed')")
    assert execution.stdout == ""
    assert execution.exit_code == 128 + 31, "SIGSYS"
