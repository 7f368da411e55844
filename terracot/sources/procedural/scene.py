"""From a seed to a Scene: what is decided when it is loaded, and the functions that make the rest when read."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from terracot.ground import GroundSampling
from terracot.scenes import BoolMask, Frame, Instance, InstanceMap, LabelMap, Modality, Scene
from terracot.sources.procedural import sensors
from terracot.sources.procedural.buildings import DAMAGE, plan_town
from terracot.sources.procedural.change import later
from terracot.sources.procedural.clouds import Sky, make_sky
from terracot.sources.procedural.fields import Rng, draw
from terracot.sources.procedural.kinds import CHANCES, KINDS
from terracot.sources.procedural.landcover import Land, make_land
from terracot.sources.procedural.legends import LAND, SETTLEMENT
from terracot.sources.procedural.seeds import VERSION, stream
from terracot.sources.procedural.sequence import follow, plan_course
from terracot.sources.procedural.settlement import make_place, photograph_place

CRS = "EPSG:32633"
LAND_PIXEL, TOWN_PIXEL = 10.0, 1.0  # metres


@dataclass(frozen=True)
class Request:
    """One scene of a source: what its seed and the source's configuration say."""

    id: str
    split: str
    family: str
    seed: int
    size: int
    cloud_share: float
    bands: str = "optical"

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)``."""
        return self.size, self.size

    def rng(self, name: str) -> Rng:
        """A fresh random stream of this scene."""
        return stream(self.seed, name)


def build_scene(request: Request) -> Scene:
    """The lazy scene of a request."""
    if request.family == "settlement":
        return _settlement(request)
    if request.family == "sequence":
        return _sequence(request)
    about = request.rng("scene")
    kind = str(about.choice(list(CHANCES), p=list(CHANCES.values())))

    @cache
    def land(t: int) -> Land:
        if t == 1:
            return make_land(request.rng("labels"), request.shape, kind)
        return later(request.rng("change"), land(1))

    times = _times(about, 2 if request.family == "change" else 1, (200, 1500))
    return _landscape(request, about, times, land, {"kind": kind})


def _sequence(request: Request) -> Scene:
    about, course = request.rng("scene"), plan_course(request.rng("course"))

    @cache
    def lands() -> Sequence[Land]:
        return follow(request.rng("change"), make_land(request.rng("labels"), request.shape, course.kind), course)

    times = _times(about, course.dates, course.gap_days)
    about_it = {"kind": course.kind, "process": course.name}
    return _landscape(request, about, times, lambda t: lands()[t - 1], about_it)


def _landscape(
    request: Request, about: Rng, times: Sequence[str], land: Callable[[int], Land], extra: dict[str, str]
) -> Scene:
    frames: list[Frame] = []
    labels: list[LabelMap] = []
    for t, time in enumerate(times, 1):
        cloudy = bool(about.random() < request.cloud_share)
        azimuth = draw(about, (1.9, 4.3))
        frames += [_optical(request, land, t, time, cloudy, azimuth), _radar(request, land, t, time)]
        labels.append(LabelMap(t, LAND, request.shape, lambda t=t: land(t).label.copy()))  # type: ignore[misc]
    corner = (draw(about, (350_000, 630_000)), draw(about, KINDS[extra["kind"]].latitude))
    return _scene(request, frames, labels, corner, LAND_PIXEL, extra)


def _optical(request: Request, land: Callable[[int], Land], t: int, time: str, cloudy: bool, azimuth: float) -> Frame:
    name, multispectral = f"t{t}-optical", request.bands == "multispectral"

    def sky() -> Sky:
        return make_sky(request.rng(f"{name}-sky"), request.shape, cloudy, azimuth)

    def read() -> sensors.Pixels:
        return sensors.photograph(land(t), sky(), azimuth, LAND_PIXEL, streams())

    def hidden() -> BoolMask:
        return sky().hidden

    def streams() -> sensors.Streams:
        own = _streams(request, t, name)
        return replace(own, shortwave=request.rng(f"t{t}-shortwave")) if multispectral else own

    frame = _image(request, t, time, read, hidden)
    if not multispectral:
        return frame
    bands = (*sensors.OPTICAL_BANDS, *sensors.SHORTWAVE_BANDS)
    return replace(frame, id=f"t{t}-multispectral", modality=Modality.MULTISPECTRAL, bands=bands)


def _image(
    request: Request, t: int, time: str, read: Callable[[], sensors.Pixels], hidden: Callable[[], BoolMask]
) -> Frame:
    return Frame(
        f"t{t}-optical", t, Modality.OPTICAL, sensors.OPTICAL_BANDS, request.shape, read, "reflectance",
        sensors.OPTICAL_DISPLAY, time, hidden,
    )  # fmt: skip


def _radar(request: Request, land: Callable[[int], Land], t: int, time: str) -> Frame:
    name = f"t{t}-sar"

    def read() -> sensors.Pixels:
        return sensors.radar(land(t), LAND_PIXEL, _streams(request, t, name))

    return Frame(name, t, Modality.SAR, sensors.SAR_BANDS, request.shape, read, "dB", sensors.SAR_DISPLAY, time)


def _streams(request: Request, t: int, frame: str) -> sensors.Streams:
    return sensors.Streams(request.rng("places"), request.rng(f"t{t}-season"), request.rng(frame))


def _settlement(request: Request) -> Scene:
    about = request.rng("scene")
    times = _times(about, 2, (10, 400))
    town = plan_town(request.rng("town"), request.shape)

    @cache
    def place() -> Any:
        return make_place(request.rng("labels"), town)

    frames, labels, instances = [], [], []
    for t, time in enumerate(times, 1):

        def read(t: int = t) -> sensors.Pixels:
            streams = _streams(request, t, f"t{t}-optical")
            return photograph_place(place(), t, streams.places, streams.season, streams.sensor)

        frames.append(_image(request, t, time, read, lambda: np.zeros(request.shape, bool)))
        labels.append(LabelMap(t, SETTLEMENT, request.shape, lambda t=t: place().label(t)))  # type: ignore[misc]
        judged = tuple(
            Instance(n, f"{request.id}-{n:03d}", DAMAGE[d] if t == 2 else None) for n, d in enumerate(town.damage, 1)
        )
        instances.append(InstanceMap(t, judged, request.shape, town.number.copy))
    corner = (draw(about, (350_000, 630_000)), draw(about, (1_200_000, 6_400_000)))
    return _scene(request, frames, labels, corner, TOWN_PIXEL, {}, tuple(instances))


def _scene(
    request: Request,
    frames: list[Frame],
    labels: list[LabelMap],
    corner: tuple[float, float],
    pixel_m: float,
    extra: dict[str, str],
    instances: tuple[InstanceMap, ...] = (),
) -> Scene:
    east, north = (round(v / pixel_m) * pixel_m for v in corner)
    transform = (pixel_m, 0.0, east, 0.0, -pixel_m, north)
    return Scene(
        id=request.id,
        source="procedural",
        group=request.id,
        license="CC0-1.0",
        frames=tuple(frames),
        labels=tuple(labels),
        ground=GroundSampling.from_georeference(CRS, transform, request.shape),
        split=request.split,
        instances=instances,
        attribution="synthetic",
        crs=CRS,
        transform=transform,
        provenance={
            "synthetic": True, "generator": VERSION, "seed": request.seed, "family": request.family,
            "size": request.size, "cloud_share": request.cloud_share, "crs": CRS, "transform": list(transform),
            "dates": sorted({f.time for f in frames if f.time}), **extra,
        },
    )  # fmt: skip


def _times(rng: Rng, dates: int, gap_days: tuple[int, int]) -> list[str]:
    """ISO dates between April and September 2017 to 2021, later ones after a gap."""
    day = datetime.date(int(rng.integers(2017, 2022)), 4, 1) + datetime.timedelta(int(rng.integers(0, 180)))
    days = [day]
    for _ in range(dates - 1):
        days.append(days[-1] + datetime.timedelta(int(rng.integers(*gap_days))))
    return [d.isoformat() for d in days]
