"""From covers to pixels: an optical and near infrared frame in reflectance, a C-band SAR frame in dB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from terracot.scenes import Display
from terracot.sources.procedural import legends as c
from terracot.sources.procedural.clouds import Sky
from terracot.sources.procedural.covers import BACKSCATTER, MIX, SPECTRA, VARY, CoverMap, cover_map
from terracot.sources.procedural.fields import Field, Rng, draw, fractal
from terracot.sources.procedural.landcover import Land

OPTICAL_BANDS = ("B02", "B03", "B04", "B08")
OPTICAL_DISPLAY = Display(("B04", "B03", "B02"), (0.0, 0.0, 0.0), (0.3, 0.3, 0.3))
SAR_BANDS = ("VV", "VH")
SAR_DISPLAY = Display(("VV", "VH", "VV"), (-25.0, -32.0, -25.0), (0.0, -5.0, 0.0))

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Streams:
    """Random streams of one frame: ``places`` is shared by all frames of a scene, ``season`` by those of one date."""

    places: Rng
    season: Rng
    sensor: Rng


def photograph(land: Land, sky: Sky, sun_azimuth: float, pixel_m: float, rng: Streams) -> Pixels:
    """``(4, H, W)`` float32 reflectance of one date, in steps of 0.0001."""
    shape = land.label.shape
    cover = cover_map(rng.places, rng.season, land)
    per_parcel = rng.season.normal(0, 1, (2, land.parcels.count))
    farmed = land.label == c.CROP
    shares = _shares(rng, cover, 1.4 * farmed * per_parcel[0][land.parcels.number], shape)
    spectra = SPECTRA * rng.season.normal(1, 0.07, SPECTRA.shape) * rng.season.normal(1, 0.08, (len(SPECTRA), 1))
    spectra[2] *= draw(rng.places, (0.65, 1.35))  # soils are dark or light by region
    bands = np.stack([sum(share * value for share, value in zip(shares, band, strict=True)) for band in spectra.T])
    bands *= 1 + 0.06 * farmed * per_parcel[1][land.parcels.number]
    bands *= 1 + 0.05 * fractal(rng.sensor, shape, 0.8)
    bands *= _sunlight(land.height, sun_azimuth, draw(rng.season, (30.0, 65.0)), pixel_m)
    bands = bands * (1 - 0.6 * sky.shadow) * (1 - sky.cloud) + sky.brightness * sky.cloud
    bands += np.array([0.9, 0.5, 0.3, 0.1])[:, None, None] * abs(rng.season.normal(0, 0.012))  # haze
    blur = draw(rng.sensor, (0.45, 0.75))
    bands = ndimage.gaussian_filter(bands, (0, blur, blur))
    bands += rng.sensor.standard_normal(bands.shape) * 0.0035
    return to_reflectance(bands)


def to_reflectance(bands: Field) -> Pixels:
    """``(C, H, W)`` float32 in 0..1 in steps of 0.0001, as level-2 products store it."""
    return np.asarray(np.round(np.clip(bands, 0.0001, 1), 4), np.float32)


def _shares(rng: Streams, cover: CoverMap, parcel: Field, shape: tuple[int, int]) -> Field:
    """``(material, H, W)`` shares: the mixture of each cover, varied from pixel to pixel and from field to field."""
    mix = MIX[cover].transpose(2, 0, 1)
    vary = VARY[cover]
    slow, fine = fractal(rng.places, shape, 2.2), rng.places.standard_normal((2, *shape))
    lushness = 1.2 * slow + 0.8 * fine[0] + parcel
    roofs = 1.5 * fine[1]
    mix = mix.copy()
    mix[0] *= np.exp(vary * lushness)
    mix[2] *= np.exp(-vary * lushness)
    mix[3] *= np.exp(vary * fine[0])
    mix[5] *= np.exp(vary * roofs)
    mix[7] *= np.exp(-vary * roofs)
    shares: Field = mix / mix.sum(axis=0)
    return shares


def _sunlight(height: Field, azimuth: float, elevation: float, pixel_m: float) -> Field:
    """Light on each slope against light on flat ground."""
    south, east = np.gradient(height, pixel_m)
    high, towards = np.radians(elevation), azimuth
    # The surface normal is (-east, south, 1) in (east, north, up): rows run south.
    dot = np.sin(high) + np.cos(high) * (-east * np.sin(towards) + south * np.cos(towards))
    light = dot / np.sqrt(1 + south**2 + east**2) / np.sin(high)
    relative: Field = np.clip(0.25 + 0.75 * light, 0.3, 1.6)
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
    _, east = np.gradient(land.height, pixel_m)
    decibel += np.clip(-9.0 * east * rng.sensor.choice([-1.0, 1.0]), -5, 5) * ~water
    power = ndimage.gaussian_filter(10 ** (decibel / 10), (0, 0.6, 0.6))
    looks = draw(rng.sensor, (4.0, 9.0))
    power = power * rng.sensor.gamma(looks, 1 / looks, power.shape)
    return np.asarray(np.round(10 * np.log10(np.maximum(power, 1e-4)), 2), np.float32)
