"""What is particular to `text/morph`: word forms, the turning word, asides, and who wins."""

from __future__ import annotations

import csv
import io
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.toolkit.lexicon import Phonology, misspell
from sandmle.core.draft import TaskDraft
from sandmle.seeds.dna import TaskDNA

SOUNDS = Phonology(consonants=("b", "k", "t"), vowels=("a", "o"))


def dna(**more: Any) -> TaskDNA:
    facts = {
        "modality": "text",
        "task_type": "multiclass_classification",
        "metric": "accuracy",
        "metric_family": "accuracy",
        "higher_is_better": True,
    }
    return TaskDNA.model_validate({**facts, **more})


def drawn(difficulty: int, seed: int = 4_711, **more: Any) -> TaskDraft:
    return FAMILIES.get("text/morph-v2").draft(dna(**more), seed, difficulty=difficulty)


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    return [drawn(level) for level in range(3)]


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))[1:]


def topic(draft: TaskDraft, text: str) -> str:
    """The label whose roots are most frequent outside the sentences with the aside word."""
    hits: Counter[str] = Counter()
    for sentence in text.split("."):
        if draft.rule["aside_word"] not in sentence.split():
            for label, roots in draft.rule["roots"].items():
                hits[label] += sum(root in word for word in sentence.split() for root in roots)
    return max(sorted(hits), key=lambda label: hits[label])


def share_explained(draft: TaskDraft, *, parity: bool) -> float:
    """How often roots and turning words together give the label of a training text."""
    right = 0
    train = rows(draft.public["train.csv"])
    for _, text, label in train:
        count = text.replace(".", "").split().count(draft.rule["turn_word"])
        turned = count % 2 == 1 if parity else count > 0
        guess = topic(draft, text)
        right += label == (draft.rule["turn_map"][guess] if turned else guess)
    return right / len(train)


def accuracy(draft: TaskDraft, submission: bytes) -> float:
    truth = {row[0]: row[1] for row in rows(draft.answers)}
    return sum(truth[key] == label for key, label in rows(submission)) / len(truth)


def run(draft: TaskDraft, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    (folder / "input").mkdir(exist_ok=True)
    for path, data in draft.public.items():
        (folder / "input" / path).write_bytes(data)
    (folder / "script.py").write_text(next(r.script for r in draft.ladder if r.name == name))
    monkeypatch.chdir(folder)
    runpy.run_path("script.py")
    return accuracy(draft, (folder / "submission.csv").read_bytes())


def test_most_word_forms_of_the_test_texts_are_new(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        known = {w for row in rows(draft.public["train.csv"]) for w in row[1].split()}
        asked = {w for row in rows(draft.public["test.csv"]) for w in row[1].split()}
        assert len(asked - known) > 0.5 * len(asked)


def test_roots_and_the_turning_word_explain_the_labels(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        assert share_explained(draft, parity=True) > 0.85


def test_only_the_highest_level_asks_to_count_the_turning_word(drafts: list[TaskDraft]) -> None:
    gains = [share_explained(d, parity=True) - share_explained(d, parity=False) for d in drafts]
    assert gains[0] == gains[1] == 0
    assert gains[2] > 0.05


def test_no_label_is_left_as_it_is_by_the_turning_word(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        turn_map = draft.rule["turn_map"]
        assert sorted(turn_map.values()) == sorted(turn_map)
        assert all(label != other for label, other in turn_map.items())


def test_asides_come_with_the_second_level(drafts: list[TaskDraft]) -> None:
    shares = []
    for draft in drafts:
        texts = [row[1].replace(".", "").split() for row in rows(draft.public["test.csv"])]
        shares.append(sum(draft.rule["aside_word"] in words for words in texts) / len(texts))
    assert shares[0] == 0
    assert min(shares[1:]) > 0.5


def test_no_label_is_more_frequent_than_another(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        counts = Counter(row[1] for row in rows(draft.answers))
        assert max(counts.values()) - min(counts.values()) <= 1


def test_the_length_of_a_text_says_nothing_about_its_label(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        lengths: dict[str, list[int]] = {}
        labels = {row[0]: row[1] for row in rows(draft.answers)}
        for key, text in rows(draft.public["test.csv"]):
            lengths.setdefault(labels[key], []).append(len(text))
        means = [sum(values) / len(values) for values in lengths.values()]
        assert max(means) - min(means) < 12


def test_expert_beats_standard_and_the_rule_beats_expert(
    drafts: list[TaskDraft], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = drafts[2]
    standard, expert = (run(draft, name, tmp_path, monkeypatch) for name in ("standard", "expert"))
    assert draft.reference.submission is not None
    assert standard + 0.1 < expert < accuracy(draft, draft.reference.submission)


def test_the_dna_chooses_metric_and_number_of_labels() -> None:
    draft = drawn(0, metric_family="f1", n_classes=5)
    assert draft.metric.name == "f1_macro"
    assert len(draft.submission.targets[0].labels) == 5
    assert len(drawn(0, n_classes=42_048).submission.targets[0].labels) == 6


@given(
    word=st.text("bktao", min_size=2, max_size=12),
    draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=3, max_size=3),
)
def test_a_misspelt_word_keeps_its_length_and_changes_little(word: str, draws: list[float]) -> None:
    written = misspell(word, draws, SOUNDS)
    assert len(written) == len(word)
    assert 1 <= sum(a != b for a, b in zip(word, written, strict=True)) <= 2
