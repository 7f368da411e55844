"""The catalogue: every source with its licence, size, abilities and options, without importing any of them.

``terracot sources`` prints it, ``open_source`` looks names up in it. What the paper names and this package does not
read is here too, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LAND = ("existence", "counting", "localisation", "area", "boundary", "distance", "coverage", "ranking")
"""What a land-cover map with a known pixel size can be asked."""


@dataclass(frozen=True)
class Option:
    """One ``-o NAME=VALUE`` of a source. Of a ``path`` only the last part is recorded (no map of a disk)."""

    name: str
    help: str
    path: bool = False


SPLIT = Option("split", "read only this split")


@dataclass(frozen=True)
class SourceInfo:
    """One source. ``target`` is ``module:Class``; ``path`` says what PATH has to be; ``answers`` what can be asked."""

    name: str
    target: str
    title: str
    path: str
    license: str
    attribution: str
    size: str
    home: str
    answers: tuple[str, ...]
    options: tuple[Option, ...] = ()
    notes: str = ""
    needs: str = ""  # options without which it cannot be opened, as they are typed

    def takes(self, option: str) -> bool:
        """True when the source has this option."""
        return any(o.name == option for o in self.options)


IMAGES = (
    Option("patch", "edge of the patches that an image is cut into, in pixels (default 256)"),
    Option("bands", "names of the image's bands, with + between: B02+B03+B04"),
    Option("unit", "reflectance, dB or `digital number` (default for 8-bit images)"),
    Option("scale", "factor from stored values to the unit: 0.0001"),
    Option("offset", "added after scaling: -0.1 for Sentinel-2 since January 2022"),
    Option("image_license", "licence of the image (default: not stated, taken as non-commercial)"),
)
"""Options of the sources that put labels under a user's own images."""

GENERAL: tuple[SourceInfo, ...] = (
    SourceInfo(
        name="geotiff",
        target="terracot.sources.geotiff:GeoTiffSource",
        title="Any folder of rasters with aligned label rasters",
        path="a folder of rasters with aligned label rasters, or a layout file (.yaml)",
        license="as the layout says",
        attribution="as the layout says",
        size="any",
        home="your own; layouts are shipped for nine sample sets",
        answers=(*LAND, "building_change"),
        options=(
            Option("layout", "shipped layout to read a folder by (default: terracot.yaml, or the folder's name)"),
        ),
    ),
    SourceInfo(
        name="procedural",
        target="terracot.sources.procedural:ProceduralSource",
        title="Synthetic scenes with exact labels",
        path="`default`, or a YAML file of settings; its images are synthetic",
        license="CC0-1.0",
        attribution="",
        size="none: scenes are made when asked for",
        home="part of this package",
        answers=(*LAND, "building_change"),
    ),
)

PUBLISHED: tuple[SourceInfo, ...] = (
    SourceInfo(
        name="bigearthnet",
        target="terracot.sources.bigearthnet:BigEarthNetSource",
        title="BigEarthNet v2.0 (reBEN): Sentinel-1 and -2 patches with CORINE land-cover maps",
        path="the folder that holds BigEarthNet-S2, Reference_Maps, metadata.parquet and, if wanted, BigEarthNet-S1",
        license="CDLA-Permissive-1.0",
        attribution=(
            "BigEarthNet v2.0 (reBEN), K. N. Clasen, L. Hackel, T. Burgert, G. Sumbul, B. Demir, V. Markl 2024. "
            "Contains modified Copernicus Sentinel data 2017-2018. CORINE Land Cover 2018: Copernicus Land Monitoring "
            "Service, EEA"
        ),
        size="480,038 patches (549,488 with snow and clouds), about 120 GB packed",
        home="https://zenodo.org/records/10891137",
        answers=LAND,
        options=(
            SPLIT,
            Option("flagged", "`yes`: also patches with seasonal snow, cloud or shadow (default: no)"),
            Option("sar", "`no`: leave Sentinel-1 out (default: where it lies beside Sentinel-2)"),
            Option("legend", "`common`: the coarse legend that sources share (lossy)"),
        ),
        notes="CORINE maps no unit below 25 ha and nothing narrower than 100 m; questions say so and keep to it.",
    ),
    SourceInfo(
        name="xbd",
        target="terracot.sources.xbd:XbdSource",
        title="xBD / xView2: buildings before and after disasters",
        path="the folder that holds train, tier3, test or hold, each with images and labels",
        license="CC-BY-NC-SA-4.0",
        attribution="xBD, R. Gupta et al. 2019; imagery Maxar Open Data Program",
        size="11,034 pairs of 1024 x 1024 pixels; train 7.8 GB, test 2.6 GB packed",
        home="https://xview2.org (registration)",
        answers=(*LAND, "building_change"),
        options=(SPLIT, Option("geotransforms", "xview_geotransforms.json, for images without buildings", path=True)),
        notes="The pixel size is fitted to the polygons (about 0.45 m); the stated gsd is not that of the images. A "
        "geotransform counts only where its pixels are square on the ground. Un-classified buildings are ignored.",
    ),
    SourceInfo(
        name="chatearthnet",
        target="terracot.sources.chatearthnet:ChatEarthNetSource",
        title="ChatEarthNet: Sentinel-2 tiles, with land cover from SatlasPretrain or WorldCover",
        path="the folder that holds s2_rgb_images, s2_band_5_6_7_images, s2_band_8_11_12_images and json_files",
        license="CC-BY-4.0",
        attribution=(
            "ChatEarthNet, Z. Yuan et al. 2024, CC-BY-4.0. Contains modified Copernicus Sentinel data. Land cover: (c) "
            "ESA WorldCover project 2020, contains modified Copernicus Sentinel data, CC-BY-4.0"
        ),
        size="163,488 tiles of 256 x 256 pixels, 38 GB",
        home="https://zenodo.org/records/11003436",
        answers=LAND,
        options=(
            SPLIT,
            Option("satlas", "this or worldcover: folder with static/<col>_<row>/land_cover.png", path=True),
            Option("worldcover", "this or satlas: WorldCover 2020 v100 tile, or folder of tiles", path=True),
            Option("s1", "folder with vh and vv pictures of the same names", path=True),
        ),
        needs="-o satlas=FOLDER",
        notes=(
            "Masks are not in the download: satlas or worldcover has to be given; with satlas, ODbL-1.0 binds too. "
            "Pixels are Web-Mercator: 7.5 m at Lisbon, not 10 m."
        ),
    ),
    SourceInfo(
        name="bright",
        target="terracot.sources.bright:BrightSource",
        title="BRIGHT: optical before, SAR after, building damage",
        path="the folder that holds pre-event, post-event and target",
        license="CC-BY-NC-4.0",
        attribution="BRIGHT, H. Chen et al. 2025 (its pages state CC-BY-SA-4.0, CC-BY-4.0 and CC-BY-NC-4.0)",
        size="4,246 pairs of 1024 x 1024 pixels",
        home="https://zenodo.org/records/14619797",
        answers=LAND,
        options=(SPLIT, Option("splits", "folder with the split lists (.txt)", path=True)),
        notes=(
            "The optical images of the events in Ukraine, Myanmar and Mexico are not redistributed. Splits stand in "
            "lists only: bda_benchmark/dataset/splitname of the repository ChenHongruixuan/BRIGHT."
        ),
    ),
    SourceInfo(
        name="worldcover",
        target="terracot.sources.worldcover:WorldCoverSource",
        title="ESA WorldCover under any image with a CRS",
        path="a georeferenced image (GeoTIFF), or a folder of them",
        license="CC-BY-4.0",
        attribution="(c) ESA WorldCover project, contains modified Copernicus Sentinel data, CC-BY-4.0",
        size="about 120 GB for the whole Earth, in tiles of 3 x 3 degrees",
        home="https://esa-worldcover.org/en/data-access",
        answers=LAND,
        options=(
            Option("labels", "WorldCover tile, or folder of tiles (required)", path=True),
            *IMAGES,
        ),
        needs="-o labels=TILES",
        notes="Labels are brought to the image's grid by nearest neighbour and measured with that grid's pixel size. "
        "Patches are grouped by cells of one degree, so that neighbours stay on one side of a split; a benchmark's "
        "questions for numbers need images in four such cells or more. Without image_license, samples are marked "
        "non-commercial.",
    ),
    SourceInfo(
        name="dynamicworld",
        target="terracot.sources.dynamicworld:DynamicWorldSource",
        title="Dynamic World under any image with a CRS",
        path="a georeferenced image (GeoTIFF), or a folder of them",
        license="CC-BY-4.0",
        attribution="Dynamic World, C. F. Brown et al. 2022, Google and World Resources Institute, CC-BY-4.0",
        size="any; exported per Sentinel-2 image",
        home="Google Earth Engine, GOOGLE/DYNAMICWORLD/V1",
        answers=LAND,
        options=(
            Option("labels", "exported label raster, or folder of them (required)", path=True),
            *IMAGES,
            Option("zero", "`water`: label rasters without mask and nodata value have no masked pixel"),
        ),
        needs="-o labels=FOLDER",
        notes="0 is water, so masked pixels need a mark that is no class: export label.unmask(255). Groups are cells "
        "of one degree; a benchmark's questions for numbers need images in four such cells or more. Without "
        "image_license, samples are marked non-commercial.",
    ),
    SourceInfo(
        name="refer",
        target="terracot.sources.refer:ReferSource",
        title="Referring segmentation: RRSIS-D, RefSegRS, RISBench",
        path="the folder of one of the three sets, as its owner packs it, or a repack (instances.json, refs(unc).p)",
        license="LicenseRef-unstated",
        attribution="RRSIS-D (Liu et al. 2024), RefSegRS (Yuan et al. 2024) or RISBench (Dong et al. 2024)",
        size="RRSIS-D 17,402 pairs, 5 GB; RefSegRS 4,420, 3 GB; RISBench 52,472",
        home="https://github.com/Lsan2401/RMSIN, https://huggingface.co/datasets/JessicaYuan/RefSegRS, "
        "https://github.com/HIT-SIRS/CroBIM",
        answers=("refer",),
        options=(SPLIT, Option("set", "rrsisd, refsegrs or risbench (default: told by the files)")),
        notes=(
            "Grounding pairs only: no image has a pixel size. RefSegRS is CC-BY-4.0. A pickled index is read where it "
            "holds plain data, else refused with the conversion to JSON. NWPU-Refer is not read: its layout is "
            "unverified."
        ),
    ),
    SourceInfo(
        name="dfc2020",
        target="terracot.sources.dfc2020:Dfc2020Source",
        title="DFC2020: Sentinel-1 and -2 patches with 10 m land cover",
        path="the folder that holds ROIs0000_validation or ROIs0000_test (or ROIs0000_autumn, spring, summer, winter)",
        license="CC-BY-4.0",
        attribution="IEEE GRSS Data Fusion Contest 2020, M. Schmitt et al.; contains modified Copernicus Sentinel data",
        size="986 validation and 5,128 test patches of 256 x 256 pixels",
        home="https://ieee-dataport.org/competitions/2020-ieee-grss-data-fusion-contest",
        answers=LAND,
        options=(SPLIT, Option("legend", "`common`: the coarse legend that sources share (lossy)")),
        notes="Its lc maps (500 m brought to 10 m) are never read. Savanna and snow, never mapped, are no classes.",
    ),
    SourceInfo(
        name="rsvqa-lr",
        target="terracot.sources.rsvqa:RsvqaSource",
        title="RSVQA low resolution: questions on Sentinel-2 tiles of the Netherlands",
        path="the folder that holds LR_split_*_questions.json and the images, or a folder with qa.json and image/",
        license="CC-BY-4.0 AND ODbL-1.0",
        attribution=(
            "RSVQA, S. Lobry, D. Marcos, J. Murray, D. Tuia, IEEE TGRS 2020; contains modified Copernicus Sentinel "
            "data 2016; answers derived from OpenStreetMap (c) OpenStreetMap contributors, ODbL-1.0"
        ),
        size="772 images of 256 x 256 pixels, 77,232 questions, 200 MB",
        home="https://zenodo.org/records/6344334",
        answers=("rsvqa-lr/presence", "rsvqa-lr/count", "rsvqa-lr/comparison", "rsvqa-lr/rural_urban"),
        options=(SPLIT,),
        notes="Answers are stated by the source; nothing is asked in metres.",
    ),
    SourceInfo(
        name="landsat30-au",
        target="terracot.sources.landsat30:Landsat30Source",
        title="Landsat30-AU: multiple-choice questions on Landsat pictures of Australia (evaluation)",
        path="the folder that holds Landsat30-AU-VQA-test.csv and DEA_VLM_images",
        license="CC-BY-4.0",
        attribution="Landsat30-AU; Geoscience Australia, Digital Earth Australia, CC-BY-4.0",
        size="17,725 questions",
        home="https://github.com/papersubmit1/landsat30-au",
        answers=("landsat30-au/<type>",),
        notes="For evaluation: items without masks, scored for accuracy only.",
    ),
    SourceInfo(
        name="disasterm3",
        target="terracot.sources.disasterm3:DisasterM3Source",
        title="DisasterM3: multiple-choice questions on disasters, optical and SAR (evaluation)",
        path="the folder that holds benchmark_release.json and test_images (DisasterM3_Bench)",
        license="CC-BY-NC-SA-4.0",
        attribution="DisasterM3, J. Wang et al. 2025; built on xBD and BRIGHT",
        size="30,042 records on 6,260 pictures of 1024 x 1024 pixels, 11 GB",
        home="https://huggingface.co/datasets/Kingdrone-Junjue/DisasterM3",
        answers=("disasterm3/<task>",),
        notes="For evaluation: items without masks, scored for accuracy only; tasks with one right option are read. "
        "Shares its images with xBD and BRIGHT.",
    ),
)

REFUSED: Mapping[str, str] = {
    "teochat": (
        "TEOChatlas region change: its regions are boxes, which say nothing of the pixels inside them, and it carries "
        "xBD images under a tag (apache-2.0) that their owners' terms (CC-BY-NC-SA-4.0) do not allow. Read the same "
        "places from `xbd`, with polygons and damage"
    ),
    "deepglobe": (
        "DeepGlobe roads: pictures without georeference whose terms stand on a challenge page only, and one class, "
        "roads of a few pixels' width, whose area depends on the width they were drawn with and not on the ground"
    ),
    "sen12ms": (
        "SEN12MS: its labels are MODIS land cover of 500 m brought to 10 m, so neither areas nor distances can be "
        "measured on them. Read `dfc2020`, the same sensors with 10 m labels"
    ),
}
"""Sets that the paper or its neighbours use and that are not read, and why."""

CATALOGUE: Mapping[str, SourceInfo] = {info.name: info for info in (*GENERAL, *PUBLISHED)}
"""Source name -> what is known of it."""
