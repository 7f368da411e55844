"""The controls of ``terrabench run`` by name. Imports nothing, so that ``--help`` is quick."""

CIRCULAR = "shuffled-options"
"""The control under which an item is asked once for every rotation of its options."""

MAY_SKIP = ("optical-only", "sar-only")
"""The controls under which items may be not applicable; a line that says so in any other run is refused."""

NAMES = {
    "blind": "no image at all; a model that needs one (`needs_image = True`) gets the grey one, and this is stamped",
    "grey": "every image uniform, in the mean colour and mean bands of the benchmark's images of that modality",
    CIRCULAR: "every rotation of the options is asked; right only if all of them are",
    "other-image": "the image of another item of the same task, size and frames, and of another group",
    "optical-only": "without SAR frames; items that have no others are not applicable",
    "sar-only": "SAR frames alone; items that have none are not applicable",
    "cloudy": "opaque clouds painted over the evidence in the optical frames of every date, in all bands",
    "rgb-only": "native bands cut to red, green and blue in optical frames",
    "all-bands": "nothing taken away; the other half of a pair with rgb-only",
    "first-and-last-date": "without the dates between the first and the last; dates keep their numbers",
}
"""Name -> what a model gets to see."""
