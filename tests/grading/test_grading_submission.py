"""What a submission may look like, and the sentence that an agent gets where it may not."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.errors import InvalidSubmission
from sandmle.core.task import Column, SubmissionSchema
from sandmle.grading import MAX_SUBMISSION_BYTES, read_submission

NUMBER = SubmissionSchema(id_column="id", targets=(Column(name="y", kind="number"),), rows=3)
IDS = ("a", "b", "c")


def schema_of(*columns, rows=3):
    return SubmissionSchema(id_column="id", targets=columns, rows=rows)


def refused(text, schema=NUMBER, ids=IDS):
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(InvalidSubmission) as caught:
        read_submission(data, schema, ids)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_rows_are_put_into_the_order_of_the_ids():
    values = read_submission(b"id,y\nc,3\na,1\nb,2e0\n", NUMBER, IDS)
    assert values.tolist() == [[1.0], [2.0], [3.0]]
    assert values.dtype == np.float64


@pytest.mark.parametrize(
    "cell", ["1", "-1.5", "+.5", "5.", "1e3", "1E-3", " 7 ", "0.1000000000000000055", "1e100"]
)
def test_every_decimal_way_to_write_a_number_is_read(cell):
    values = read_submission(f"id,y\na,{cell}\nb,0\nc,0\n".encode(), NUMBER, IDS)
    assert values[0, 0] == float(cell)


@pytest.mark.parametrize(
    "cell",
    ["", " ", "nan", "NaN", "inf", "-Infinity", "0x10", "1_000", "1 000", "12%", "1,5", "1.2.3",
     "e5", "--1", "1e", "None", "True", "\u0661", "1+1", "__import__('os')", "1e999", "1e101",
     "-1.7e308"],
)  # fmt: skip
def test_anything_else_is_refused_with_column_count_value_id_and_advice(cell):
    message = refused(f'id,y\na,0\nb,"{cell}"\nc,0\n')
    assert "column 'y' has 1 values" in message
    assert f"first: {cell.strip()!r}" in message
    assert "at id 'b'" in message
    assert "; write" in message


def test_integers_may_be_written_with_a_zero_fraction_only():
    schema = schema_of(Column(name="y", kind="integer", low=0, high=9))
    assert read_submission(b"id,y\na,3\nb,3.0\nc,3e0\n", schema, IDS).ravel().tolist() == [3, 3, 3]
    assert "that are not an integer (first: '2.5'" in refused("id,y\na,3\nb,2.5\nc,1\n", schema)
    assert "1 values outside [0, 9] (first: '10'" in refused("id,y\na,3\nb,10\nc,1\n", schema)
    assert "outside [0, 9] (first: '-1'" in refused("id,y\na,3\nb,-1\nc,1\n", schema)


def test_labels_come_from_the_list_with_or_without_space_around():
    schema = schema_of(Column(name="y", kind="label", labels=("cat", "dog", " odd ")))
    values = read_submission(b"id,y\na,cat\nb, dog \nc, odd \n", schema, IDS)
    assert values.ravel().tolist() == ["cat", "dog", " odd "]
    message = refused("id,y\na,cat\nb,Dog\nc,cow\n", schema)
    assert "2 values that are no label of this task (first: 'Dog', at id 'b')" in message
    assert "use only 'cat', 'dog'" in message


def test_texts_are_taken_as_they_are_up_to_their_length():
    schema = schema_of(Column(name="y", kind="string", max_length=8))
    values = read_submission(b'id,y\na,"x, \ny"\nb, z \nc,\n', schema, IDS)
    assert values.ravel().tolist() == ["x, \ny", " z ", ""]
    assert "over the allowed length" in refused("id,y\na,123456789\nb,\nc,\n", schema)


def test_columns_of_several_kinds_become_texts_with_one_spelling_of_numbers():
    schema = schema_of(
        Column(name="n", kind="number"), Column(name="k", kind="label", labels=("u", "v"))
    )
    values = read_submission(b"k,id,n\nu,a,1.0\nv,b,0.50\nu,c,1e2\n", schema, IDS)
    assert values.tolist() == [["1", "u"], ["0.5", "v"], ["100", "u"]]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "empty"),
        ("\ufeff", "empty"),
        ("id,y\n", "3 ids are missing (first: 'a')"),
        ("id,y\na,1\nb,1\n", "1 ids are missing (first: 'c')"),
        ("id,y\na,1\nb,1\nb,1\n", "1 ids occur more than once (first: 'b')"),
        ("id,y\na,1\nb,1\nC,1\n", "1 ids are no test ids (first: 'C')"),
        ("id,y\na,1\nb,1\nc,1\nd,1\n", "more than 3 rows (id 'd' is unknown)"),
        ("id,y\na,1\na,1\nb,1\nc,1\n", "more than 3 rows (id 'a' repeats)"),
        ("id\na\nb\nc\n", "the header lacks 'y'; it must be id,y"),
        ("id,z\na,1\nb,1\nc,1\n", "lacks 'y' and has the unknown 'z'"),
        (",id,y\n0,a,1\n1,b,1\n2,c,1\n", "index=False"),
        ("id,y,y\na,1,1\nb,1,1\nc,1,1\n", "names 'y' more than once"),
        ("id;y\na;1\nb;1\nc;1\n", "lacks 'id', 'y'"),
        ("id,y\na,1\nb,1,2\nc,1\n", "line 3 has 3 fields, the header has 2"),
        ("id,y\na,1\n\nb,1\nc,1\n", "line 3 has 0 fields"),
        ('id,y\na,1\nb,"1\nc,1\n', "not valid CSV"),
    ],
)
def test_a_malformed_table_is_refused_with_what_is_wrong(text, hint):
    assert hint in refused(text)


def test_bytes_that_are_no_text_are_refused():
    assert "NUL byte at position 9" in refused(b"id,y\na,1\n\0")
    assert "byte 0xff at position 5" in refused(b"id,y\n\xff")
    assert "20,000,001 bytes" in refused(b"x" * (MAX_SUBMISSION_BYTES + 1))


def test_a_header_of_a_million_columns_and_a_flood_of_rows_are_refused_at_once():
    assert "and 999995 more" in refused("id,y," + ",".join(map(str, range(1_000_000))) + "\n")
    assert "more than 3 rows" in refused("id,y\n" + "a,1\n" * 3_000_000)
    assert "0 fields" in refused("id,y\n" + "\n" * 3_000_000 + "a,1\n")


def test_what_stands_behind_one_row_too_many_is_not_read():
    assert "more than 3 rows" in refused("id,y\na,1\nb,1\nc,1\nd,1\nbroken\n")


def test_a_message_shows_at_most_forty_characters_of_a_cell():
    assert len(refused(f"id,y\na,{'x' * 1900}\nb,1\nc,1\n")) < 250


# a bare carriage return ends a line, and the writer leaves it unquoted
any_id = st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), max_size=8).map(str.strip)


@given(
    st.lists(any_id, min_size=1, max_size=8, unique=True),
    st.randoms(use_true_random=False),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_pythons_csv_writer_writes_is_read_back(ids, random, end, mark):
    rows = [(name, repr(random.uniform(-1e6, 1e6))) for name in ids]
    out = io.StringIO()
    csv.writer(out, lineterminator=end).writerows([("id", "y"), *random.sample(rows, len(rows))])
    data = out.getvalue().encode("utf-8-sig" if mark else "utf-8")
    values = read_submission(data, NUMBER.model_copy(update={"rows": len(ids)}), ids)
    assert values.ravel().tolist() == [float(value) for _, value in rows]
