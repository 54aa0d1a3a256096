"""A second process, with another hash seed and thread count, that builds drafts again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Any, Self

from sandmle.core.errors import AuthorError

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Twin:
    """Answers with content hashes until it is closed; started at the first question.

    One process per twin and one question at a time: it is not safe to share between threads.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def content_hash(self, recipe: Mapping[str, Any]) -> str:
        """Build a draft from its recipe in the other process and return its content hash.

        Raises:
            AuthorError: If the recipe fails there, or the process ends.
        """
        process = self._start()
        stdin, stdout = _pipes(process)
        try:
            stdin.write(json.dumps(recipe) + "\n")
            stdin.flush()
            line = stdout.readline()
        except OSError as exc:
            raise AuthorError(f"the second process cannot be reached: {exc}") from exc
        if not line:
            raise AuthorError(
                f"the second process ended with exit code {process.wait()} on {recipe['family']}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise AuthorError(f"the recipe fails in a second process: {answer['error']}")
        return str(answer["hash"])

    def close(self) -> None:
        """End the process; calling it twice is fine."""
        if self._process is not None:
            for pipe in _pipes(self._process):
                pipe.close()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandmle.generate._twin_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=other_environment(os.environ),
                # Ctrl-C in a terminal reaches the whole foreground group; this one ends with us
                start_new_session=True,
            )
        return self._process


def other_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment whose hash seed and thread count differ from these."""
    ours = environment.get("PYTHONHASHSEED", "random")
    threads = "2" if environment.get(_THREAD_VARIABLES[0]) == "1" else "1"
    return {
        **environment,
        **dict.fromkeys(_THREAD_VARIABLES, threads),
        "PYTHONHASHSEED": "1" if ours != "1" else "2",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise AuthorError("the second process has no pipes")
    return process.stdin, process.stdout
