from hypothesis import given
from hypothesis import strategies as st

from sandmle.sandbox._text import to_text


def test_short_output_is_returned_as_it_is() -> None:
    text = to_text("grüße\n".encode(), b"", dropped=0, limit=100)
    assert (text.text, text.truncated) == ("grüße\n", False)


def test_head_and_tail_are_joined_where_nothing_was_dropped() -> None:
    assert to_text(b"abc", b"def", dropped=0, limit=6).text == "abcdef"


def test_the_cut_is_counted() -> None:
    text = to_text(b"a" * 30 + b"z" * 30, b"", dropped=0, limit=20)
    assert text.text == "a" * 10 + "\n[... 40 bytes left out here ...]\n" + "z" * 10
    assert text.truncated


def test_bytes_that_were_never_kept_are_counted_too() -> None:
    text = to_text(b"a" * 30, b"z" * 30, dropped=1_000, limit=20)
    assert "[... 1,040 bytes left out here ...]" in text.text


def test_a_cut_within_a_character_leaves_no_broken_one() -> None:
    text = to_text("é".encode() * 50, b"", dropped=0, limit=21)
    assert set(text.text.replace("[... 80 bytes left out here ...]", "")) <= {"é", "\n"} or (
        "�" not in text.text
    )


def test_a_progress_bar_is_reduced_to_its_last_state() -> None:
    bar = b"".join(b"\r%3d%%|####|" % percent for percent in range(101))
    assert to_text(b"start\n" + bar + b"\nend\n", b"", dropped=0, limit=99).text == (
        "start\n100%|####|\nend\n"
    )


def test_a_progress_bar_over_the_limit_fits_once_reduced() -> None:
    bar = b"\rstep" * 10_000
    assert not to_text(bar, b"", dropped=0, limit=100).truncated


def test_windows_line_ends_keep_their_lines() -> None:
    assert to_text(b"one\r\ntwo\r\n", b"", dropped=0, limit=99).text == "one\ntwo\n"


def test_terminal_sequences_are_removed_and_controls_spelled_out() -> None:
    raw = b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x1b(B\x07 a\x08b \x00"
    assert to_text(raw, b"", dropped=0, limit=99).text == "red \\x07 b \\x00"


def test_marks_that_reorder_or_hide_text_are_spelled_out() -> None:
    raw = "a\u202eb\u200bc\u2028d\ufeff".encode()
    assert to_text(raw, b"", dropped=0, limit=99).text == "a\\u202eb\\u200bc\\u2028d\\ufeff"


@given(head=st.binary(max_size=300), tail=st.binary(max_size=300), dropped=st.integers(0, 9))
def test_no_input_gives_a_control_character_or_too_much_text(
    head: bytes, tail: bytes, dropped: int
) -> None:
    text = to_text(head, tail, dropped=dropped, limit=80).text
    assert all(
        ord(mark) >= 32 and not 0x7F <= ord(mark) <= 0x9F for mark in text if mark not in "\n\t"
    )
    assert len(text.encode()) <= 80 + 60


def test_a_long_line_takes_linear_time() -> None:
    import time

    start = time.process_time()
    to_text(b"x" * (1 << 20), b"\x1b[" * (1 << 19), dropped=1, limit=1_000)
    assert time.process_time() - start < 2
