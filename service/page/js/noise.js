/** Gaussian noise, reproducible by a seed. */

/** @typedef {import("./picture.js").Raster} Raster */

/**
 * Add independent noise to every value, without clipping or rounding.
 * @param {Raster} clean White is 1.
 * @param {number} sigma255 Standard deviation on the 0-255 scale.
 * @param {number} seed A 32-bit integer.
 * @returns {Raster}
 */
export function addNoise(clean, sigma255, seed) {
  const draw = normal(uniform(seed));
  return { ...clean, data: clean.data.map((value) => value + (sigma255 / 255) * draw()) };
}

/**
 * Numbers in [0, 1): mulberry32, whose 2^32 steps are enough for a picture.
 * @param {number} seed
 * @returns {() => number}
 */
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Standard normal numbers, by the method of Box and Muller.
 * @param {() => number} draw
 * @returns {() => number}
 */
function normal(draw) {
  /** @type {number | null} */
  let spare = null;
  return () => {
    if (spare !== null) {
      const second = spare;
      spare = null;
      return second;
    }
    // 1 - u lies in (0, 1]: the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - draw()));
    const angle = 2 * Math.PI * draw();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
