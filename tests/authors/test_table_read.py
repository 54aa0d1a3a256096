"""Every way in which a table may lie in a file: it works, or one sentence says what to do."""

from __future__ import annotations

import csv
import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.authors.table import read
from sandmle.authors.table.columns import column, features, texts, typed
from sandmle.authors.table.read import RawTable, read_table
from sandmle.core.errors import UsageError

TEXT = "a,b\n1,x\n2,y\n3,z\n"


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def table(path: Path, data: str | bytes) -> RawTable:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_table(path, rng())


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    raw = table(tmp_path / "t.csv", TEXT.replace(",", delimiter))
    assert raw.names == ("a", "b")
    assert raw.cells == (("1", "2", "3"), ("x", "y", "z"))


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.replace("\n", "\r\n").encode(),
        gzip.compress(TEXT.encode(), mtime=0),
        TEXT.replace("1,x", ' 1 ,"x"').encode(),
        TEXT.replace("2,y", "\n2,y\n").encode(),
        TEXT.rstrip("\n").encode(),
    ],
    ids=["bom", "crlf", "gzip whatever its name", "quotes and spaces", "blank lines", "no end"],
)
def test_ways_of_writing_the_same_table_read_the_same(tmp_path: Path, data: bytes) -> None:
    assert table(tmp_path / "t.csv", data).cells == (("1", "2", "3"), ("x", "y", "z"))


def test_a_delimiter_inside_quotes_is_text(tmp_path: Path) -> None:
    raw = table(tmp_path / "t.csv", 'a,b\n1,"x, y; z"\n2,"line\nbreak"\n')
    assert raw.cells[1] == ("x, y; z", "line\nbreak")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"a,b\n", "has a header and no rows"),
        (b"a,a,b\n1,2,3\n", "1 column names occur twice: 'a'"),
        (b"a, a\n1,2\n", "1 column names occur twice: 'a'"),
        (b"a,b\n1,2\n3\n", "row 3 has 1 cells, the header has 2"),
        (b"a,b\n1,2,3\n", "row 2 has 3 cells, the header has 2"),
        ("a,b\ngr\xfcn,2\n".encode("latin-1"), r"not UTF-8 text \(byte 0xfc\)"),
        (b"a,b\n1,\0\n", "is not a text file"),
        (b"PK\x03\x04....", "export the table as CSV"),
        (gzip.compress(TEXT.encode() * 50, mtime=0)[:-12], "is a damaged gzip file"),
        (b"\x1f\x8bnothing", "is a damaged gzip file"),
        (b"PAR1 and no more", "cannot be read as parquet"),
        (b"a,b\n1," + b"x" * 200_000 + b"\n", "cannot be read as CSV: field larger"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        table(tmp_path / "t.csv", data)


@pytest.mark.parametrize("name", ["nothing.csv", "."])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="give a CSV, TSV or parquet file"):
        read_table(tmp_path / name, rng())


def test_unicode_and_nameless_columns_have_names(tmp_path: Path) -> None:
    raw = table(tmp_path / "t.csv", ",größe,`年`,😀\n0,1,2,3\n")
    assert raw.names == ("Unnamed: 0", "größe", "'年'", "😀")


def test_a_long_file_is_sampled_evenly_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "SAMPLE_ROWS", 1_000)
    monkeypatch.setattr(read, "_CHUNK_ROWS", 700)
    raw = table(tmp_path / "t.csv", "a,b\n" + "".join(f"{i},x\n" for i in range(10_000)))
    drawn = np.array(raw.cells[0], dtype=int)
    assert raw.total_rows == 10_000
    assert len(drawn) == 1_000
    assert drawn.tolist() == raw.positions.tolist() == sorted(set(drawn.tolist()))
    assert raw.notes == ("1,000 of 10,000 rows were drawn at random; the others were not used",)
    # an even sample of 0..9999 has mean 4999.5 with a standard error of 87
    assert abs(drawn.mean() - 4_999.5) < 4 * 87
    assert all(
        60 < ((drawn >= low) & (drawn < low + 1_000)).sum() < 140 for low in range(0, 10_000, 1_000)
    )


def test_the_sample_follows_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "SAMPLE_ROWS", 10)
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "".join(f"{i},x\n" for i in range(500)))
    one, again, other = (read_table(path, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.cells == again.cells != other.cells


def test_parquet_reads_like_the_same_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    columns = {
        "n": [1.5, None, 3.0],
        "flag": [True, False, None],
        "word": ["x", None, "007"],
        "list": [[1], [2], None],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    raw = read_table(tmp_path / "t.parquet", rng())
    assert raw.names == ("n", "flag", "word")
    assert raw.cells == (("1.5", "", "3.0"), ("True", "False", ""), ("x", "", "007"))
    assert raw.notes == ("column 'list' was left out: its cells are no single values",)


def test_a_long_parquet_file_is_sampled(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    rows = 70_000
    parquet.write_table(pyarrow.table({"a": range(rows), "b": ["x"] * rows}), tmp_path / "t")
    raw = read_table(tmp_path / "t", rng())
    assert (raw.total_rows, len(raw.cells[0])) == (rows, 20_000)
    assert [int(cell) for cell in raw.cells[0]] == raw.positions.tolist()
    assert raw.positions[-1] > 65_536


def test_without_pyarrow_a_parquet_file_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None in sys.modules is how Python itself marks a module that cannot be imported
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'sandmle\[parquet\]'"):
        table(tmp_path / "t.parquet", b"PAR1....PAR1")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-2", "+3"], [1.0, -2.0, 3.0]),
        (["1.5", "", "NA", "?", "2e3"], [1.5, None, None, None, 2000.0]),
        (["0.1234567", "123456789"], [0.123457, 123456789.0]),
        (["inf", "1.5"], [None, 1.5]),
        (["007", "8"], ["007", "8"]),
        (["1234567890123456", "1"], ["1234567890123456", "1"]),
        (["1,5", "2"], ["1,5", "2"]),
        (["0x10", "1"], ["0x10", "1"]),
        (["1_000", "1"], ["1_000", "1"]),
        (["True", ""], ["True", None]),
        (["2024-01-02", "NaN"], ["2024-01-02", None]),
        (["None", "x"], ["None", "x"]),
    ],
)
def test_cells_are_numbers_texts_or_missing(cells: list[str], values: list[object]) -> None:
    read_back = [None if value != value else value for value in column(cells).tolist()]
    assert read_back == values


def test_a_decimal_comma_counts_where_semicolons_separate(tmp_path: Path) -> None:
    raw = table(tmp_path / "t.csv", "a;b\n1,5;x,y\n2;z\n")
    columns = typed(raw)
    assert columns["a"].tolist() == [1.5, 2.0]
    assert columns["b"].tolist() == ["x,y", "z"]


def test_a_huge_text_is_cut() -> None:
    assert [len(value) for value in column(["x" * 5_000, "y"])] == [2_000, 1]


@given(st.lists(st.floats(-1e9, 1e9).filter(lambda x: x == 0 or abs(x) > 1e-6), min_size=1))
def test_numbers_of_a_column_share_their_decimals_and_read_back_equal(values: list[float]) -> None:
    read_once = column([repr(value) for value in values])
    written = texts(read_once)
    assert len({len(text.partition(".")[2]) for text in written}) == 1
    assert np.array_equal(column(written), read_once)


@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_text_cells_survive(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("cells") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["a", "b"], *rows])
    raw = read_table(path, rng())
    assert list(zip(*raw.cells, strict=True)) == [
        tuple(cell.strip() for cell in row) for row in rows
    ]


def test_columns_that_are_no_features_are_left_out_with_a_reason() -> None:
    count = 60
    table = {
        "Unnamed: 0": np.arange(count, dtype=float),
        "customer_id": np.random.default_rng(0).permutation(10_000)[:count].astype(float),
        "key": np.array([f"{i:032x}" for i in range(count)], dtype=object),
        "empty": np.full(count, np.nan),
        "constant": np.ones(count),
        "size": np.linspace(0, 1, count),
        "name": np.array([f"Mr {i} Smith" for i in range(count)], dtype=object),
        "shop_id": np.arange(count, dtype=float) % 7,
        "half": np.where(np.arange(count) % 2 == 0, 5.0, np.nan),
        "born": np.array([f"19{i:02d}-01-22" for i in range(count)], dtype=object),
    }
    kept, notes = features(table, np.arange(count))
    assert list(kept) == ["size", "name", "shop_id", "half", "born"]
    assert notes == [
        "column 'Unnamed: 0' was left out: it counts the rows",
        "column 'customer_id' was left out: it is a unique id",
        "column 'key' was left out: it is a unique id",
        "column 'empty' was left out: no row has a value",
        "column 'constant' was left out: all rows have the same value",
    ]


def test_rows_are_counted_in_the_file_and_not_in_the_sample() -> None:
    positions = np.array([0, 7, 19, 300])
    kept, _ = features({"n": positions + 1.0, "m": np.array([1.0, 2.0, 3.0, 5.0])}, positions)
    assert list(kept) == ["m"]


def test_columns_are_kept_and_dropped_as_asked() -> None:
    table = {"id": np.arange(9.0), "x": np.array([1.0, 2.0, 4.0] * 3)}
    kept, notes = features(table, np.arange(9), keep=["id"], drop=["x"])
    assert list(kept) == ["id"]
    assert notes == ["column 'x' was left out: as asked"]


def test_numbers_too_small_for_common_decimals_are_written_by_themselves() -> None:
    assert texts(np.array([1.5e-20, 2.5, np.nan])) == ["0.000000000000000000015", "2.5", ""]
    assert texts(np.array([0.001, 2.0, np.nan])) == ["0.001", "2.000", ""]
