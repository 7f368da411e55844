// Compressed COCO RLE to pixels. The same checks as terracot.masks: what does not add up is refused, not drawn.

const CHARS_PER_RUN = 7; // 5 bits a character

/** Runs of pixels, background first, from a compressed string; an Error says what is wrong with it. */
function runsOf(counts) {
  const runs = [];
  let at = 0;
  while (at < counts.length) {
    let value = 0, length = 0, code;
    do {
      if (at === counts.length) throw new Error("mask ends in the middle of a run");
      code = counts.charCodeAt(at++) - 48;
      if (!(code >= 0 && code <= 63)) throw new Error(`mask holds the character ${JSON.stringify(counts[at - 1])}`);
      if (++length > CHARS_PER_RUN) throw new Error("mask holds a run that is too long");
      value += (code & 31) * 2 ** (5 * (length - 1)); // no shifts: a run may need more than 32 bits
    } while (code & 32);
    if (code & 16) value -= 2 ** (5 * length); // the sign bit of the last character
    runs.push(runs.length > 2 ? value + runs[runs.length - 2] : value);
  }
  return runs;
}

/** {size: [height, width], counts} to a Uint8Array of height * width zeros and ones, row by row. */
function decodeRle(rle) {
  const [height, width] = rle.size;
  const bits = new Uint8Array(height * width);
  let at = 0, value = 0;
  for (const run of runsOf(rle.counts)) {
    if (!(run >= 0 && at + run <= bits.length)) throw new Error(`mask has a run of ${run} pixels at pixel ${at}`);
    if (value) for (let i = at; i < at + run; i++) bits[(i % height) * width + Math.floor(i / height)] = 1;
    at += run;
    value = 1 - value;
  }
  if (at !== bits.length || !rle.counts) throw new Error(`mask has ${at} pixels, expected ${bits.length}`);
  return bits;
}
