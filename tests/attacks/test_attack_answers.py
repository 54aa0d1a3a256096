import os
from pathlib import Path

import pytest

from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits

KEY = "sk-planted-0123456789"
ANSWER = "answer-planted-77"


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLANTED_API_KEY", KEY)
    for folder, name in (("public", "train.csv"), ("private", "answers.csv")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(ANSWER if folder == "private" else "id\n1\n")
    return tmp_path


def test_no_path_leads_to_the_answers(task: Path, cold: Sandbox, limits: Limits) -> None:
    code = f"""
import os
places = [{str(task)!r} + end for end in ("", "/private", "/private/answers.csv", "/public")]
places += ["input/../private", "../private", "/box/../private/answers.csv"]
for link in ("root", "cwd", "fd/0", "fd/1"):
    for process in ("1", "self", "thread-self"):
        places += [f"/proc/{{process}}/{{link}}" + place for place in places[:4]]
print([place for place in places if os.path.exists(place)])
"""
    with cold.open(task / "public", limits) as session:
        assert session.run(code).stdout == "[]\n"


def test_no_readable_file_holds_an_answer_or_a_key(
    task: Path, cold: Sandbox, limits: Limits
) -> None:
    code = """
import os, sys
marks = [b"-planted-" + part for part in (b"0123", b"77")]
skip = {"/usr", "/proc", "/sys", sys.prefix, sys.base_prefix}
found, read = [], 0
for folder, below, names in os.walk("/"):
    below[:] = [name for name in below if os.path.join(folder, name) not in skip]
    for name in names:
        place = os.path.join(folder, name)
        if not os.path.isfile(place):
            continue
        try:
            data = open(place, "rb").read()
        except OSError:
            continue
        read += 1
        found += [place for mark in marks if mark in data]
for place in os.listdir("/proc"):
    for name in ("environ", "cmdline", "maps", "mountinfo", "status"):
        try:
            data = open(f"/proc/{place}/{name}", "rb").read()
        except OSError:
            continue
        read += 1
        found += [place for mark in marks if mark in data]
print(read > 10, found)
"""
    with cold.open(task / "public", limits) as session:
        execution = session.run(code)
    assert execution.stdout == "True []\n", execution


def test_mounts_do_not_tell_where_the_task_lies(task: Path, cold: Sandbox, limits: Limits) -> None:
    with cold.open(task / "public", limits) as session:
        shown = session.run("print(open('/proc/self/mountinfo').read())").stdout
    assert "/box/input" in shown
    assert str(task) not in shown
    assert task.name not in shown


def test_the_memory_of_the_first_process_holds_no_secret(
    task: Path, cold: Sandbox, limits: Limits
) -> None:
    code = """
marks = [b"-planted-" + part for part in (b"0123", b"77")]
seen = found = 0
with open("/proc/1/mem", "rb", 0) as memory:
    for line in open("/proc/1/maps"):
        start, end = (int(number, 16) for number in line.split()[0].split("-"))
        if " r" in line and "[v" not in line:
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except (OSError, OverflowError):
                continue
            seen += len(data)
            found += sum(mark in data for mark in marks)
print(seen > 0, found)
"""
    with cold.open(task / "public", limits) as session:
        execution = session.run(code)
    assert execution.stdout == "True 0\n" or "PermissionError" in execution.stderr, execution


def test_no_process_can_be_traced(cold: Sandbox, limits: Limits) -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.ptrace(16, 1, 0, 0), libc.process_vm_readv(1, None, 0, None, 0, 0))
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "-1 -1\n"


def test_only_the_standard_descriptors_are_open(cold: Sandbox, limits: Limits) -> None:
    code = """
import os
for fd in range(3, 1024):
    try:
        os.fstat(fd)
        print(fd, os.readlink(f"/proc/self/fd/{fd}"))
    except OSError:
        pass
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == ""


def test_an_exit_code_cannot_be_forged_by_writing_to_descriptors(
    cold: Sandbox, limits: Limits
) -> None:
    code = """
import os
for fd in range(3, 64):
    try:
        os.write(fd, b'{"exit-code": 0}' + bytes([10]))
    except OSError:
        pass
os._exit(9)
"""
    with cold.open({}, limits) as session:
        assert session.run(code).exit_code == 9


def test_a_printed_score_is_only_text(cold: Sandbox, limits: Limits) -> None:
    with cold.open({}, limits) as session:
        execution = session.run("print('score: 1.0, medal: gold')")
        assert execution.stdout == "score: 1.0, medal: gold\n"
        assert session.read("submission.csv", max_bytes=1_000) is None


def test_the_sandbox_shows_no_home_and_no_project_folder(cold: Sandbox, limits: Limits) -> None:
    hidden = [Path.home() / name for name in (".ssh", ".bash_history", ".netrc", ".config")]
    hidden += [Path(__file__).resolve(), Path("/etc/shadow"), Path("/root/.ssh"), Path("/var/lib")]
    code = f"import os; print([p for p in {[str(p) for p in hidden]!r} if os.path.exists(p)])"
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "[]\n"


def test_the_callers_user_and_host_names_are_hidden(cold: Sandbox, limits: Limits) -> None:
    code = "import getpass, os; print(getpass.getuser(), os.uname().nodename, os.getcwd())"
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "agent sandbox /box\n"
    assert os.uname().nodename != "sandbox"
