"""The parts of the backend `docker` that need no container."""

import ast
import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sandmle.core.errors import SandboxError, UsageError
from sandmle.core.task import Limits
from sandmle.sandbox._docker_cgroup import MemoryGroup
from sandmle.sandbox._docker_clean import empty
from sandmle.sandbox._docker_container import _sources
from sandmle.sandbox._docker_words import Client, Size, explained, owner
from sandmle.sandbox.docker import DEFAULT_IMAGE, DockerSandbox

LIMITS = Limits(step_seconds=20, memory_mib=512, disk_mib=16, processes=24)
SIZE = Size.of(LIMITS, sizes=[])


@pytest.fixture
def answering(tmp_path: Path):
    """Make a command that records how it is called and answers by the first word; else it fails."""

    def make(**answers: str) -> tuple[str, Path]:
        calls = tmp_path / "calls"
        cases = "".join(f"{word}) {script} ;;\n" for word, script in answers.items())
        command = tmp_path / "docker"
        command.write_text(
            f"#!/bin/sh\nprintf '%s\\n' \"$*\" >> {calls}\n"
            "case $1 in\n--version) echo 'Docker version 28.2.2, build e6534b4' ;;\n"
            f"{cases}*) echo unknown >&2; exit 1 ;;\nesac\n"
        )
        command.chmod(0o755)
        return str(command), calls

    return make


def words_of(product: str, **more) -> list[str]:
    return Client(("tool", "--flag"), product).run(
        "image", "-c", "code", name="n", size=SIZE, **more
    )


@pytest.mark.parametrize("product", ["Docker", "Podman"])
def test_a_container_has_no_network_no_writable_root_and_few_rights(product):
    words = words_of(product)
    assert words[:3] == ["tool", "--flag", "run"]
    assert words[-3:] == ["image", "-c", "code"]
    assert {
        "--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges",
        "--rm", "--pull=never", "--no-healthcheck", "--log-driver=none", "--init=false",
        "--pids-limit=25", "--ulimit=core=0:0", "--entrypoint=python3",
    } <= set(words)  # fmt: skip
    added = [word for word in words if word.startswith("--cap-add")]
    assert added == [f"--cap-add={name}" for name in ("KILL", "SETGID", "SETPCAP", "SETUID")]
    assert not any(word.startswith(("--volume", "-v", "--mount", "--device")) for word in words)
    assert not any(word.startswith(("--privileged", "--env", "-e", "--publish")) for word in words)


def test_memory_holds_the_files_too_and_swap_is_not_used():
    size = Size.of(LIMITS, sizes=[5, 3 << 20])
    assert (size.work_mib, size.disk_mib) == (16 + 4, 16)
    assert size.memory_mib == 512 + 20 + 2 * 16 + 8 + 64
    words = Client(("docker",), "Docker").run("image", name="n", size=size)
    assert f"--memory={size.memory_mib}m" in words
    assert f"--memory-swap={size.memory_mib}m" in words
    (box,) = [word for word in words if word.startswith("--tmpfs=/box:")]
    assert "size=20m,nr_inodes=4100," in box


def test_podman_is_asked_only_for_what_it_has():
    words = words_of("Podman")
    assert "--read-only-tmpfs=false" in words
    assert not any("nr_inodes" in word for word in words)
    assert "--read-only-tmpfs=false" not in words_of("Docker")


def test_gpus_are_given_by_number_and_only_when_asked_for():
    assert '--gpus="device=0,2"' in words_of("Docker", gpus=[0, 2])
    given = [word for word in words_of("Podman", gpus=[0, 2]) if "nvidia" in word]
    assert given == ["--device=nvidia.com/gpu=0", "--device=nvidia.com/gpu=2"]
    for product in ("Docker", "Podman"):
        assert not any("nvidia" in word or "gpus" in word for word in words_of(product))


def test_options_of_the_user_come_after_all_others():
    words = words_of("Docker", options=["--runtime=kata", "--memory=1g"])
    assert words[-6:] == [
        "--runtime=kata", "--memory=1g", "--entrypoint=python3", "image", "-c", "code",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Docker version 19.03.15, build 99e3ed8", "Docker 19.3 is too old; install 20.10"),
        ("podman version 3.4.4", "Podman 3.4 is too old; install 4.0"),
        ("GNU coreutils", "give docker="),
    ],
)
def test_a_command_that_will_not_do_is_refused(tmp_path, said, reason):
    command = tmp_path / "docker"
    command.write_text(f"#!/bin/sh\necho '{said}'\n")
    command.chmod(0o755)
    with DockerSandbox(docker=[str(command)]) as sandbox, pytest.raises(SandboxError, match=reason):
        sandbox.open({}, LIMITS)


def test_a_command_that_is_not_there_is_named_with_the_way_to_get_one():
    with (
        DockerSandbox(docker=["no-such-docker"]) as sandbox,
        pytest.raises(SandboxError, match="'no-such-docker'; install Docker or Podman"),
    ):
        sandbox.open({}, LIMITS)


def test_a_daemon_that_is_not_there_is_named_with_the_next_move(answering):
    command, calls = answering(
        ps="echo 'Cannot connect to the Docker daemon at unix:///x. Is it running?' >&2; exit 1"
    )
    with (
        DockerSandbox(docker=[command]) as sandbox,
        pytest.raises(SandboxError, match=r"Cannot connect.*; start it, or say where it is"),
    ):
        sandbox.open({}, LIMITS)
    assert "run " not in calls.read_text()


def test_an_image_that_is_not_there_is_named_with_the_next_move(answering):
    command, calls = answering(
        ps="true", run="echo 'docker: Error: No such image: x.' >&2; exit 125"
    )
    with DockerSandbox(docker=[command]) as sandbox:
        for _ in range(2):
            with pytest.raises(SandboxError, match=r"No such image: x\.; .*docs/docker\.md"):
                sandbox.open({}, LIMITS)
    started = [line for line in calls.read_text().splitlines() if line.startswith("run ")]
    assert all(f" {DEFAULT_IMAGE} -I -S -B -c" in line for line in started)
    assert len(started) == 2


def test_a_container_that_talks_nonsense_is_an_infrastructure_failure(answering):
    command, _ = answering(ps="true", run="head -c 30 /dev/zero; exec cat >/dev/null")
    with DockerSandbox(docker=[command]) as sandbox, pytest.raises(SandboxError):
        sandbox.open({}, LIMITS)


def test_only_containers_whose_owner_is_dead_are_removed(answering, tmp_path):
    machine, pid, started = owner().split("/")
    owners = {
        "living": owner(),
        "dead": f"{machine}/{pid}/{int(started) + 1}",
        "gone": f"{machine}/4194304/1",
        "elsewhere": f"other-{machine}/4194304/1",
        "odd": "no owner",
        "none": "",
    }
    labels = tmp_path / "labels"
    labels.mkdir()
    for name, label in owners.items():
        (labels / name).write_text(label)
    command, calls = answering(
        ps=f"ls {labels}", inspect=f'for last; do :; done; cat {labels}/"$last"', rm="true"
    )
    Client.find([command]).remove_stale()
    removed = [line for line in calls.read_text().splitlines() if line.startswith("rm ")]
    assert removed == ["rm --force dead", "rm --force gone"]


def test_an_interpreter_of_the_host_is_refused(tmp_path):
    with pytest.raises(UsageError, match="runs the image's own Python"):
        DockerSandbox(python=tmp_path / "python")


def test_what_is_said_is_put_on_one_line_and_kept_where_no_remedy_is_known():
    assert explained("an\n odd   error ") == "an odd error"


@pytest.mark.parametrize(
    ("limit", "events", "text"),
    [
        ("memory.max", "memory.events", "low 0\noom 4\noom_kill 3\n"),
        ("memory.limit_in_bytes", "memory.oom_control", "oom_kill_disable 0\noom_kill 3\n"),
    ],
)
def test_the_kernels_kills_are_counted_in_both_versions_of_control_groups(
    tmp_path, limit, events, text
):
    kinds = (("/nowhere", "x", "y"), (str(tmp_path), limit, events))
    (tmp_path / limit).write_text(f"{600 << 20}\n")
    (tmp_path / events).write_text(text)
    assert MemoryGroup.find(limit_mib=600, kinds=kinds).kills() == 3
    for too_much in (str(601 << 20), "max"):
        (tmp_path / limit).write_text(f"{too_much}\n")
        with pytest.raises(SandboxError, match="not limited to 600 MiB"):
            MemoryGroup.find(limit_mib=600, kinds=kinds)


def test_a_hostile_folder_is_emptied_without_following_links(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    deep = f"import os\nos.chdir({str(hostile)!r})\n" + textwrap.dedent("""
        for _ in range(1_500):
            os.mkdir("d" * 40)
            os.chdir("d" * 40)
    """)
    subprocess.run([sys.executable, "-c", deep], check=True)
    (hostile / "link").symlink_to(outside)
    os.mkfifo(hostile / "fifo")
    (hostile / "closed").mkdir()
    (hostile / "closed" / "file").touch()
    (hostile / "closed" / "link").symlink_to("/etc")
    (hostile / "closed").chmod(0)
    (hostile / os.fsdecode(b"\xff\n")).touch()
    empty(str(hostile))
    assert list(hostile.iterdir()) == []
    assert (outside / "kept").exists()
    assert stat.S_IMODE(Path("/etc").stat().st_mode) == 0o755


def test_a_container_needs_no_module_that_an_image_may_lack():
    """Everything that is sent into it imports the standard library and what is sent before it."""
    known = set(sys.stdlib_module_names)
    sent = json.loads(_sources()[8:])
    for name, source in sent.items():
        for node in ast.walk(ast.parse(textwrap.dedent(source))):
            if isinstance(node, ast.Import):
                assert {alias.name.partition(".")[0] for alias in node.names} <= known, name
            elif isinstance(node, ast.ImportFrom):
                module = node.module or ""
                assert module in known or module.partition(".")[0] in known, (name, module)
        known.add(name)
