"""Images as the model reads them: the common render and further bands, and which of them a date means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from terracot.plugins import PromptFrame
from terracot.render import BYTES, DECIBELS, REFLECTANCE
from terracot.spectral.indices import ROLE_TEXT, band_of

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FrameImage:
    """One image: ``channels`` is ``(3 + bands, H, W)`` float32 from 0 to 1, the render first; a missing band is NaN.

    ``t`` is the date, from 1. Frames of one query have one ``(H, W)``.
    """

    channels: Floats
    t: int
    modality: str

    @property
    def shape(self) -> tuple[int, int]:
        """``(H, W)``."""
        return self.channels.shape[1], self.channels.shape[2]

    @property
    def is_sar(self) -> bool:
        """Radar; all else counts as optical."""
        return self.modality == "sar"


def frame_image(frame: PromptFrame, bands: Sequence[str] = ()) -> FrameImage:
    """The render of ``frame`` and those of its native ``bands``, in their limits.

    A band is named as in the frame, without regard to case, or by its role ("nir", "swir1" ...; ``band_of``).
    """
    return FrameImage(channels_of(frame, bands), frame.t, frame.modality)


def channels_of(frame: PromptFrame, bands: Sequence[str]) -> Floats:
    """``(3 + bands, H, W)`` of a frame; bands lie between the fixed display limits of their unit, clipped to 0 to 1."""
    render = frame.image.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    own = {name.lower(): position for position, name in enumerate(frame.bands)}
    wanted = [own.get(name.lower(), band_of(frame.bands, name) if name in ROLE_TEXT else None) for name in bands]
    native = frame.native() if any(position is not None for position in wanted) else None
    rows = [render]
    for name, position in zip(bands, wanted, strict=True):
        if position is None or native is None:
            rows.append(np.full((1, *render.shape[1:]), np.nan, np.float32))
            continue
        low, high = limits(name, frame.unit)
        share = (native[position].astype(np.float32) - low) / (high - low)
        share[~np.isfinite(share)] = 0.0  # as the render has it
        rows.append(np.clip(share, 0.0, 1.0)[None])
    return np.concatenate(rows)


def limits(band: str, unit: str) -> tuple[float, float]:
    """Lowest and highest value shown of a band, as ``terracot.render`` has them; never taken from the image."""
    if unit == "dB":
        return DECIBELS.get(band.upper(), DECIBELS["VV"])
    # Vegetation reflects up to about twice as much in the near infrared as the colour limits show.
    return (REFLECTANCE[0], 2 * REFLECTANCE[1]) if unit == "reflectance" else BYTES


def frames_at(frames: Sequence[FrameImage], t: int | None) -> tuple[int, int | None]:
    """Positions of the image of date ``t`` and of the SAR image that goes with an optical one, or None.

    SAR alone is the image. Without a date, or with one that no frame has, the first date is meant.
    """
    dates = {frame.t for frame in frames}
    date = t if t in dates else min(dates)
    of_date = [position for position, frame in enumerate(frames) if frame.t == date]
    optical = [position for position in of_date if not frames[position].is_sar]
    sar = [position for position in of_date if frames[position].is_sar]
    if not optical:
        return sar[0], None
    return optical[0], sar[0] if sar else None
