"""Surface of the kernel: calls, files and other doors that need no bug to be misused.

Calls are made with arguments that fail after the check of rights: with another error than "not
permitted", the kernel has let the call in. That is how it is told, for root without a filter, that
it is the filter that refuses and not only a missing capability.
"""

from __future__ import annotations

import platform

from _attack import Attack, Outcome, anyhow

from sandmle.sandbox._seccomp import refused_numbers

_NUMBERS = refused_numbers()
_BAD_SYSTEM_CALL = 128 + 31
_HERE = "-100"
CALLS = {
    "the clock": {
        "adjtimex": "bytes(256)",
        "clock_adjtime": "0, bytes(256)",
        "clock_settime": "0, None",
        "settimeofday": "ctypes.c_void_p(1), None",
    },
    "modules and other kernels": {
        "delete_module": "ctypes.c_void_p(1), 0",
        "finit_module": '-1, b"", 0',
        "init_module": 'None, 0, b""',
        "kexec_file_load": '-1, -1, 0, b"", 0x8000',
        "kexec_load": "0, 1 << 20, None, 0x8000",
        "reboot": "0, 0, 0, None",
    },
    "accounting, quotas, swap, the log, ports": {
        "acct": "ctypes.c_void_p(1)",
        "ioperm": "0x80, 1, 0",
        "iopl": "0",
        "quotactl": "0x7FFFFFFF, None, 0, None",
        "quotactl_fd": "-1, 0x7FFFFFFF, 0, None",
        "swapoff": "ctypes.c_void_p(1)",
        "swapon": "ctypes.c_void_p(1), 0",
        "syslog": "10, None, 0",
    },
    "mounts and roots": {
        "chroot": "ctypes.c_void_p(1)",
        "fsmount": "-1, 0, 0",
        "fsopen": "ctypes.c_void_p(1), 0",
        "fspick": f'{_HERE}, b"/none/such", 0',
        "mount": "None, ctypes.c_void_p(1), None, 0, None",
        "mount_setattr": f'{_HERE}, b"/none/such", 0, bytes(32), 32',
        "move_mount": '-1, b"", -1, b"", 0',
        "open_tree": f'{_HERE}, b"/none/such", 0',
        "pivot_root": "ctypes.c_void_p(1), ctypes.c_void_p(1)",
        "umount2": "ctypes.c_void_p(1), 0",
    },
    "namespaces by their calls": {
        "clone3": "None, 0",
        "setns": "-1, 0",
        "unshare": "0",
    },
    "files by their numbers": {
        "fanotify_init": "0, 0",
        "name_to_handle_at": f'{_HERE}, b"/", bytes(64), bytes(8), 0',
        "open_by_handle_at": "-1, None, 0",
    },
    "other processes": {
        "kcmp": "os.getpid(), os.getpid(), 0, 0, 0",
        "pidfd_getfd": "-1, 0, 0",
        "process_vm_readv": "os.getpid(), None, 0, None, 0, 0",
        "process_vm_writev": "os.getpid(), None, 0, None, 0, 0",
        "ptrace": "16, -1, 0, 0",
    },
    "programs in the kernel": {
        "bpf": "0, None, 0",
        "perf_event_open": "ctypes.c_void_p(1), 0, -1, -1, 0",
        "userfaultfd": "1",
    },
    "io_uring": {
        "io_uring_enter": "-1, 0, 0, 0, None, 0",
        "io_uring_register": "-1, 0, None, 0",
        "io_uring_setup": "0, None",
    },
    "keyrings": {
        "add_key": 'b"user", b"planted", b"x", 1, -2',
        "keyctl": "0, -2, 0",
        "request_key": 'b"user", b"none-such", None, 0',
    },
    "memory and queues that nobody counts": {
        "memfd_create": "ctypes.c_void_p(1), 0",
        "memfd_secret": "1 << 20",
        "mq_open": "ctypes.c_void_p(1), 0, 0, None",
        "msgget": "0, 0",
        "semget": "0, 1, 0",
        "shmget": "0, 4096, 0",
        "inotify_init": "",
        "inotify_init1": "-1",
    },
}
_FOR_ROOT_ALONE = ("modules and other kernels",)
_FILES = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
    "/sys/kernel/uevent_helper",
    "/sys/power/state",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/debug/tracing/trace_marker",
    "/sys/kernel/tracing/trace_marker",
    "/sys/module/kernel/parameters/panic",
    "/dev/mem",
    "/dev/port",
    "/dev/kmsg",
    "/dev/kvm",
    "/dev/fuse",
    "/dev/net/tun",
    "/dev/ptmx",
    "/dev/vda",
    "/dev/sda",
    "/dev/loop-control",
)


def _not_killed_for_it(outcome: Outcome) -> bool:
    """The call of the other ABI was not answered with the signal for bad system calls."""
    return any(run.exit_code != _BAD_SYSTEM_CALL for run in outcome.runs)


def _reaching(calls: dict[str, str]) -> str:
    return "\n".join(
        f"reach({name!r}, {_NUMBERS[name]}, {arguments})"
        for name, arguments in calls.items()
        if name in _NUMBERS
    )


_FILTERED = tuple(
    Attack(
        f"call the kernel for {theme}",
        _reaching(calls),
        bites=("plain as root", *(() if theme in _FOR_ROOT_ALONE else ("warm without filter",))),
        each=tuple(name for name in calls if name in _NUMBERS),
    )
    for theme, calls in CALLS.items()
    if _NUMBERS
)
_OTHER_ABIS = (
    Attack(
        "call the kernel as a 32-bit program",
        """
import mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")
place = ctypes.addressof(ctypes.c_char.from_buffer(page))
ctypes.CFUNCTYPE(ctypes.c_int)(place)()
""",
        bites=("plain", "cold without seccomp", "warm without filter"),
        won=_not_killed_for_it,
        ended=anyhow,
    ),
    Attack(
        "call the kernel by the x32 numbers",
        "libc.syscall(0x40000000 + 39)",
        bites=("plain", "cold without seccomp", "warm without filter"),
        won=_not_killed_for_it,
        ended=anyhow,
    ),
)
ATTACKS = (
    *_FILTERED,
    *(_OTHER_ABIS if platform.machine() == "x86_64" else ()),
    Attack(
        "call the kernel by numbers that nobody looked at",
        """
for number in (463, 470, 480, 500, 511, 548, 600, 1_023):
    ctypes.set_errno(0)
    result = libc.syscall(number, -1, -1, -1, -1, -1, -1)
    if result != -1 or ctypes.get_errno() != errno.ENOSYS:
        won(number)
""",
        bites=("cold without seccomp", "warm without filter"),
    ),
    Attack(
        "make namespaces",
        """
flags = {"user": 0x10000000, "mount": 0x20000, "net": 0x40000000, "pid": 0x20000000,
         "ipc": 0x8000000, "uts": 0x4000000, "cgroup": 0x2000000}
clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
for name, flag in flags.items():
    pid = os.fork()
    if pid == 0:
        if libc.unshare(flag) == 0:
            won("unshared " + name)
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    child = libc.syscall(clone, flag | 17, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    if child > 0:
        won("cloned " + name)
        os.waitpid(child, 0)
""",
        bites=("plain as root", "cold without seccomp, nesting"),
    ),
    Attack(
        "make namespaces by a tool",
        """
import shutil, subprocess
for tool in (["unshare", "-Ur", "true"], ["unshare", "-m", "true"],
             ["bwrap", "--ro-bind", "/", "/", "true"]):
    if shutil.which(tool[0]) and subprocess.run(tool, capture_output=True).returncode == 0:
        won(tool)
""",
        bites=("plain as root", "cold without seccomp, nesting"),
    ),
    Attack(
        "mount something over the work directory",
        """
os.mkdir("m")
if libc.mount(b"tmpfs", b"m", b"tmpfs", 0, None) == 0:
    won("a tmpfs")
    libc.umount2(b"m", 2)
if libc.mount(b"/", b"m", None, 4096, None) == 0:
    won("the root")
    libc.umount2(b"m", 2)
if libc.mount(None, b"input", None, 32 | 4096, None) == 0:
    won("remounted the input")
if libc.umount2(b"input", 2) == 0:
    won("took the input away")
""",
        bites=("plain as root",),
    ),
    Attack(
        "break out of the root by another root",
        """
os.mkdir("jail")
if libc.chroot(b"jail") == 0:
    for _ in range(64):
        os.chdir("..")
    os.chroot(".")
    won("chroot twice")
""",
        bites=("plain as root",),
        ended=anyhow,
    ),
    Attack(
        "join the namespaces of another process",
        """
for process in ("1", str(os.getppid())):
    for name in ("mnt", "user", "net", "pid"):
        try:
            fd = os.open(f"/proc/{process}/ns/{name}", os.O_RDONLY)
        except OSError:
            continue
        pid = os.fork()
        if pid == 0:
            if libc.setns(fd, 0) == 0:
                won(name)
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(pid, 0)
        os.close(fd)
""",
        bites=("plain as root",),
    ),
    Attack(
        "open a file by its number",
        """
numbers = {"x86_64": (303, 304), "aarch64": (264, 265)}
to_handle, by_handle = numbers[os.uname().machine]
handle = ctypes.create_string_buffer(b"\\x80\\0\\0\\0" + bytes(132))
mount = ctypes.c_int()
if libc.syscall(to_handle, -100, b"/usr/bin/env", handle, ctypes.byref(mount), 0) == 0:
    won("a handle")
    top = os.open("/usr", os.O_RDONLY)
    if libc.syscall(by_handle, top, handle, 0) >= 0:
        won("a file by its handle")
""",
        bites=("plain as root",),
    ),
    Attack(
        "kernel settings, devices and the memory of the machine",
        f"""
for place in {_FILES!r}:
    for flags in (os.O_WRONLY, os.O_RDWR):
        attempt("may write " + place, lambda: os.close(os.open(place, flags | os.O_NONBLOCK)))
for place in ("/dev/mem", "/dev/kmsg", "/proc/kcore", "/proc/kmsg", "/dev/port", "/dev/vda",
              "/proc/kpagecount", "/proc/vmallocinfo", "/proc/slabinfo"):
    try:
        fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        continue
    try:
        if os.read(fd, 1):
            won("read " + place)
    except OSError:
        pass
    os.close(fd)
""",
        bites=("plain as root",),
    ),
    Attack(
        "addresses of the kernel",
        """
try:
    lines = open("/proc/kallsyms").read(4096).splitlines()[:9]
except OSError:
    lines = []
if any(int(line.split()[0], 16) for line in lines):
    won(lines[0])
""",
        bites=("plain as root",),
    ),
    Attack(
        "control groups",
        """
for folder, _, names in os.walk("/sys/fs/cgroup"):
    for name in names:
        if name in ("cgroup.procs", "tasks", "memory.limit_in_bytes", "pids.max", "memory.max",
                    "release_agent", "notify_on_release"):
            place = os.path.join(folder, name)
            attempt(place, lambda: os.close(os.open(place, os.O_WRONLY)))
""",
        bites=("plain as root",),
    ),
    Attack(
        "capabilities and new privileges",
        """
lines = [line.split(":", 1) for line in open("/proc/self/status")]
status = {name: value.strip() for name, value in lines}
for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
    if int(status[name], 16):
        won(name)
if status["NoNewPrivs"] != "1":
    won("NoNewPrivs")
if status["Seccomp"] != "2":
    won("Seccomp")
if "0" in status["Uid"].split() + status["Gid"].split():
    won("root")
if libc.prctl(38, 0, 0, 0, 0) == 0:
    won("took back NoNewPrivs")
full = (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)
if libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), full) == 0:
    won("capset")
for mapping in ("uid_map", "gid_map"):
    try:
        lines = open(f"/proc/self/{mapping}").readlines()
    except OSError:
        continue
    for line in lines:
        inside, outside, count = map(int, line.split())
        if outside == 0 or count > 1 or inside == 0:
            won(mapping)
""",
        bites=("plain", "plain as root", "warm without capabilities"),
        beyond={
            "landlock as an ordinary user": "only root can empty the bounding set; without new "
            "privileges it gives nothing"
        },
    ),
    Attack(
        "type into the terminal of whoever started it",
        """
import fcntl, termios
attempt("/dev/tty", lambda: os.close(os.open("/dev/tty", os.O_RDWR)))
for fd in (0, 1, 2):
    for request in (termios.TIOCSTI, termios.TIOCSTI | 1 << 32, 0x541C):
        ctypes.set_errno(0)
        libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]
        if libc.ioctl(fd, request, b"\\n") == 0:
            won(f"{fd} {request:x}")
""",
        bites=("plain as root on a terminal",),
    ),
    Attack(
        "run a program that lies in no file",
        """
fd = libc.memfd_create(b"program", 0)
if fd >= 0:
    os.write(fd, open(os.path.realpath("/bin/true"), "rb").read())
    pid = os.fork()
    if pid == 0:
        os.execve(fd, ["true"], {})
    if os.waitpid(pid, 0)[1] == 0:
        won("ran")
""",
        bites=("plain", "cold without seccomp"),
    ),
)
