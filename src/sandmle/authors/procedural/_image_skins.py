"""What the pictures of `image/texture` show, in words: domains, columns, labels and stories."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageSkin:
    """One domain; texts take `{place}`."""

    domain: str
    titles: tuple[str, ...]
    who: tuple[str, ...]
    """Openings: whose problem it is and what a picture shows."""
    goal: tuple[str, ...]
    shift: tuple[str, ...]
    """How the labelled pictures were collected; never what that did to them."""
    id_column: str
    id_prefix: str
    label_column: str
    labels: tuple[str, ...]
    """At least six."""
    label_note: str
    sound: bool = False
    """Whether the pictures show sound."""


SKINS = (
    ImageSkin(
        domain="manufacturing",
        titles=("Weaves of the {place} mill", "Which loom made this cloth?"),
        who=(
            "The {place} mill photographs a small patch of every roll of cloth under a lens: 32 by "
            "32 grey pixels, with whatever lint and scratches lie on it.",
            "At the {place} mill a camera above the inspection table takes a tiny grey picture of "
            "each roll of cloth.",
        ),
        goal=(
            "Labels have fallen off part of the rolls, and the weave has to be told from the "
            "patch.",
            "Given a patch, name the weave.",
        ),
        shift=(
            "The labelled patches were taken one weave after another, in an afternoon each; the "
            "others come from everyday production.",
            "To collect examples, the rolls of one weave were photographed together before the "
            "next weave was fetched. The patches to be labelled were taken in no such order.",
        ),
        id_column="patch_id",
        id_prefix="w",
        label_column="weave",
        labels=("plain", "twill", "satin", "basket", "dobby", "leno", "oxford"),
        label_note="weave of the roll",
    ),
    ImageSkin(
        domain="healthcare",
        titles=("Fibres under the {place} microscope", "Tissue from a single tile"),
        who=(
            "Pathologists at {place} cut their microscope slides into tiles of 32 by 32 grey "
            "pixels. Fibres run through each tile in bundles, and dust and folds run through some.",
            "A slide scanner at the {place} hospital delivers tiles of fibrous tissue, 32 pixels "
            "on each side.",
        ),
        goal=(
            "For every tile, name the tissue it was cut from.",
            "The laboratory wants the tissue of each tile named before a person looks at it.",
        ),
        shift=(
            "Teaching slides, one tissue to a slide, gave the labelled tiles; the test tiles come "
            "from routine slides.",
            "The labelled tiles come from a reference collection in which each tissue was stained "
            "and scanned on its own day.",
        ),
        id_column="tile_id",
        id_prefix="t",
        label_column="tissue",
        labels=("tendon", "cardiac", "dermis", "fascia", "uterus", "bladder", "artery"),
        label_note="tissue that the tile was cut from",
    ),
    ImageSkin(
        domain="science",
        titles=("Ripples on the {place} seabed", "Reading the sea floor off {place}"),
        who=(
            "A survey boat tows a sonar over the bay of {place}. The sea floor is rippled, and "
            "what it is made of shows in the ripples; stones and cables lie on top.",
            "Sonar pictures of the sea floor off {place} were cut into squares of 32 by 32 pixels.",
        ),
        goal=(
            "Name the sediment in each square.",
            "For a map of habitats, the sediment of every square is needed.",
        ),
        shift=(
            "Divers took samples on a few tracks, one sediment after another, and these are the "
            "labelled squares. The others lie all over the bay.",
            "The labelled squares come from one track for each sediment; gain and depth were set "
            "anew before every track.",
        ),
        id_column="square_id",
        id_prefix="s",
        label_column="sediment",
        labels=("silt", "clay", "sand", "gravel", "shells", "maerl", "mud"),
        label_note="sediment in the square",
    ),
    ImageSkin(
        domain="science",
        titles=("Calls in the {place} reserve", "Who is calling at {place}?"),
        who=(
            "Recorders in the {place} reserve run all night. Each tile is a piece of a "
            "spectrogram: time runs to the right, pitch upwards, and bright is loud. Rain and "
            "wind draw over it.",
            "The night sounds of {place} were turned into spectrogram tiles of 32 by 32 pixels.",
        ),
        goal=(
            "Tell for every tile which animal is calling.",
            "Biologists want the caller of each tile, to count what lives there.",
        ),
        shift=(
            "The labelled tiles come from recordings of single animals, made with whatever gain "
            "suited each; the test tiles come from the reserve's own recorders.",
            "An archive of single animals gave the labelled tiles, one recording session for each "
            "kind of caller.",
        ),
        id_column="clip_id",
        id_prefix="a",
        label_column="caller",
        labels=("cricket", "frog", "nightjar", "bat", "owl", "cicada", "toad"),
        label_note="animal that calls in the tile",
        sound=True,
    ),
    ImageSkin(
        domain="transportation",
        titles=("Road surfaces around {place}", "What is this road paved with?"),
        who=(
            "A van of the {place} road office photographs the surface below it, metre by metre, in "
            "small grey squares. Cracks, oil and shadows are in the pictures, too.",
            "For the {place} road office, a camera under a van takes squares of 32 by 32 pixels of "
            "the road's grooves.",
        ),
        goal=(
            "The office needs the finish of the surface in each square.",
            "Say for each square how the surface was finished.",
        ),
        shift=(
            "The labelled squares were taken on test tracks, one for each finish, on different "
            "days; the others on the open road.",
            "Each finish has a test track of its own, which was driven once for the labelled "
            "squares.",
        ),
        id_column="frame_id",
        id_prefix="f",
        label_column="finish",
        labels=("tined", "grooved", "brushed", "milled", "dragged", "stamped", "ground"),
        label_note="finish of the road's surface",
    ),
    ImageSkin(
        domain="retail",
        titles=("Returned fabric at {place} Interiors", "The lost labels of {place}"),
        who=(
            "{place} Interiors takes back cuttings of upholstery, and most arrive without their "
            "label. A scanner makes a small grey picture of every cutting, creases included.",
            "The returns desk of {place} Interiors scans each cutting at 32 by 32 pixels.",
        ),
        goal=(
            "Find the collection that a cutting belongs to.",
            "Sort the cuttings into their collections.",
        ),
        shift=(
            "Labelled scans were made from the sample books, one book at a time.",
            "The labelled scans come from sample books, each scanned in one go; customers' "
            "cuttings come in any order, through any of the scanners.",
        ),
        id_column="scan_id",
        id_prefix="r",
        label_column="collection",
        labels=("aurora", "bergen", "cadiz", "delft", "evora", "ghent", "izmir"),
        label_note="collection that the cutting belongs to",
    ),
    ImageSkin(
        domain="finance",
        titles=("Banknotes of {place}", "Sorting old notes at the {place} mint"),
        who=(
            "Withdrawn banknotes pass a reader at the {place} mint that takes a picture of 32 by "
            "32 pixels of the fine lines in the background. Old notes are creased and stained.",
            "The fine background lines of a banknote tell where it was printed. The mint of "
            "{place} has a picture of a small window of each worn note.",
        ),
        goal=(
            "Name the print shop of every note.",
            "For the statistics of the mint, find out which press printed each note.",
        ),
        shift=(
            "The labelled pictures were made of fresh bundles, one press at a time.",
            "For the labelled notes, a bundle from each press went through the reader at a setting "
            "that suited it; in daily use there is one stream of notes and many readers.",
        ),
        id_column="note_id",
        id_prefix="b",
        label_column="press",
        labels=("alder", "birch", "cedar", "elm", "hazel", "larch", "rowan"),
        label_note="press that printed the note",
    ),
    ImageSkin(
        domain="IT",
        titles=("Tapes from the {place} data centre", "Which drive wrote this tape?"),
        who=(
            "The data centre of {place} reads magnetic images of old tapes. Tracks show as lines "
            "in a grey square of 32 by 32 pixels; dirt and wear show as well.",
            "Old tapes at {place} can only be read when the drive that wrote them is known. A "
            "magnetic image of a small piece is at hand for every tape.",
        ),
        goal=(
            "Tell the model of the drive from the image.",
            "Predict which model of drive wrote the tape.",
        ),
        shift=(
            "The labelled images come from one reference tape for each model.",
            "One reference tape per model was imaged for the labels, on the bench; the tapes in "
            "question were imaged in the vault.",
        ),
        id_column="tape_id",
        id_prefix="d",
        label_column="drive",
        labels=("ax10", "bx22", "cq31", "dk47", "en58", "fr63", "gt75"),
        label_note="model of the drive",
    ),
)

CLUTTER = (
    "Not all that stands out in a picture belongs to the pattern.",
    "The pictures hold more than the pattern that counts.",
)
