"""Where the visual tokens of an image lie on its pixels: InternVL's dynamic tiling.

A single image is enlarged or shrunk to a grid of square tiles whose shape is nearest to its own, cut, and followed by a
thumbnail of the whole; several images are one tile each. Tokens go tile by tile, in each row by row. Evidence comes
from the tiles: the thumbnail shows the same ground again, coarser. Only where it is the one tile is it read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from terrascope_vlm.frames import Floats

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tiling:
    """``rows`` x ``columns`` tiles of an ``(H, W)`` image, each with ``cells`` (rows, columns) of visual tokens."""

    shape: tuple[int, int]
    tile: tuple[int, int]
    cells: tuple[int, int]
    rows: int = 1
    columns: int = 1

    @property
    def thumbnail(self) -> bool:
        """A tile of the whole image follows when there is more than one."""
        return self.rows * self.columns > 1

    @property
    def tiles(self) -> int:
        """Tiles, with the thumbnail."""
        return self.rows * self.columns + self.thumbnail

    @property
    def tokens(self) -> int:
        """Visual tokens of the image, those of the thumbnail among them."""
        return self.tiles * self.cells[0] * self.cells[1]

    @property
    def grid(self) -> tuple[int, int]:
        """``(rows, columns)`` of cells over the whole image, without the thumbnail."""
        return self.rows * self.cells[0], self.columns * self.cells[1]

    @cached_property
    def token_of_cell(self) -> npt.NDArray[np.int64]:
        """``grid``-shaped: the position of each cell's token among the tokens of the image."""
        r, c = self.cells
        tokens = np.arange(self.rows * self.columns * r * c).reshape(self.rows, self.columns, r, c)
        return np.ascontiguousarray(tokens.transpose(0, 2, 1, 3)).reshape(self.grid)

    def coverage(self, mask: Booleans) -> npt.NDArray[np.float64]:
        """``grid``-shaped: the exact share of each cell's area that ``mask`` ``(H, W)`` covers; pixels have area."""
        if mask.shape != self.shape:
            raise ValueError(f"mask is {mask.shape}; expected the shape of the image, {self.shape}")
        rows, columns = (_overlap(n, size) for n, size in zip(self.grid, self.shape, strict=True))
        return np.asarray(rows @ mask.astype(np.float64) @ columns.T / (self.shape[0] * self.shape[1]))

    def cut(self, channels: Floats) -> Floats:
        """``(tiles, C, h, w)`` of an image ``(C, H, W)``: resized (bicubic, antialiased), cut; then the thumbnail."""
        h, w = self.tile
        large = resized(channels, (self.rows * h, self.columns * w))
        parts = large.reshape(len(channels), self.rows, h, self.columns, w).transpose(1, 3, 0, 2, 4)
        tiles = parts.reshape(-1, len(channels), h, w)
        return np.concatenate([tiles, resized(channels, self.tile)[None]]) if self.thumbnail else tiles


def tiling_of(shape: tuple[int, int], tile: tuple[int, int], cells: tuple[int, int], max_tiles: int = 1) -> Tiling:
    """The tiling of an image: the grid of at most ``max_tiles`` whose shape is nearest to the image's.

    Of equally near ones the one with more tiles, if the image has more than half the pixels of that many tiles.
    """
    height, width = shape
    grids = [
        (rows, columns)
        for rows in range(1, max_tiles + 1)
        for columns in range(1, max_tiles // rows + 1)
        if rows * columns <= max_tiles
    ]
    grids.sort(key=lambda grid: (grid[0] * grid[1], grid[1]))
    best, least = (1, 1), float("inf")
    for rows, columns in grids:
        off = abs(width / height - columns / rows)
        larger = off == least and height * width > 0.5 * tile[0] * tile[1] * rows * columns
        if off < least or larger:
            best, least = (rows, columns), off
    return Tiling(shape, tile, cells, *best)


def resized(channels: Floats, size: tuple[int, int]) -> Floats:
    """``(C, h, w)`` of ``(C, H, W)``, bicubic with antialiasing, within 0 to 1; a missing band (NaN) stays missing.

    The render (the first three) is resized as bytes, all colours at once: what InternVL's own processor does.
    """
    if channels.shape[1:] == size:
        return channels
    across = (size[1], size[0])
    out = np.empty((len(channels), *size), np.float32)
    render = np.rint(channels[:3] * np.float32(255)).astype(np.uint8).transpose(1, 2, 0)
    picture = Image.fromarray(np.ascontiguousarray(render)).resize(across, Image.Resampling.BICUBIC)
    np.divide(np.asarray(picture).transpose(2, 0, 1), np.float32(255), out=out[:3])
    for band, plane in zip(channels[3:], out[3:], strict=True):
        np.clip(np.asarray(Image.fromarray(band).resize(across, Image.Resampling.BICUBIC)), 0.0, 1.0, out=plane)
    return out


def _overlap(cells: int, pixels: int) -> npt.NDArray[np.float64]:
    """``(cells, pixels)``: how much of each pixel lies in each of ``cells`` equal parts of a line of pixels.

    A pixel is ``cells`` long and a cell ``pixels``: all lengths are whole numbers, so that half a cell is exactly half.
    """
    cell, pixel = np.arange(cells)[:, None] * pixels, np.arange(pixels)[None, :] * cells
    shared = np.minimum(cell + pixels, pixel + cells) - np.maximum(cell, pixel)
    return np.clip(shared, 0, None).astype(np.float64)
