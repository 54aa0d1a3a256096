"""What a process can still do after `_landlock.restrict`, tried in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import sandmle.sandbox
from sandmle.sandbox import _landlock as landlock

needs_landlock = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
needs_tcp_rights = pytest.mark.skipif(
    landlock.abi() < landlock.TCP_SINCE, reason="Landlock for TCP needs Linux 6.7"
)
needs_scopes = pytest.mark.skipif(
    landlock.abi() < landlock.SCOPES_SINCE, reason="Landlock scopes need Linux 6.12"
)

_SYSTEM = ("/usr", "/lib", "/lib64", sys.prefix, sys.base_prefix)
# The package's `__init__` would import pydantic, which lies where a test may not allow to read.
_PRELUDE = """
import ctypes, errno, json, os, signal, socket, sys, types
root = sys.argv[1]
for name, path in (("sandmle", root), ("sandmle.sandbox", root + "/sandbox")):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [path]
from sandmle.sandbox import _landlock as landlock
from sandmle.sandbox._mounts import SetupError

def outcome(act):
    try:
        act()
    except OSError as exc:
        return errno.errorcode[exc.errno]
    return "done"

rules = json.loads(sys.argv[2])
"""


def _run(code: str, *, restrict: bool = True, **rules: Any) -> Any:
    """Run code in a new process, by default after `restrict(**rules)`; return what it prints."""
    rules = {"read": _SYSTEM, "write": (), **rules}
    entered = "landlock.restrict(**rules)\n" if restrict else ""
    script = _PRELUDE + entered + textwrap.dedent(code)
    source = str(Path(sandmle.sandbox.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", script, source, json.dumps(rules)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _tree(folder: Path) -> Path:
    for name in ("open", "closed"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("text")
    return folder


@needs_landlock
def test_only_what_is_given_can_be_read_and_listed(tmp_path: Path) -> None:
    _tree(tmp_path)
    assert _run(
        f"""
        places = ["{tmp_path}/open/file", "{tmp_path}/closed/file", "/etc/hostname", "/proc/1/stat"]
        folders = ["{tmp_path}/open", "{tmp_path}/closed", "{tmp_path}", "/"]
        print(json.dumps([
            [outcome(lambda: open(place).read()) for place in places],
            [outcome(lambda: os.listdir(folder)) for folder in folders],
        ]))
        """,
        read=(*_SYSTEM, f"{tmp_path}/open"),
    ) == [["done", "EACCES", "EACCES", "EACCES"], ["done", "EACCES", "EACCES", "EACCES"]]


@needs_landlock
def test_a_readable_place_cannot_be_changed(tmp_path: Path) -> None:
    _tree(tmp_path)
    tried = _run(
        f"""
        here = "{tmp_path}/open"
        print(json.dumps({{name: outcome(act) for name, act in {{
            "write": lambda: open(here + "/file", "r+"),
            "append": lambda: open(here + "/file", "a"),
            "create": lambda: open(here + "/new", "w"),
            "mkdir": lambda: os.mkdir(here + "/folder"),
            "symlink": lambda: os.symlink("file", here + "/link"),
            "link": lambda: os.link(here + "/file", here + "/link"),
            "mkfifo": lambda: os.mkfifo(here + "/fifo"),
            "rename": lambda: os.rename(here + "/file", here + "/other"),
            "remove": lambda: os.remove(here + "/file"),
            "rmdir": lambda: os.rmdir(here),
        }}.items()}}))
        """,
        read=(*_SYSTEM, f"{tmp_path}/open"),
    )
    assert set(tried.values()) <= {"EACCES", "EXDEV"}, tried
    assert (tmp_path / "open" / "file").read_text() == "text"


@needs_landlock
@pytest.mark.skipif(landlock.abi() < 3, reason="Landlock for truncation needs Linux 6.2")
def test_a_readable_file_cannot_be_truncated(tmp_path: Path) -> None:
    _tree(tmp_path)
    file = f"{tmp_path}/open/file"
    assert _run(
        f"print(json.dumps(outcome(lambda: os.truncate('{file}', 0))))", read=(*_SYSTEM, file)
    ) == ("EACCES")


@needs_landlock
def test_everything_but_devices_can_be_done_in_a_writable_place(tmp_path: Path) -> None:
    _tree(tmp_path)
    tried = _run(
        f"""
        here = "{tmp_path}/open"
        def write():
            with open(here + "/new", "w") as file:
                file.write("text")
        def bind():
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(here + "/socket")
        print(json.dumps({{name: outcome(act) for name, act in {{
            "write": write,
            "truncate": lambda: os.truncate(here + "/new", 1),
            "mkdir": lambda: os.makedirs(here + "/a/b"),
            "symlink": lambda: os.symlink("new", here + "/link"),
            "mkfifo": lambda: os.mkfifo(here + "/fifo"),
            "bind": bind,
            "rename": lambda: os.rename(here + "/new", here + "/a/b/other"),
            "link": lambda: os.link(here + "/a/b/other", here + "/hard"),
            "list": lambda: os.listdir(here),
            "remove": lambda: os.remove(here + "/a/b/other"),
            "rmdir": lambda: os.rmdir(here + "/a/b"),
        }}.items()}}))
        """,
        write=(f"{tmp_path}/open",),
    )
    if landlock.abi() < 2:
        assert {tried.pop("rename"), tried.pop("link")} == {"EXDEV"}
    assert set(tried.values()) == {"done"}, tried
    assert (tmp_path / "open" / "hard").read_text() == "t"


@needs_landlock
def test_files_cannot_be_moved_out_of_a_writable_place(tmp_path: Path) -> None:
    _tree(tmp_path)
    assert _run(
        f"""
        here, there = "{tmp_path}/open/file", "{tmp_path}/closed/moved"
        print(json.dumps([outcome(lambda: os.rename(here, there)),
                          outcome(lambda: os.link(here, there))]))
        """,
        write=(f"{tmp_path}/open",),
    ) in (["EACCES"] * 2, ["EXDEV"] * 2)


@needs_landlock
def test_a_folder_to_list_gives_names_but_no_contents(tmp_path: Path) -> None:
    _tree(tmp_path)
    assert _run(
        f"""
        print(json.dumps([sorted(os.listdir("{tmp_path}")), os.listdir("{tmp_path}/open"),
                          outcome(lambda: open("{tmp_path}/open/file"))]))
        """,
        list_only=(str(tmp_path),),
    ) == [["closed", "open"], ["file"], "EACCES"]


@needs_landlock
def test_programs_run_only_from_readable_places(tmp_path: Path) -> None:
    for name in ("open", "closed"):
        (tmp_path / name).write_bytes(Path("/bin/true").read_bytes())
        (tmp_path / name).chmod(0o755)
    assert _run(
        f"""
        import subprocess
        print(json.dumps([outcome(lambda: subprocess.run([f"{tmp_path}/{{name}}"], check=True))
                          for name in ("open", "closed")]))
        """,
        read=(*_SYSTEM, f"{tmp_path}/open"),
    ) == ["done", "EACCES"]


@needs_landlock
def test_a_device_is_usable_and_only_that_one() -> None:
    assert _run(
        """
        print(json.dumps([outcome(lambda: open(f"/dev/{name}", "r+b", buffering=0).write(b"x"))
                          for name in ("null", "zero")]))
        """,
        devices=("/dev/null",),
    ) == ["done", "EACCES"]


@needs_landlock
def test_places_are_taken_as_descriptors_and_missing_ones_are_passed_over(tmp_path: Path) -> None:
    _tree(tmp_path)
    assert _run(
        f"""
        fd = os.open("{tmp_path}/open", os.O_PATH)
        rules["read"] += ["{tmp_path}/missing", "{tmp_path}/open/file/beneath", fd]
        landlock.restrict(**rules)
        print(json.dumps([outcome(lambda: open("{tmp_path}/open/file")),
                          outcome(lambda: open("{tmp_path}/closed/file")),
                          outcome(lambda: os.fstat(fd))]))
        """,
        restrict=False,
    ) == ["done", "EACCES", "done"]


@needs_landlock
def test_files_are_no_folders_whatever_rights_their_place_has(tmp_path: Path) -> None:
    _tree(tmp_path)
    file = f"{tmp_path}/open/file"
    assert _run(
        f"print(json.dumps(outcome(lambda: open('{file}', 'w').write('new'))))",
        read=(*_SYSTEM, file),
        write=(file,),
        list_only=(file,),
    ) == ("done")


@needs_landlock
def test_no_new_privileges_are_set() -> None:
    code = """
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        print(json.dumps(status["NoNewPrivs"].strip()))
    """
    assert _run(code, read=(*_SYSTEM, "/proc")) == "1"


@needs_tcp_rights
@pytest.mark.parametrize(("allow_tcp", "expected"), [(False, "EACCES"), (True, "done")])
def test_tcp_is_given_up_unless_allowed(allow_tcp: bool, expected: str) -> None:
    code = """
        with socket.socket() as sock, socket.socket() as client:
            found = [outcome(lambda: sock.bind(("127.0.0.1", 0)))]
            if found == ["done"]:
                sock.listen()
            place = sock.getsockname() if found == ["done"] else ("127.0.0.1", 1)
            print(json.dumps([*found, outcome(lambda: client.connect(place))]))
    """
    assert _run(code, allow_tcp=allow_tcp) == [expected] * 2


@needs_scopes
@pytest.mark.parametrize(("scoped", "expected"), [(True, "EPERM"), (False, "done")])
def test_signals_stay_within_the_run(scoped: bool, expected: str) -> None:
    code = """
        inner = os.fork()
        if inner == 0:
            signal.pause()
        print(json.dumps([outcome(lambda: os.kill(os.getppid(), 0)),
                          outcome(lambda: os.kill(inner, signal.SIGKILL))]))
    """
    assert _run(code, scoped=scoped) == [expected, "done"]


@needs_scopes
@pytest.mark.parametrize(("scoped", "expected"), [(True, "EPERM"), (False, "done")])
def test_abstract_sockets_stay_within_the_run(scoped: bool, expected: str) -> None:
    code = """
        name = f"\\0sandmle-test-{os.getpid()}"
        server = socket.socket(socket.AF_UNIX)
        server.bind(name)
        server.listen()
        landlock.restrict(**rules)
        with socket.socket(socket.AF_UNIX) as sock:
            print(json.dumps(outcome(lambda: sock.connect(name))))
    """
    assert _run(code, restrict=False, scoped=scoped) == expected


@needs_landlock
def test_the_parent_cannot_be_traced() -> None:
    # Root could read the environment by a capability, and giving it up hides /proc/self from it.
    code = """
        if os.getuid() == 0:
            os.setresuid(65534, 65534, 65534)
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
        parent = os.getpid()
        if os.fork() == 0:
            landlock.restrict(**rules)
            print(json.dumps([outcome(lambda: open(f"/proc/{parent}/environ")),
                              outcome(lambda: open(f"/proc/{parent}/mem")),
                              outcome(lambda: open("/proc/self/environ"))]))
            sys.stdout.flush()
            os._exit(0)
        os.wait()
    """
    assert _run(code, restrict=False, read=(*_SYSTEM, "/proc")) == ["EACCES", "EACCES", "done"]


def test_each_abi_takes_away_what_it_knows() -> None:
    known = [landlock.handled(version, allow_tcp=False, scoped=True) for version in range(10)]
    assert [bin(what.files).count("1") for what in known] == [0, 13, 14, 15, 15, *[16] * 5]
    assert [what.tcp for what in known] == [0] * 4 + [3] * 6
    assert [what.scopes for what in known] == [0] * 6 + [3] * 4


def test_nothing_more_than_asked_for_is_taken_away() -> None:
    what = landlock.handled(7, allow_tcp=True, scoped=False)
    assert (what.tcp, what.scopes) == (0, 0)
    assert landlock.handled(-1, allow_tcp=False, scoped=True).files == 0
