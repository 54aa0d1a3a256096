"""Docker and Podman for the tests: what this machine has, and an image made of this interpreter."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sandmle.sandbox._docker_words import LABEL, owner
from sandmle.sandbox.docker import DockerSandbox

_START_SECONDS = 30.0
_LEFT_OUT = {"test", "idlelib", "tkinter", "lib2to3", "ensurepip", "__pycache__"}
_LEFT_OUT |= {"site-packages", "dist-packages"}
_SMALLER_LIMITS = ("--ulimit", "nproc=4096:4096")
"""Podman asks for more than a machine may allow that took a right from root."""


class UnavailableError(Exception):
    """This machine has no such containers; the message says why."""


@dataclass(frozen=True)
class Kit:
    """A way to run containers, with an image of its own."""

    product: str
    words: tuple[str, ...]
    options: tuple[str, ...]
    image: str

    def sandbox(self, **more) -> DockerSandbox:
        return DockerSandbox(
            **{"image": self.image, "docker": self.words, "options": self.options, **more}
        )

    def containers(self, *, of: str | None = None) -> list[str]:
        """Return the ids of all containers of an owner, running or not; by default of this one."""
        label = f"label={LABEL}={of or owner()}"
        words = [*self.words, "ps", "--all", "--quiet", "--no-trunc", "--filter", label]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


@contextlib.contextmanager
def kit(product: str, folder: Path) -> Iterator[Kit]:
    """Yield a kit that works; what was started and imported for it is ended and removed."""
    with contextlib.ExitStack() as stack:
        if product == "docker":
            stack.enter_context(_docker_daemon(folder))
            candidates = [(("docker",), ())]
        else:
            candidates = [
                (("podman", *runtime), options)
                for runtime in ((), ("--runtime", "runc"))
                for options in ((), _SMALLER_LIMITS)
            ]
        if shutil.which(product) is None:
            raise UnavailableError(f"there is no {product}")
        image = f"localhost/sandmle-test:{uuid.uuid4().hex}"
        _checked([product, "import", "-", image], stdin=image_tar())
        stack.callback(subprocess.run, [product, "rmi", image], capture_output=True, check=True)
        yield _first_that_runs(product, candidates, image)


def _first_that_runs(product, candidates, image) -> Kit:
    said = ""
    for words, options in candidates:
        flags = ["run", "--rm", "--network=none", "--ulimit=nofile=1024:1024", *options]
        tried = subprocess.run(
            [*words, *flags, image, "python3", "-c", "print(6 * 7)"],
            capture_output=True,
            text=True,
            check=False,
        )
        if tried.stdout == "42\n":
            return Kit(product, words, options, image)
        said = tried.stderr.strip()
    raise UnavailableError(f"{product} cannot run a container here: {said}")


@contextlib.contextmanager
def _docker_daemon(folder: Path) -> Iterator[None]:
    """Use the daemon that answers, or start one of our own, without a network."""
    if shutil.which("docker") is None:
        raise UnavailableError("there is no docker")
    if _answers():
        yield
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise UnavailableError("no Docker daemon answers, and none can be started")
    address = f"unix://{folder}/sock"
    (folder / "daemon.json").write_text("{}")
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            [
                "dockerd", "--config-file", folder / "daemon.json", "--host", address,
                "--data-root", folder / "data", "--exec-root", folder / "exec",
                "--pidfile", folder / "pid", "--bridge=none", "--iptables=false",
                "--ip-forward=false", "--ip-masq=false",
            ],
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = address
    try:
        give_up = time.monotonic() + _START_SECONDS
        while not _answers():
            if daemon.poll() is not None or time.monotonic() > give_up:
                raise UnavailableError(
                    f"dockerd does not start: {(folder / 'log').read_text()[-500:]}"
                )
            time.sleep(0.2)
        yield
    finally:
        os.environ.pop("DOCKER_HOST")
        if before is not None:
            os.environ["DOCKER_HOST"] = before
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(timeout=60)


def _answers() -> bool:
    words = ["docker", "info", "--format", "{{.ServerVersion}}"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return False
    return said.returncode == 0 and re.match(r"\d+\.", said.stdout) is not None


@cache
def image_tar() -> bytes:
    """Return a root file system of this interpreter, its standard library, and what they link."""
    program = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    libraries = {
        Path(found)
        for file in (program, *library.glob("lib-dynload/*.so"))
        for found in re.findall(r"(/\S+) \(0x", _linked(file))
    }
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for place in sorted({program, *libraries}):
            _add(tar, place)
        for place in sorted(library.rglob("*")):
            if place.is_file() and not _LEFT_OUT & set(place.relative_to(library).parts):
                _add(tar, place)
        link = tarfile.TarInfo("usr/local/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, str(program)
        tar.addfile(link)
    return data.getvalue()


def _add(tar: tarfile.TarFile, place: Path) -> None:
    """Add a file, where a link leads to included, readable for everybody."""
    content = place.read_bytes()
    info = tarfile.TarInfo(str(place).lstrip("/"))
    info.size, info.mode = len(content), 0o755
    tar.addfile(info, io.BytesIO(content))


def _linked(file: Path) -> str:
    return subprocess.run(["ldd", file], capture_output=True, text=True, check=False).stdout


def _checked(words, *, stdin: bytes) -> None:
    done = subprocess.run(words, input=stdin, capture_output=True, check=False)
    if done.returncode:
        raise UnavailableError(f"{words[0]} cannot import an image: {done.stderr.decode()}")
