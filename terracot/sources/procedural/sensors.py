"""From covers to pixels: an optical and near infrared frame in reflectance, a C-band SAR frame in dB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terracot.scenes import Display
from terracot.sources.procedural import legends as c
from terracot.sources.procedural.clouds import Sky
from terracot.sources.procedural.covers import (
    BACKSCATTER,
    MATERIALS,
    MIX,
    SHORTWAVE,
    SPECTRA,
    VARY,
    CoverMap,
    cover_map,
)
from terracot.sources.procedural.fields import Field, Rng, distance_to, draw, fractal
from terracot.sources.procedural.landcover import Land

OPTICAL_BANDS = ("B02", "B03", "B04", "B08")
SHORTWAVE_BANDS = ("B11", "B12")
OPTICAL_DISPLAY = Display(("B04", "B03", "B02"), (0.0, 0.0, 0.0), (0.3, 0.3, 0.3))
SAR_BANDS = ("VV", "VH")
SAR_DISPLAY = Display(("VV", "VH", "VV"), (-25.0, -32.0, -25.0), (0.0, -5.0, 0.0))

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Streams:
    """Random streams of one frame: ``places`` is shared by all frames of a scene, ``season`` by those of one date.

    With ``shortwave`` the frame has B11 and B12 as well, without a change to its other bands.
    """

    places: Rng
    season: Rng
    sensor: Rng
    shortwave: Rng | None = None


def photograph(land: Land, sky: Sky, sun_azimuth: float, pixel_m: float, rng: Streams) -> Pixels:
    """``(4 or 6, H, W)`` float32 reflectance of one date, in steps of 0.0001."""
    shape = land.label.shape
    cover = cover_map(rng.places, rng.season, land)
    per_parcel = rng.season.normal(0, 1, (2, land.parcels.count))
    farmed = land.label == c.CROP
    shares = _shares(rng, land, cover, 1.4 * farmed * per_parcel[0][land.parcels.number])
    hue, bright = rng.season.normal(1, 0.07, SPECTRA.shape), rng.season.normal(1, 0.08, (len(SPECTRA), 1))
    spectra = _region(rng, _with_shortwave(SPECTRA * hue, rng.shortwave) * bright, land.dryness)
    bands = np.stack([sum(share * value for share, value in zip(shares, band, strict=True)) for band in spectra.T])
    managed = np.where(farmed, 0.16, 0.07 * (land.label == c.GRASS))
    bands *= np.exp(managed * per_parcel[1][land.parcels.number])
    bands *= 1 + 0.04 * fractal(rng.sensor, shape, 0.8)
    bands *= _sunlight(land.height, sun_azimuth, draw(rng.season, (30.0, 65.0)), pixel_m)
    bands = bands * (1 - 0.6 * sky.shadow) * (1 - sky.cloud) + sky.brightness * sky.cloud
    haze = np.array([0.9, 0.5, 0.3, 0.1, 0.02, 0.01])[: len(bands), None, None]
    bands += haze * abs(rng.season.normal(0, 0.006))
    blur = draw(rng.sensor, (0.4, 0.6))
    bands = ndimage.gaussian_filter(bands, (0, blur, blur))
    bands += rng.sensor.standard_normal(bands.shape) * 0.0035
    return to_reflectance(bands)


def _with_shortwave(spectra: Field, rng: Rng | None) -> Field:
    """The spectra with B11 and B12, varied by a stream of their own, where the frame has them."""
    return spectra if rng is None else np.hstack([spectra, SHORTWAVE * rng.normal(1, 0.07, SHORTWAVE.shape)])


def _region(rng: Streams, spectra: Field, dryness: float) -> Field:
    """Spectra of one region and season: soils dark or light, grey or red; water clear or full of silt."""
    soil, water = MATERIALS.index("soil"), MATERIALS.index("water")
    red = draw(rng.places, (0.0, 0.25)) * (0.4 + dryness)
    colour = np.array([1 - red, 1 - 0.5 * red, 1, 1, 1, 1])[: spectra.shape[1]]
    spectra[soil] *= draw(rng.places, (0.6, 1.15)) * (1 + 0.35 * dryness) * colour
    silt = draw(rng.places, (0.0, 1.0)) * draw(rng.season, (0.5, 1.0))
    spectra[water] += silt * np.array([0.03, 0.07, 0.11, 0.035, 0.004, 0.002])[: spectra.shape[1]]
    return spectra


def to_reflectance(bands: Field) -> Pixels:
    """``(C, H, W)`` float32 in 0..1 in steps of 0.0001, as level-2 products store it."""
    return np.asarray(np.round(np.clip(bands, 0.0001, 1), 4), np.float32)


def _shares(rng: Streams, land: Land, cover: CoverMap, parcel: Field) -> Field:
    """``(material, H, W)`` shares: the mixture of each cover, varied from pixel to pixel and from field to field."""
    shape, mix = cover.shape, MIX[cover].transpose(2, 0, 1).copy()
    vary = VARY[cover]
    slow, fine = fractal(rng.places, shape, 2.2), rng.places.standard_normal((2, *shape))
    lushness = 0.9 * slow + 0.5 * fine[0] + parcel
    roofs = np.where(land.label == c.BUILT, 1.5, 0.6) * fine[1]
    withered = (1 - draw(rng.season, (0.6, 1.0))) * mix[0]
    mix[:4] += withered * np.array([-1, 0.6, 0.1, 0.3])[:, None, None]
    mix[0] *= np.exp(vary * lushness)
    mix[2] *= np.exp(-vary * lushness)
    mix[3] *= np.exp(vary * fine[0])
    mix[5] *= np.exp(vary * roofs)
    mix[7] *= np.exp(-vary * roofs)
    mix[2] += np.where(land.label == c.WATER, 0.25 * np.exp(-distance_to(land.label != c.WATER) / 4), 0)  # shallows
    shares: Field = mix / mix.sum(axis=0)
    # Country roads are narrower than a pixel: they lighten or darken the pixels they cross.
    surface = "asphalt" if rng.places.random() < 0.5 else "soil"
    shares *= 1 - 0.5 * land.road
    shares[MATERIALS.index(surface)] += 0.5 * land.road
    return shares


def _sunlight(height: Field, azimuth: float, elevation: float, pixel_m: float) -> Field:
    """Light on each slope against light on flat ground."""
    # A canopy of trees and the sensor's own blur smooth the finest slopes away.
    south, east = np.gradient(ndimage.gaussian_filter(height, 2.5), pixel_m)
    high, towards = np.radians(elevation), azimuth
    # The surface normal is (-east, south, 1) in (east, north, up): rows run south.
    dot = np.sin(high) + np.cos(high) * (-east * np.sin(towards) + south * np.cos(towards))
    light = dot / np.sqrt(1 + south**2 + east**2) / np.sin(high)
    relative: Field = np.clip(0.45 + 0.55 * light, 0.3, 1.6)
    return relative


def radar(land: Land, pixel_m: float, rng: Streams) -> Pixels:
    """``(2, H, W)`` float32 VV and VH in dB, speckled, in steps of 0.01 dB."""
    shape = land.label.shape
    cover = cover_map(rng.places, rng.season, land)
    decibel = BACKSCATTER[cover].transpose(2, 0, 1).copy()
    per_parcel = rng.season.normal(0, 1.3, (2, land.parcels.count))[:, land.parcels.number]
    farmed = np.isin(land.label, (c.CROP, c.GRASS))
    decibel += np.where(farmed, per_parcel, 0.0)
    decibel += 0.8 * fractal(rng.places, shape, 1.8) + rng.season.normal(0, 0.7, (2, 1, 1))
    water, built = land.label == c.WATER, land.label == c.BUILT
    decibel[:, water] += rng.season.normal(0, 1.5)  # wind roughens all water alike
    decibel += np.where(built, 2.0 * rng.places.standard_normal(shape), 0.0)
    east = np.gradient(ndimage.gaussian_filter(land.height, 2.5), pixel_m, axis=1)
    decibel += np.clip(-8.0 * east * rng.sensor.choice([-1.0, 1.0]), -5, 5) * ~water
    power = ndimage.gaussian_filter(10 ** (decibel / 10), (0, 0.6, 0.6))
    looks = draw(rng.sensor, (4.0, 9.0))
    power = power * rng.sensor.gamma(looks, 1 / looks, power.shape)
    return np.asarray(np.round(10 * np.log10(np.maximum(power, 1e-4)), 2), np.float32)
