/** The intensity of white, where neither the file nor the type of its numbers tells. */

import { FULL_SCALE, quantiles } from "./picture.js";

/** @typedef {import("./picture.js").Dtype} Dtype */
/** @typedef {import("./picture.js").Raster} Raster */

/** Share of the values that white holds: a few hot pixels do not set it. */
const SHARE = 0.999;
/** Noise exceeds white: a white area at the highest level that is common, 50 of 255, by 2.5 deviations. */
const EXCESS = 1.5;
/** Whites of floats: 1, small powers of two for radiance, and those of 8 to 16 bits. */
const WHITES = [1, 2, 4, 8, 16, 255, 1023, 4095, 16383, 65535];
/** Depths of integers that are stored in 16 bits. One of 14 bits cannot be told from a dark image of 16. */
const DEPTHS = [8, 10, 12];

/**
 * Return the intensity of white: for 16-bit integers of fewer bits, the white of these bits; for floats, a round number
 * that holds almost all values.
 * @param {Dtype} dtype
 * @param {Raster[]} frames
 * @returns {number}
 */
export function whiteOf(dtype, frames) {
  if (dtype === "float32") return roundWhite(Math.max(...frames.map((frame) => quantiles(frame, [SHARE])[0])));
  const depth = depthOf(dtype, frames);
  return depth === null ? FULL_SCALE[dtype] : 2 ** depth - 1;
}

/**
 * Return the bits in use if 16-bit integers use fewer; otherwise null.
 * @param {Dtype} dtype
 * @param {Raster[]} frames
 * @returns {number | null}
 */
function depthOf(dtype, frames) {
  if (dtype !== "uint16" && dtype !== "int16") return null;
  const fits = (/** @type {number} */ depth) => frames.every(({ data }) => data.every((value) => value < 2 ** depth));
  return DEPTHS.find(fits) ?? null;
}

/** @param {number} most */
function roundWhite(most) {
  return WHITES.find((white) => most <= EXCESS * white) ?? 2 ** Math.ceil(Math.log2(most)) - 1;
}
