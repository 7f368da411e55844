"""The CORINE table: 44 codes, the 19 classes of BigEarthNet, the common classes."""

from __future__ import annotations

import numpy as np

from terracot.scenes import IGNORE
from terracot.sources.corine import BEN19, BEN19_NAMES, COMMON, LEVEL_3


def test_classes_are_in_the_order_of_corine_and_told_by_name() -> None:
    """ConfigILM sorts the names, others keep the order of CORINE: ids alone mean nothing."""
    assert len(BEN19.classes) == 19
    assert BEN19.names[:3] == ("urban fabric", "industrial or commercial units", "arable land")
    assert BEN19.names[-1] == "marine waters"
    assert list(BEN19.names) != sorted(BEN19.names)
    assert BEN19.id_of(BEN19_NAMES["Transitional woodland, shrub"]) == 13
    assert set(BEN19_NAMES.values()) == set(BEN19.names)


def test_forty_four_codes_thirty_two_kept_twelve_without_an_answer() -> None:
    assert len(LEVEL_3) == len({c.code for c in LEVEL_3}) == 44
    assert sum(len(c.codes) for c in BEN19.classes) == 32
    dropped = {122, 123, 124, 131, 132, 133, 141, 142, 332, 334, 335, 423}
    assert set(BEN19.ignore) == dropped | {0, 999}
    assert BEN19.encode(np.array([[333, 321, 241, 244, 523]])).tolist() == [[11, 11, 3, 7, 18]]


def test_the_common_legend_is_marked_lossy_and_answers_nothing_that_corine_mixes() -> None:
    assert COMMON.name.endswith("(lossy)")
    codes = np.array([[112, 223, 231, 313, 331, 333, 321, 412, 512, 243, 244, 124, 999]])
    names = [COMMON.names[i] if i != IGNORE else None for i in COMMON.encode(codes)[0]]
    built, crop, grass, trees, bare = "built-up area", "cropland", "shrub and grass", "tree cover", "bare ground"
    assert names == [built, crop, grass, trees, bare, bare, grass, "wetland", "water", None, None, None, None]
