/** NumPy's array file: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */

/** @typedef {import("./picture.js").Dtype} Dtype */
/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {import("./picture.js").Picture} Picture */

import { whiteOf } from "./white.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];
/** The data begin at a multiple of this. */
const ALIGNMENT = 64;

/** @type {Record<Dtype, string>} */
const DESCRIPTIONS = { uint8: "|u1", uint16: "<u2", int16: "<i2", float32: "<f4" };

/** @type {Record<string, { dtype: Dtype, read: (buffer: ArrayBuffer) => ArrayLike<number> }>} */
const READERS = {
  "|u1": { dtype: "uint8", read: (buffer) => new Uint8Array(buffer) },
  "<u2": { dtype: "uint16", read: (buffer) => new Uint16Array(buffer) },
  "<i2": { dtype: "int16", read: (buffer) => new Int16Array(buffer) },
  "<f2": { dtype: "float32", read: (buffer) => Array.from(new Uint16Array(buffer), halfToNumber) },
  "<f4": { dtype: "float32", read: (buffer) => new Float32Array(buffer) },
  "<f8": { dtype: "float32", read: (buffer) => new Float64Array(buffer) },
};

/**
 * Read an image as the service writes it: little-endian, in C order; alpha is left out.
 * @param {ArrayBuffer} file
 * @returns {Picture}
 */
export function readNpy(file) {
  const length = new DataView(file).getUint16(MAGIC.length, true);
  const start = MAGIC.length + 2 + length;
  const header = new TextDecoder("latin1").decode(new Uint8Array(file, MAGIC.length + 2, length));
  const description = /'descr': '([^']+)'/.exec(header)?.[1] ?? "";
  const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "").split(",").filter((part) => part.trim()).map(Number);
  const reader = READERS[description];
  if (!reader) throw new Error(`the service returned an array of ${description}, which is not an image`);
  const values = reader.read(file.slice(start));
  const frames = split(values, shape);
  return { frames, dtype: reader.dtype, white: whiteOf(reader.dtype, frames) };
}

/**
 * Write a raster (H, W) or (H, W, 3).
 * @param {Raster} raster
 * @param {Dtype} [dtype] Integers are rounded and clipped.
 * @returns {Blob}
 */
export function writeNpy(raster, dtype = "float32") {
  const shape = raster.channels === 1 ? [raster.height, raster.width] : [raster.height, raster.width, raster.channels];
  const text = `{'descr': '${DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const padding = ALIGNMENT - ((MAGIC.length + 2 + text.length + 1) % ALIGNMENT);
  const header = new TextEncoder().encode(`${text}${" ".repeat(padding)}\n`);
  const length = new Uint8Array([header.length & 0xff, header.length >> 8]);
  return new Blob([new Uint8Array(MAGIC), length, header, stored(raster.data, dtype)]);
}

/**
 * @param {ArrayLike<number>} values
 * @param {number[]} shape (H, W), (H, W, C), (Z, H, W) or (Z, H, W, C); a last axis of 1 to 4 is that of the channels.
 * @returns {Raster[]}
 */
function split(values, shape) {
  const samples = shape.length > 2 && shape[shape.length - 1] <= 4 ? shape[shape.length - 1] : 1;
  const hasChannels = shape.length > 2 && shape[shape.length - 1] <= 4;
  const [height, width] = (hasChannels ? shape.slice(0, -1) : shape).slice(-2);
  const channels = samples < 3 ? 1 : 3;
  const frameLength = height * width * samples;
  return Array.from({ length: values.length / frameLength }, (_, frame) => {
    const data = new Float32Array(height * width * channels);
    for (let index = 0; index < data.length; index += 1) {
      const pixel = Math.floor(index / channels);
      data[index] = values[frame * frameLength + pixel * samples + (index % channels)];
    }
    return { data, width, height, channels };
  });
}

/**
 * @param {Float32Array} data
 * @param {Dtype} dtype
 * @returns {BlobPart}
 */
function stored(data, dtype) {
  const bounded = (/** @type {number} */ low, /** @type {number} */ high) =>
    Array.from(data, (value) => Math.max(low, Math.min(high, Math.round(value))));
  switch (dtype) {
    case "uint8": return Uint8Array.from(bounded(0, 255));
    case "uint16": return Uint16Array.from(bounded(0, 65535));
    case "int16": return Int16Array.from(bounded(-32768, 32767));
    case "float32": return new Float32Array(data);
  }
}

/**
 * IEEE 754 half precision.
 * @param {number} bits
 * @returns {number}
 */
function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
