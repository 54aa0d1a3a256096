"""Putting scripts together from pieces."""

import ast

import pytest

from sandmle.authors.ladders.pieces import READ, WRITE, script


def test_column_names_are_put_in_as_python_strings():
    source = script(READ, "prediction = target.mean()", WRITE, ID="lot", TARGET='a "b"')
    ast.parse(source)
    assert 'train["a \\"b\\""]' in source
    assert 'test["lot"]' in source


def test_a_list_of_names_becomes_a_list():
    assert script("wanted = $FIELDS", FIELDS=["a", "b"]) == 'wanted = ["a", "b"]\n'


def test_a_placeholder_without_a_name_is_an_error():
    with pytest.raises(KeyError, match="TARGET"):
        script(READ, ID="lot")
