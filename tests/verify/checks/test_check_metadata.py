import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest

from sandmle.core.draft import TaskDraft, Trap
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.verify.checks import CHECKS
from sandmle.verify.context import Context

CHECK = CHECKS.get("metadata")


def rows_of(data):
    header, *rows = data.decode().splitlines()
    return header, rows


def table(header, rows):
    return ("\n".join([header, *rows]) + "\n").encode()


def find(draft):
    fault = CHECK.find(Context(draft))
    return None if fault is None else fault.reason


def with_train(toy, change):
    header, rows = rows_of(toy.public["train.csv"])
    return replace(toy, public={**toy.public, "train.csv": table(header, change(rows))})


def label(row):
    return float(row.rsplit(",", 1)[1])


def test_rows_sorted_by_label_are_caught(toy):
    assert find(with_train(toy, lambda rows: sorted(rows, key=label))) == "metadata.row_order"


def test_blocks_of_equal_labels_are_caught_though_the_blocks_are_shuffled(toy):
    def blocks(rows):
        ordered = sorted(rows, key=label)
        parts = [ordered[i : i + 10] for i in range(0, len(ordered), 10)]
        order = np.random.default_rng(0).permutation(len(parts))
        return [row for i in order for row in parts[i]]

    assert find(with_train(toy, blocks)) == "metadata.row_order"


def test_ids_that_grow_with_the_label_are_caught(toy):
    def numbered(rows):
        place = {row: i for i, row in enumerate(sorted(rows, key=label))}
        return [f"p{5000 + place[row]},{row.split(',', 1)[1]}" for row in rows]

    assert find(with_train(toy, numbered)) == "metadata.id"


def test_test_rows_in_the_order_of_their_answers_are_caught(toy):
    truth = {row.split(",")[0]: float(row.split(",")[1]) for row in rows_of(toy.answers)[1]}
    header, rows = rows_of(toy.public["test.csv"])
    rows = sorted(rows, key=lambda row: truth[row.split(",")[0]])
    draft = replace(toy, public={**toy.public, "test.csv": table(header, rows)})
    assert find(draft) == "metadata.row_order"


def test_an_order_that_a_visible_column_explains_is_no_leak(toy):
    assert find(
        with_train(toy, lambda rows: sorted(rows, key=lambda r: float(r.split(",")[1])))
    ) is (None)


def test_decimals_that_depend_on_the_label_are_caught(toy):
    def shortened(rows):
        middle = float(np.median([label(row) for row in rows]))
        out = []
        for row in rows:
            cells = row.split(",")
            cells[2] = f"{float(cells[2]):.3f}" if label(row) > middle else cells[2]
            out.append(",".join(cells))
        return out

    assert find(with_train(toy, shortened)) == "metadata.decimals"


def test_a_declared_trap_may_be_written_in_any_way(toy):
    def shortened(rows):
        return [f"{row},{0.5 if label(row) > 0 else 0.1234}" for row in rows]

    header, rows = rows_of(toy.public["train.csv"])
    data = table(header + ",leak", shortened(rows))
    draft = replace(toy, public={**toy.public, "train.csv": data})
    trapped = replace(draft, traps=(Trap("leak", "after the fact"),))
    assert find(trapped) is None


def test_a_clean_draft_passes_the_metadata_check(toy):
    assert find(toy) is None


def png(pixels, *, extra=(), tail=b"", level=6):
    height, width = pixels.shape
    raw = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(raw, level)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + tail


def image_draft(toy, *, paint=None, name=None, order=None) -> TaskDraft:
    rng = np.random.default_rng(0)
    classes = ["a", "b", "c"]
    names = [f"i{number}" for number in rng.permutation(9000)[:300] + 1000]
    labels = [classes[int(i)] for i in rng.integers(3, size=300)]
    if name:
        names = [name(i, lab) for i, lab in enumerate(labels)]
    pixels = rng.integers(0, 255, size=(300, 24, 24)).astype(np.uint8)
    draw = paint or (lambda picture, lab: png(picture))
    images = {f"img/{n}.png": draw(p, lab) for n, p, lab in zip(names, pixels, labels, strict=True)}
    paths = sorted(images, key=lambda path: names.index(path[4:-4]))
    if order:
        paths = order(paths, dict(zip((f"img/{n}.png" for n in names), labels, strict=True)))
    pairs = [f"{n},{lab}" for n, lab in zip(names, labels, strict=True)]
    split = ["public", "private"] * 100
    answers = [f"{pair},{part}" for pair, part in zip(pairs[100:], split, strict=True)]
    return replace(
        toy,
        modality="image",
        metric=MetricSpec(name="accuracy"),
        submission=SubmissionSchema(
            id_column="id",
            targets=(Column(name="kind", kind="label", labels=tuple(classes)),),
            rows=200,
        ),
        train_rows=100,
        public={
            **{path: images[path] for path in paths},
            "description.md": b"",
            "train.csv": table("id,kind", pairs[:100]),
            "test.csv": table("id", names[100:]),
            "sample_submission.csv": table("id,kind", [f"{n},a" for n in names[100:]]),
        },
        answers=table("id,kind,split", answers),
    )


def test_clean_images_pass_the_metadata_check(toy):
    assert find(image_draft(toy)) is None


def test_a_text_chunk_in_an_image_is_caught(toy):
    leaky = image_draft(toy, paint=lambda p, lab: png(p, extra=[(b"tEXt", lab.encode())]))
    assert find(leaky) == "metadata.image_chunks"


def test_bytes_behind_an_image_are_caught(toy):
    assert find(image_draft(toy, paint=lambda p, lab: png(p, tail=lab.encode()))) == (
        "metadata.image_chunks"
    )


def test_compression_that_depends_on_the_label_is_caught(toy):
    leaky = image_draft(toy, paint=lambda p, lab: png(p // 64, level=1 if lab == "a" else 9))
    assert find(leaky) == "metadata.file_size"


def test_a_size_that_follows_from_the_pixels_is_no_metadata(toy):
    def flat(picture, lab):
        return png(picture // 64 if lab == "a" else picture)

    assert find(image_draft(toy, paint=flat)) is None


def test_images_listed_class_by_class_are_caught(toy):
    leaky = image_draft(toy, order=lambda paths, kinds: sorted(paths, key=lambda p: kinds[p]))
    assert find(leaky) == "metadata.file_order"


@pytest.mark.parametrize("form", ["{lab}{i:04d}", "x{i:04d}{n}"])
def test_names_that_tell_the_label_are_caught(toy, form):
    def name(i, lab):
        return form.format(lab=lab, i=(i * 7919) % 9973, n="abc".index(lab))

    assert find(image_draft(toy, name=name)) in ("metadata.id", "metadata.file_name")
