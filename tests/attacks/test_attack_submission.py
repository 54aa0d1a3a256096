import os

import pytest

from sandmle.core.errors import InvalidSubmission
from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits

NAME = "submission.csv"
TRICKS = {
    "a link to a file of the host": f"os.symlink('/etc/passwd', '{NAME}')",
    "a link to itself": f"os.symlink('{NAME}', '{NAME}')",
    "a link into proc": f"os.symlink('/proc/self/environ', '{NAME}')",
    "a directory": f"os.mkdir('{NAME}')",
    "a fifo": f"os.mkfifo('{NAME}')",
    "a socket": f"import socket; socket.socket(socket.AF_UNIX).bind('{NAME}')",
    "a large file": f"open('{NAME}', 'w').write('x' * 2_000_000)",
    "a sparse file": f"open('{NAME}', 'wb').truncate(12 << 20)",
}


@pytest.mark.parametrize("trick", TRICKS)
def test_what_is_no_regular_file_is_refused(trick: str, cold: Sandbox, limits: Limits) -> None:
    with cold.open({}, limits) as session:
        assert session.run("import os\n" + TRICKS[trick]).ok
        with pytest.raises(InvalidSubmission, match=NAME):
            session.read(NAME, max_bytes=1_000_000)


@pytest.mark.parametrize(
    "code",
    [
        f"os.mknod('{NAME}', 0o600 | stat.S_IFCHR, os.makedev(1, 5))",
        f"os.mknod('{NAME}', 0o600 | stat.S_IFBLK, os.makedev(7, 0))",
        f"os.link('/etc/passwd', '{NAME}')",
        f"os.link('input/train.csv', '{NAME}')",
        f"open('{NAME}', 'wb').truncate(1 << 40)",
    ],
)
def test_devices_foreign_hard_links_and_terabytes_cannot_be_made(
    code: str, cold: Sandbox, limits: Limits
) -> None:
    with cold.open({"train.csv": b"x"}, limits) as session:
        assert "OSError" in session.run(f"import os, stat\n{code}").stderr.replace(
            "PermissionError", "OSError"
        )


def test_a_file_without_permissions_is_read_or_refused_and_never_hangs(
    cold: Sandbox, limits: Limits
) -> None:
    with cold.open({}, limits) as session:
        session.run(f"import os; open('{NAME}', 'w').write('id\\n'); os.chmod('{NAME}', 0)")
        if os.geteuid() == 0:
            assert session.read(NAME, max_bytes=100) == b"id\n"
        else:
            with pytest.raises(InvalidSubmission, match=NAME):
                session.read(NAME, max_bytes=100)


def test_nobody_changes_the_file_after_the_run(cold: Sandbox, limits: Limits) -> None:
    code = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    number = 0
    while True:
        number += 1
        open("{NAME}", "w").write(str(number))
time.sleep(0.3)
"""
    with cold.open({}, limits) as session:
        session.run(code)
        assert session.read(NAME, max_bytes=99) == session.read(NAME, max_bytes=99)


def test_odd_names_and_a_very_deep_tree_survive_the_clean_up(cold: Sandbox, limits: Limits) -> None:
    code = """
import os
for name in (b"\\xff\\xfe", b"new\\nline", b"-rf", b"a" * 255):
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
for _ in range(3_000):
    os.mkdir("d")
    os.chdir("d")
print("deep")
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "deep\n"
        assert session.read("-rf", max_bytes=9) == b""
    with cold.open({}, limits) as after:
        assert after.run("print(1)").ok
