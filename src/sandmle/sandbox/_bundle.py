"""Our modules as text, for a process that must not see our files.

An agents' interpreter cannot import sandmle, and the fork server inside it is no exception.
"""

from __future__ import annotations

import json
from pathlib import Path

BOOT = """
import json, os, sys, types
with os.fdopen(int(sys.argv[1]), "rb") as file:
    sources = json.load(file)
for name in ("sandmle", "sandmle.sandbox"):
    sys.modules[name] = types.ModuleType(name)
for name, source in sources.items():
    module = sys.modules["sandmle.sandbox." + name] = types.ModuleType("sandmle.sandbox." + name)
    exec(compile(source, name + ".py", "exec"), module.__dict__)
    setattr(sys.modules["sandmle.sandbox"], name, module)
module.main(int(sys.argv[2]))
"""
"""Runs `main(descriptor)` of the last module of a bundle; the descriptors of the bundle and for
`main` are its arguments."""


def bundle(*names: str) -> bytes:
    """Return modules of this package, each after those that it imports."""
    folder = Path(__file__).parent
    texts = {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in names}
    return json.dumps(texts).encode()
