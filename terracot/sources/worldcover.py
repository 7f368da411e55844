"""ESA WorldCover under any image with a CRS: 10 m land cover of 2020 (v100) or 2021 (v200).

Tiles of 3 x 3 degrees, ``ESA_WorldCover_10m_2021_v200_N39E012_Map.tif``, named by their lower left corner, lie in one
folder or below it. Their pixels are 1/12000 of a degree: 9.2 m from north to south, but from west to east 9.3 m at the
equator and 4.7 m at 60 degrees. Nothing is ever measured with them; see ``labelled_images``. The two releases differ by
their algorithm, so a folder that holds both is refused.
"""

from __future__ import annotations

from terracot.sources.labelled_images import LabelledImages
from terracot.sources.legends import WORLDCOVER


class WorldCoverSource(LabelledImages):
    """Patches of an image, or of a folder of them, above WorldCover tiles (``labels``)."""

    name = "worldcover"
    legend = WORLDCOVER
    map_name = "the ESA WorldCover map"
