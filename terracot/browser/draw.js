// Pictures with masks: a tint and an outline for each; lit masks stand out, and everything else steps back.

const SHARP_SIDE = 960; // canvases are enlarged to about this side, so that outlines are fine lines

/** What is drawn of one mask: pixels, number of them, outline in grid units, and a picture in its colour. */
function layerOf(mask, colour) {
  const [height, width] = mask.size;
  const layer = { height, width, colour, bits: null, pixels: 0, outline: new Path2D(), tint: null, problem: null };
  try {
    layer.bits = decodeRle(mask);
  } catch (error) {
    layer.problem = error.message;
    layer.bits = new Uint8Array(height * width);
  }
  for (const bit of layer.bits) layer.pixels += bit;
  layer.tint = stencil([layer], 1, colour);
  traceEdges(layer);
  return layer;
}

/** A picture of `colour` where any of the layers has the value, transparent elsewhere. */
function stencil(layers, value, colour) {
  const { height, width } = layers[0];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const covered = layers.some((layer) => layer.bits[i]) ? 1 : 0;
    if (covered === value) image.data.set([...colour, 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Borders between pixels in and out of a mask, as long straight strokes. */
function traceEdges({ bits, height, width, outline }) {
  const at = (y, x) => (y < 0 || x < 0 || y >= height || x >= width ? 0 : bits[y * width + x]);
  const strokes = (lines, length, differs, draw) => {
    for (let line = 0; line <= lines; line++) {
      let start = -1;
      for (let i = 0; i <= length; i++) {
        const edge = i < length && differs(line, i);
        if (edge && start < 0) start = i;
        if (!edge && start >= 0) {
          draw(line, start, i);
          start = -1;
        }
      }
    }
  };
  strokes(height, width, (y, x) => at(y - 1, x) !== at(y, x), (y, from, to) => {
    outline.moveTo(from, y);
    outline.lineTo(to, y);
  });
  strokes(width, height, (x, y) => at(y, x - 1) !== at(y, x), (x, from, to) => {
    outline.moveTo(x, from);
    outline.lineTo(x, to);
  });
}

/** Draw a frame with those `layers` that are visible; `lit` ones are lifted out of a darkened picture. */
function drawFrame(canvas, picture, grid, layers, lit, tint) {
  const scale = Math.max(1, Math.ceil(SHARP_SIDE / Math.max(grid.height, grid.width)));
  canvas.width = grid.width * scale;
  canvas.height = grid.height * scale;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false; // a pixel is a pixel
  const cover = (image) => context.drawImage(image, 0, 0, canvas.width, canvas.height);
  cover(picture);
  if (lit.length) {
    context.globalAlpha = 0.55;
    cover(stencil(lit, 0, [0, 0, 0]));
  }
  const stroke = (layer, colour, width, alpha) => {
    context.save();
    context.globalAlpha = alpha;
    context.scale(scale, scale);
    context.lineWidth = (width * Math.max(canvas.width, canvas.height)) / SHARP_SIDE / scale;
    context.lineCap = "square";
    context.strokeStyle = colour;
    context.stroke(layer.outline);
    context.restore();
  };
  for (const layer of [...layers.filter((one) => !lit.includes(one)), ...lit]) {
    const bright = lit.includes(layer);
    const dimmed = lit.length > 0 && !bright;
    context.globalAlpha = dimmed ? 0 : Math.min(1, bright ? tint * 0.6 : tint);
    cover(layer.tint);
    context.globalAlpha = 1;
    stroke(layer, "black", bright ? 6 : 4, dimmed ? 0.1 : 0.5);
    stroke(layer, `rgb(${layer.colour})`, bright ? 3.2 : 1.8, dimmed ? 0.3 : 1);
  }
}
