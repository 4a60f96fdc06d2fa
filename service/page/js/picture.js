/** Pixels, and the arithmetic on them. */

/**
 * @typedef {object} Raster One frame of an image.
 * @property {Float32Array} data (H, W, C), in the image's own intensities.
 * @property {number} width
 * @property {number} height
 * @property {number} channels 1 gray, 3 RGB.
 */

/** @typedef {"uint8" | "uint16" | "int16" | "float32"} Dtype */

/**
 * @typedef {object} Picture
 * @property {Raster[]} frames
 * @property {Dtype} dtype
 * @property {number} white The intensity of white, to which noise is proportional.
 * @property {string} [warning] What the service assumed about the file.
 */

/**
 * White by dtype, as the service uses it for noise levels.
 * @type {Record<Dtype, number>}
 */
export const FULL_SCALE = { uint8: 255, uint16: 65535, int16: 32767, float32: 1 };

/** Values that are looked at; more do not move a share noticeably. */
const LOOKED_AT = 100_000;

/**
 * Return the values below which shares of all values lie.
 * @param {Raster} raster
 * @param {number[]} shares 0 to 1.
 * @returns {number[]}
 */
export function quantiles({ data, channels }, shares) {
  const most = Math.ceil(data.length / LOOKED_AT);
  // A multiple of the channels would look at one of them only.
  const step = channels > 1 && most % channels === 0 ? most + 1 : most;
  const some = Float32Array.from({ length: Math.ceil(data.length / step) }, (_, index) => data[index * step]).sort();
  return shares.map((share) => some[Math.floor(share * (some.length - 1))]);
}

/**
 * Change every value of a raster.
 * @param {Raster} raster
 * @param {(value: number, index: number) => number} change
 * @returns {Raster}
 */
export function map(raster, change) {
  return { ...raster, data: raster.data.map(change) };
}

/**
 * Blend as the service does: noisy + chroma change + (strength - chroma) luma(change), with change = denoised - noisy.
 * @param {Raster} noisy
 * @param {Raster} denoised
 * @param {number} strength Of the luminance, 0 to 1.
 * @param {number} chroma Of the color differences, 0 to 1; gray has none.
 * @returns {Raster}
 */
export function blend(noisy, denoised, strength, chroma) {
  const both = noisy.channels === 1 ? strength : chroma;
  if (strength === 1 && both === 1) return denoised;
  const change = (/** @type {number} */ index) => denoised.data[index] - noisy.data[index];
  if (strength === both) return map(noisy, (value, index) => value + strength * change(index));
  return map(noisy, (value, index) => {
    const first = index - (index % 3);
    const luma = LUMA.reduce((sum, weight, channel) => sum + weight * change(first + channel), 0);
    return value + both * change(index) + (strength - both) * luma;
  });
}

/** Rec. 601 weights, with the same fractions as in the service. */
const LUMA = [19595, 38470, 7471].map((weight) => weight / 65536);

/**
 * Convert to a number of channels: repeat gray, or keep one of three equal channels.
 * @param {Raster} raster
 * @param {number} channels
 * @returns {Raster}
 */
export function withChannels(raster, channels) {
  if (raster.channels === channels) return raster;
  const data = new Float32Array(raster.width * raster.height * channels);
  for (let index = 0; index < data.length; index += 1) {
    data[index] = raster.data[Math.floor(index / channels) * raster.channels];
  }
  return { ...raster, channels, data };
}

/**
 * Cut out a square.
 * @param {Raster} raster
 * @param {{ x: number, y: number, size: number }} square Inside the raster.
 * @returns {Raster}
 */
export function cut(raster, { x, y, size }) {
  const row = size * raster.channels;
  const data = new Float32Array(size * row);
  for (let line = 0; line < size; line += 1) {
    const start = ((y + line) * raster.width + x) * raster.channels;
    data.set(raster.data.subarray(start, start + row), line * row);
  }
  return { data, width: size, height: size, channels: raster.channels };
}
