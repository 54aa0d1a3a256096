"""The other side of `twin`: recipes come in and content hashes go out, a line of JSON each."""

from __future__ import annotations

import json
import sys

from sandmle.authors.procedural import rebuild
from sandmle.core.errors import SandmleError


def serve() -> None:
    """Answer until standard input ends."""
    for line in sys.stdin:
        try:
            answer = {"hash": rebuild(json.loads(line)).content_hash()}
        except (SandmleError, ValueError, KeyError) as exc:
            answer = {"error": f"{type(exc).__name__}: {exc}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
