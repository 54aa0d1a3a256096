"""The examples run, and README shows one of them with the output that it has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.isolation
def test_the_example_of_the_readme_is_the_file_and_prints_what_the_readme_says(tmp_path):
    code, said = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", README, re.DOTALL).groups()
    example = ROOT / "examples" / "first_episode.py"
    assert code.strip() in example.read_text(encoding="utf-8")
    run = subprocess.run(
        [sys.executable, example, tmp_path / "tasks"], capture_output=True, text=True, check=True
    )
    assert run.stdout == said


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_of_the_front_pages_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []
