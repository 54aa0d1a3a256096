"""Options of the command line that name a model."""

import pytest

from sandmle.cli._models import backend_options, model_settings
from sandmle.core.errors import UsageError
from sandmle.policies import ModelSettings


def test_without_a_model_there_are_no_settings_and_the_defaults_are_the_settings_own():
    assert model_settings(None) is None
    assert model_settings("m") == ModelSettings(model="m")


def test_options_of_the_backend_are_json_or_text():
    pairs = ["top_k=20", "stop=</answer>", "seed=null", 'a={"b": [1]}', "c=x=y", "d=NaN", "e="]
    assert backend_options(pairs) == {
        "top_k": 20, "stop": "</answer>", "seed": None, "a": {"b": [1]}, "c": "x=y", "d": "NaN",
        "e": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "--temperature: .* greater than or equal to 0"),
        ({"model_timeout": 0.0}, "--model-timeout: .* greater than 0"),
        ({"price_in": -1.0}, "--price-in"),
        ({"model_option": ["top_k"]}, "'top_k' is not KEY=VALUE"),
        ({"model_option": ["a=1", "a=2"]}, "a is given twice"),
    ],
)
def test_a_wrong_value_is_named_as_the_option_is(options, message):
    with pytest.raises(UsageError, match=message):
        model_settings("m", **options)
