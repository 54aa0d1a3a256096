from dataclasses import replace

import pytest

from sandmle.verify.checks import CHECKS
from sandmle.verify.context import Context

CHECK = CHECKS.get("split")


def add_column(data, name, cells):
    header, *rows = data.decode().splitlines()
    lines = [f"{header},{name}"]
    lines += [f"{row},{cell}" for row, cell in zip(rows, cells, strict=True)]
    return ("\n".join(lines) + "\n").encode()


def answers_in_test_order(toy):
    truth = dict(line.split(",")[:2] for line in toy.answers.decode().splitlines()[1:])
    rows = toy.public["test.csv"].decode().splitlines()[1:]
    return [truth[row.split(",")[0]] for row in rows]


def reason_of(toy, **fields):
    fault = CHECK.find(Context(replace(toy, **fields)))
    return None if fault is None else fault.reason


@pytest.mark.parametrize(
    "name", ["answers.csv", "solution.csv", "evaluator.py", "hidden_rule.json"]
)
def test_a_file_named_like_a_hidden_one_is_caught(toy, name):
    assert reason_of(toy, public={**toy.public, name: b"a,b\n1,2\n"}) == "split.named_file"


@pytest.mark.parametrize("form", ["{}", "{:x}", "{:X}"])
def test_the_seed_in_a_file_or_a_path_is_caught(toy, form):
    written = form.format(int(toy.recipe["seed"]))
    noted = {**toy.public, "notes.txt": f"made with {written}".encode()}
    assert reason_of(toy, public=noted) == "split.seed"
    assert reason_of(toy, public={**toy.public, f"img/{written}.png": b""}) == "split.seed"


@pytest.mark.parametrize("value", ["1.51234", "0.314159", "-0.271828", "0.271828."])
def test_a_number_of_the_rule_in_prose_is_caught(toy, value):
    page = toy.description + f"\nThe factor is {value}\n"
    public = {**toy.public, "description.md": page.encode()}
    assert reason_of(toy, description=page, public=public) == "split.rule_value"


def test_short_numbers_in_prose_are_nobody_s_secret(toy):
    page = toy.description + "\nBetween 1.2 and 1.5 of them, 31.4159 and 10.314159.\n"
    public = {**toy.public, "description.md": page.encode()}
    assert reason_of(toy, description=page, public=public) is None


def test_a_table_of_the_rule_s_numbers_is_caught(toy):
    offsets = [0.31415, 0.27182, 0.57721, 0.69314, 0.10101]
    table = "soil,offset\n" + "\n".join(f"s{i},{v}" for i, v in enumerate(offsets))
    public = {**toy.public, "lookup.csv": table.encode()}
    assert reason_of(toy, public=public, rule={"offsets": offsets}) == "split.rule_value"


@pytest.mark.parametrize("disguise", ["plain", "scaled", "another file"])
def test_answers_beside_test_ids_are_caught(toy, disguise):
    answers = answers_in_test_order(toy)
    cells = [f"{2 * float(a) + 5:.5f}" for a in answers] if disguise == "scaled" else answers
    test = add_column(toy.public["test.csv"], "extra", cells)
    path = "more.csv" if disguise == "another file" else "test.csv"
    assert reason_of(toy, public={**toy.public, path: test}) == "split.answers"


def test_a_clean_draft_passes_the_split_check(toy):
    assert reason_of(toy) is None
