/** Drawing of pixels on a canvas. */

import { context } from "./elements.js";

/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {{ black: number, white: number }} Range */

/** Number of steps between zero and either end of a signed scale. */
const STEPS = 127;
/** Zero in signed color pictures. */
const MID_GRAY = 128;

/** ColorBrewer's RdBu from blue to red, as in the service's own pictures: -v is as light as v. */
const ANCHORS = [
  [5, 48, 97], [33, 102, 172], [67, 147, 195], [146, 197, 222], [209, 229, 240], [247, 247, 247],
  [253, 219, 199], [244, 165, 130], [214, 96, 77], [178, 24, 43], [103, 0, 31],
];
const DIVERGING = Array.from({ length: 2 * STEPS + 1 }, (_, step) => interpolated(step / (2 * STEPS)));

/**
 * Draw intensities.
 * @param {HTMLCanvasElement} canvas Takes the raster's size.
 * @param {Raster} raster
 * @param {Range} range Values beyond it are black or white.
 */
export function paint(canvas, raster, { black, white }) {
  const scale = 255 / (white - black || 1);
  // Uint8ClampedArray rounds and clips.
  fill(canvas, raster, (rgba, at, data, from, channels) => {
    for (let channel = 0; channel < 3; channel += 1) {
      rgba[at + channel] = (data[from + (channels === 1 ? 0 : channel)] - black) * scale;
    }
  });
}

/**
 * Draw signed values: blue below zero, white at zero, red above; for color, mid-gray plus each channel's value.
 * @param {HTMLCanvasElement} canvas Takes the raster's size.
 * @param {Raster} raster
 * @param {number} limit The absolute value that saturates.
 */
export function paintSigned(canvas, raster, limit) {
  const scale = STEPS / (limit || 1);
  fill(canvas, raster, (rgba, at, data, from, channels) => {
    if (channels === 3) {
      for (let channel = 0; channel < 3; channel += 1) rgba[at + channel] = MID_GRAY + data[from + channel] * scale;
      return;
    }
    const step = Math.max(-STEPS, Math.min(STEPS, Math.round(data[from] * scale)));
    rgba.set(DIVERGING[step + STEPS], at);
  });
}

/**
 * Draw the scale of signed pictures: from blue to red, or for color from black to white.
 * @param {HTMLCanvasElement} canvas
 * @param {number} channels
 */
export function paintScale(canvas, channels) {
  const width = 2 * STEPS + 1;
  const data = Float32Array.from({ length: width * channels }, (_, index) => Math.floor(index / channels) - STEPS);
  paintSigned(canvas, { data, width, height: 1, channels }, STEPS);
}

/** @typedef {(rgba: Uint8ClampedArray, at: number, data: Float32Array, from: number, channels: number) => void} Ink */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Raster} raster
 * @param {Ink} ink Colors one pixel.
 */
function fill(canvas, { data, width, height, channels }, ink) {
  // Setting a canvas's size clears it, even if the size is the same.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    ink(image.data, 4 * pixel, data, channels * pixel, channels);
    image.data[4 * pixel + 3] = 255;
  }
  context(canvas).putImageData(image, 0, 0);
}

/**
 * @param {number} place 0 to 1.
 * @returns {number[]}
 */
function interpolated(place) {
  const at = place * (ANCHORS.length - 1);
  const low = Math.min(Math.floor(at), ANCHORS.length - 2);
  return ANCHORS[low].map((value, channel) => Math.round(value + (at - low) * (ANCHORS[low + 1][channel] - value)));
}
