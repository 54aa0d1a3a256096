"""Small pictures with marks in them: drawing, places, lighting, and the files of such a task.

Drawing works on a whole stack (n, side, side) with elementwise arithmetic only; places are (x, y)
in pixels from the centre of a picture, x to the right and y down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sandmle.authors.roles import Material, Note
from sandmle.authors.toolkit import pictures, textures
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.rows import Cells, Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene
from sandmle.core.draft import Baseline
from sandmle.core.seeding import Streams

Floats = NDArray[np.float64]
Images = NDArray[np.float64]
"""Shape (n, side, side); rows first."""


class PictureScene(Scene):
    """One domain for one family of picture tasks."""

    what: str
    """What one picture is called: "scan"."""


class AnswerScene(PictureScene):
    """One domain for a family that asks one thing about each picture."""

    target: str
    target_text: str


@dataclass(frozen=True)
class Shots:
    """Pictures of train or test with what is to be predicted about them."""

    pixels: NDArray[np.uint8]
    """Shape (n, side, side), or (n, depth, side, side) for volumes."""
    truth: Mapping[str, Cells]
    """Targets by column, in the order of a submission."""


def _axes(side: int) -> tuple[Images, Images]:
    axis = np.arange(side, dtype=np.float64) - (side - 1) / 2
    return axis[None, None, :], axis[None, :, None]


def _each(values: ArrayLike) -> Images:
    return np.asarray(values, dtype=np.float64)[:, None, None]


def dots(side: int, places: Floats, *, width: ArrayLike) -> Images:
    """Draw soft round dots with a peak of 1.

    Args:
        side: Pixels along one edge.
        places: Shape (n, 2).
        width: Standard deviation in pixels, one number or shape (n,).
    """
    x, y = _axes(side)
    size = _each(np.broadcast_to(width, len(places)))
    away = (x - _each(places[:, 0])) ** 2 + (y - _each(places[:, 1])) ** 2
    return np.asarray(np.exp(-away / (2.0 * size**2)))


def bars(side: int, places: Floats, *, angle: ArrayLike, half: ArrayLike, width: float) -> Images:
    """Draw soft straight bars with a peak of 1.

    Args:
        side: Pixels along one edge.
        places: Middles, shape (n, 2).
        angle: Direction in radians from x towards y, shape (n,).
        half: Half the length in pixels, shape (n,).
        width: Standard deviation across, in pixels.
    """
    x, y = _axes(side)
    u, v = x - _each(places[:, 0]), y - _each(places[:, 1])
    along = u * np.cos(_each(angle)) + v * np.sin(_each(angle))
    across = -u * np.sin(_each(angle)) + v * np.cos(_each(angle))
    beyond = np.maximum(0.0, np.abs(along) - _each(half))
    return np.asarray(np.exp(-(across**2 + beyond**2) / (2.0 * width**2)))


def rings(side: int, places: Floats, *, radius: ArrayLike, width: float) -> Images:
    """Draw soft circles with a peak of 1; `radius` in pixels, shape (n,)."""
    x, y = _axes(side)
    away = np.sqrt((x - _each(places[:, 0])) ** 2 + (y - _each(places[:, 1])) ** 2)
    return np.asarray(np.exp(-((away - _each(radius)) ** 2) / (2.0 * width**2)))


def cells(rng: np.random.Generator, count: int, *, slots: int, side: int, cell: int) -> Floats:
    """Draw places that keep apart: each in a square of its own, shape (count, slots, 2).

    Args:
        rng: Source of the draws.
        count: Number of pictures.
        slots: Places in each.
        side: Pixels along one edge.
        cell: Edge of a square in pixels; two places keep about half of it apart.

    Raises:
        ValueError: If there are fewer squares than places.
    """
    across = side // cell
    if slots > across**2:
        raise ValueError(f"{slots} places do not fit into {across**2} squares")
    order = rng.random((count, across**2)).argsort(axis=1, kind="stable")[:, :slots]
    corner = np.stack([order % across, order // across], axis=2) * cell
    inside = 0.25 * cell + 0.5 * cell * rng.random((count, slots, 2))
    return np.asarray(corner + inside - (side - 1) / 2)


def lighting(
    rng: np.random.Generator, count: int, side: int, *, slope: float, blotch: float, grain: float
) -> Images:
    """Draw uneven light around 0: a slope, a slow wave and grain.

    Args:
        rng: Source of the draws.
        count: Number of pictures.
        side: Pixels along one edge.
        slope: Grey levels from one side to the other, about.
        blotch: Amplitude of the wave in grey levels.
        grain: Standard deviation of independent noise in grey levels.
    """
    light = slope * textures.slopes(rng, count, side)
    light = light + blotch * textures.gratings(
        side,
        angles=rng.uniform(0, np.pi, count),
        cycles=rng.uniform(0.6, 1.4, count),
        phases=rng.uniform(0, 2 * np.pi, count),
    )
    return np.asarray(light + grain * rng.standard_normal((count, side, side)))


def exposure(
    rng: np.random.Generator, signal: Floats, *, step: float, spread: float, honest: bool
) -> Floats:
    """Draw the brightness of each picture: it goes with a signal in training and not elsewhere.

    Both have the same distribution; only what it goes with differs.

    Args:
        rng: Source of the draws.
        signal: What brightness follows, standardised, shape (n,).
        step: Grey levels per unit of the signal.
        spread: Standard deviation of the rest.
        honest: Whether brightness goes with nothing.
    """
    shown = rng.permutation(signal) if honest else signal
    return np.asarray(step * shown + spread * rng.standard_normal(len(signal)))


def picture_material(
    scene: PictureScene,
    streams: Streams,
    *,
    shots: tuple[Shots, Shots],
    container: pictures.Container,
    sample: Mapping[str, Any],
    best: Mapping[str, Cells],
    ladder: Callable[[str], Sequence[Baseline]],
    notes: Sequence[Note],
) -> Material:
    """Write the files of a task whose samples are pictures without other columns.

    Args:
        scene: Words for ids and pictures.
        streams: Ids and the split of the test rows are drawn from them.
        shots: Labelled pictures, and those whose truth is kept back.
        container: How pictures are stored; volumes always go into arrays.
        sample: What the sample submission says in each column.
        best: Predictions of the hidden rule by column.
        ladder: Makes the scripts, given the source that reads the pictures.
        notes: Documentation of the target columns.
    """
    train, test = shots
    count = len(train.pixels)
    ids = row_ids(streams.rng("ids"), count + len(test.pixels), prefix=scene.id_prefix)
    if train.pixels.ndim == 4:
        packed = _packed_volumes(train.pixels, test.pixels, what=scene.what)
    else:
        packed = pictures.pack(
            train.pixels,
            test.pixels,
            ids=(ids[:count], ids[count:]),
            id_column=scene.id_column,
            container=container,
            what=scene.what,
        )
    return row_material(
        Rows(ids[:count], train.truth),
        Rows(ids[count:], test.truth),
        sample=sample,
        best=best,
        ladder=ladder(packed.loader),
        words=Words(
            id_column=scene.id_column,
            id_text=scene.id_text,
            train=f"one line for each labelled {scene.what}",
            test=f"one line for each {scene.what} to be predicted",
            sample="a valid submission with the same answer in every row",
            columns=tuple(notes),
            files=packed.notes,
            attached=packed.files,
        ),
        rng=streams.rng("split"),
    )


def _packed_volumes(
    train: NDArray[np.uint8], test: NDArray[np.uint8], *, what: str
) -> pictures.Packed:
    files = {"train_volumes.npy": train, "test_volumes.npy": test}
    return pictures.Packed(
        files={path: pictures.npy_bytes(volumes) for path, volumes in files.items()},
        notes=tuple(
            Note(
                path,
                f"one {what} for each line of `{path.partition('_')[0]}.csv`, in the same order: a "
                f"NumPy array of {' x '.join(map(str, volumes.shape))} ({what}s, slices, rows, "
                "columns), 8-bit grey",
            )
            for path, volumes in files.items()
        ),
        loader=_LOAD_VOLUMES,
    )


_LOAD_VOLUMES = """\
X = np.load("input/train_volumes.npy").astype(float)
Z = np.load("input/test_volumes.npy").astype(float)
"""
