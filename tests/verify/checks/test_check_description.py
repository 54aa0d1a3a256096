from dataclasses import replace

import pytest

from sandmle.core.draft import Trap
from sandmle.core.task import Column, SubmissionSchema
from sandmle.verify.checks import CHECKS
from sandmle.verify.context import Context

CHECK = CHECKS.get("description")


def find(draft):
    fault = CHECK.find(Context(draft))
    return None if fault is None else fault.reason


def edited(toy, old, new):
    assert old in toy.description
    return replace(toy, description=toy.description.replace(old, new))


EDITS = {
    "a file that is not there": (
        "description.unknown_name",
        "- `test.csv`: plots without",
        "- `test.csv`: plots without\n- `extra.csv`: more plots",
    ),
    "a column that is not there": (
        "description.unknown_name",
        "- `wind`: wind",
        "- `wind`: wind\n- `gusts`: gusts",
    ),
    "a file that is left out": ("description.unnamed_file", "- `test.csv`: plots without\n", ""),
    "a column that is left out": (
        "description.unnamed_column",
        "- `wind`: wind, standard units\n",
        "",
    ),
    "another number of samples": ("description.counts", "There are 120", "There are 121"),
    "another metric": ("description.metric", "root mean squared error", "mean absolute error"),
    "the other direction": ("description.direction", "lower is better", "higher is better"),
    "no direction": ("description.direction", "; lower is better", ""),
    "another header": ("description.header", "plot,crop", "crop,plot"),
    "a name of the rule": ("description.rule", "# Harvest", "# Harvest by sun_weight"),
    "a skill": ("description.rule", "# Harvest", "# Harvest with a product_feature"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_page_that_says_something_else_than_the_data_is_caught(toy, name):
    reason, old, new = EDITS[name]
    assert find(edited(toy, old, new)) == reason
    assert reason in CHECK.reasons


def test_an_undescribed_file_is_caught(toy):
    more = replace(toy, public={**toy.public, "notes.txt": b"see above"})
    assert find(more) == "description.unnamed_file"


def test_a_folder_stands_for_its_files(toy):
    files = {f"img/{i}.png": b"" for i in range(3)}
    page = toy.description.replace("- `test.csv`", "- `img/`: pictures\n- `test.csv`")
    assert find(replace(toy, public={**toy.public, **files}, description=page)) is None


def test_a_pattern_stands_for_its_columns(toy):
    wide = b"plot,day_1,day_2\np1,2,3\n"
    page = toy.description.replace("- `wind`", "- `day_*`: one day each\n- `wind`")
    page = page.replace("- `test.csv`", "- `days.csv`: days\n- `test.csv`")
    assert find(replace(toy, public={**toy.public, "days.csv": wide}, description=page)) is None


def test_other_labels_than_the_schema_s_are_caught(toy):
    target = Column(name="crop", kind="label", labels=("rye", "oat"))
    schema = SubmissionSchema(id_column="plot", targets=(target,), rows=400)
    answers = toy.answers.decode().splitlines()
    kinds = [f"{a.split(',')[0]},rye,{a.split(',')[2]}" for a in answers[1:]]
    draft = replace(toy, submission=schema, answers="\n".join([answers[0], *kinds]).encode())
    assert find(draft) == "description.labels"
    for listed, reason in (("`rye`, `oat`", None), ("`rye`, `oat`, `pea`", "description.labels")):
        assert find(edited(draft, "- `crop`: a number", f"- `crop`: one of {listed}")) == reason


def test_the_reason_of_a_trap_on_the_page_is_caught(toy):
    trapped = replace(toy, traps=(Trap("wind", "kind of soil"),))
    assert find(trapped) == "description.rule"


def test_the_clean_page_passes(toy):
    assert find(toy) is None
