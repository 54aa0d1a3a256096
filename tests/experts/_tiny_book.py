"""A playbook for the tiny task: one choice earns gold, one nothing, one cannot run."""

from dataclasses import replace

from sandmle.experts.playbook import Choice, Playbook, Slot

LOAD = """\
import numpy as np
import pandas as pd
test = pd.read_csv("input/test.csv")
"""
OUTPUT = """\
out = pd.DataFrame({"id": test["id"], "y": np.array(y)})
out.to_csv("submission.csv", index=False)
"""
BOOK = Playbook(
    name="tiny",
    modalities=("tabular",),
    look='# look\nprint("slope: one")',
    slots=(
        Slot("load", (Choice("load", LOAD),)),
        Slot("value", (Choice("copy", 'y = test["x"]'), Choice("half", 'y = 0.5 + 0 * test["x"]'))),
        Slot("output", (Choice("number", OUTPUT),)),
    ),
    advise=lambda facts: {"value": "copy"} if facts.get("slope") == "one" else {},
)


def always(value, *, advised="copy"):
    """Return the playbook of which every guess takes `value`, and the evidence says `advised`."""
    broken = Choice("broken", 'y = test["z"].clip(0, 1 / 0)')
    load, slot, output = BOOK.slots
    choices = tuple(
        replace(choice, weight=float(choice.name == value) or 1e-12)
        for choice in (*slot.choices, broken)
    )
    return replace(
        BOOK,
        slots=(load, Slot("value", choices), output),
        advise=lambda facts: {"value": advised} if facts.get("slope") == "one" else {},
    )
