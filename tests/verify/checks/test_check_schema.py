import io
from dataclasses import replace

import pytest
from PIL import Image

from sandmle.core.draft import Baseline, Reference
from sandmle.core.task import MetricSpec
from sandmle.verify.checks import CHECKS
from sandmle.verify.context import Context

CHECK = CHECKS.get("schema")


def without(toy, name):
    return {"public": {path: data for path, data in toy.public.items() if path != name}}


def with_file(toy, name, data=b"x"):
    return {"public": {**toy.public, name: data}}


def damaged_png():
    out = io.BytesIO()
    Image.new("L", (4, 4)).save(out, "PNG")
    return out.getvalue().replace(b"IDAT", b"IDAT\x01", 1)


def flat_public(answers):
    """Give every public row the same answer: R2 cannot be computed on them."""
    rows = [line.split(b",") for line in answers.splitlines()]
    flat = [[row[0], b"1", row[2]] if row[2] == b"public" else row for row in rows]
    return b"".join(b",".join(row) + b"\n" for row in flat)


FAULTS = {
    "no description": ("schema.missing_file", lambda toy: without(toy, "description.md")),
    "no sample": ("schema.missing_file", lambda toy: without(toy, "sample_submission.csv")),
    "absolute path": ("schema.path", lambda toy: with_file(toy, "/etc/passwd")),
    "path upwards": ("schema.path", lambda toy: with_file(toy, "../private/x.csv")),
    "hidden file": ("schema.path", lambda toy: with_file(toy, ".secret")),
    "backslash": ("schema.path", lambda toy: with_file(toy, "a\\b")),
    "doubled slash": ("schema.path", lambda toy: with_file(toy, "a//b")),
    "too big": ("schema.size", lambda toy: with_file(toy, "big.bin", b"x" * 20_000_001)),
    "other description": ("schema.description", lambda toy: {"description": "another page"}),
    "rule is no JSON": ("schema.json", lambda toy: {"rule": {"weight": float("nan")}}),
    "rule holds an object": ("schema.json", lambda toy: {"rule": {"weight": {1, 2}}}),
    "too few samples": ("schema.train_rows", lambda toy: {"train_rows": 49}),
    "too many samples": ("schema.train_rows", lambda toy: {"train_rows": 201}),
    "no dummy": ("schema.ladder", lambda toy: {"ladder": toy.ladder[1:]}),
    "same name twice": ("schema.ladder", lambda toy: {"ladder": toy.ladder + toy.ladder[:1]}),
    "strange name": ("schema.ladder", lambda toy: {"ladder": (*toy.ladder, Baseline("../x", ""))}),
    "oracle without file": ("schema.reference", lambda toy: {"reference": Reference("oracle")}),
    "no such metric": ("schema.metric", lambda toy: {"metric": MetricSpec(name="rmsee")}),
    "answers without split": (
        "schema.answers",
        lambda toy: {"answers": toy.answers.replace(b",split", b",part")},
    ),
    "no public answers": (
        "schema.answers",
        lambda toy: {"answers": toy.answers.replace(b",public", b",private")},
    ),
    "score tool cannot score": (
        "schema.sample",
        lambda toy: {"metric": MetricSpec(name="r2"), "answers": flat_public(toy.answers)},
    ),
    "ragged table": (
        "schema.table",
        lambda toy: with_file(toy, "train.csv", toy.public["train.csv"] + b"1,2\n"),
    ),
    "no image": (
        "schema.recording",
        lambda toy: with_file(toy, "img/a.png", b"\x89PNG and no more"),
    ),
    "damaged image": ("schema.recording", lambda toy: with_file(toy, "img/a.png", damaged_png())),
    "sample of other ids": (
        "schema.sample",
        lambda toy: with_file(
            toy,
            "sample_submission.csv",
            toy.public["sample_submission.csv"].replace(b"\np", b"\nq"),
        ),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_incomplete_or_illegal_draft_is_caught(toy, name):
    reason, change = FAULTS[name]
    fault = CHECK.find(Context(replace(toy, **change(toy))))
    assert fault is not None
    assert fault.reason == reason
    assert reason in CHECK.reasons


def test_a_clean_draft_passes_the_schema_check(toy):
    assert CHECK.find(Context(toy)) is None
