/** The decoding of files: in the browser if that is exact, otherwise by the service. */

import { context } from "./elements.js";
import { readNpy } from "./npy.js";
import { denoise } from "./service.js";

/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {import("./request.js").Waiting} Waiting */

/** Formats that a browser decodes to the same 8 bits as the service. */
const LOCAL = ["image/jpeg", "image/webp", "image/bmp"];
/** Positions of a PNG's bit depth and color type; type 0 is gray and 2 is RGB, both without alpha. */
const PNG_BIT_DEPTH = 24;
const PNG_COLOR_TYPE = 25;

/** By ending; the service tells other formats by their content. @type {Record<string, string>} */
const MEDIA_TYPES = {
  avif: "image/avif",
  bmp: "image/bmp",
  dcm: "application/dicom",
  dicom: "application/dicom",
  dng: "image/x-adobe-dng",
  fit: "image/fits",
  fits: "image/fits",
  gif: "image/gif",
  heic: "image/heic",
  heif: "image/heic",
  jp2: "image/jp2",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  jxl: "image/jxl",
  npy: "application/x-npy",
  pbm: "image/x-portable-anymap",
  pgm: "image/x-portable-anymap",
  png: "image/png",
  pnm: "image/x-portable-anymap",
  ppm: "image/x-portable-anymap",
  tif: "image/tiff",
  tiff: "image/tiff",
  webp: "image/webp",
};

/**
 * Return the media type of a file. Systems name rare formats in their own ways: those are left to the service, which
 * inspects the content.
 * @param {File} file
 * @returns {string}
 */
export function mediaType(file) {
  const ending = file.name.toLowerCase().split(".").pop() ?? "";
  const known = Object.values(MEDIA_TYPES).includes(file.type);
  return MEDIA_TYPES[ending] ?? (known ? file.type : "application/octet-stream");
}

/**
 * Decode the pixels of a file.
 * @param {File} file
 * @param {Waiting} waiting
 * @returns {Promise<Picture>}
 */
export async function decode(file, waiting) {
  if (await isLocal(file)) {
    // If the browser cannot read a file, the service can say what is wrong with it.
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }).catch(() => null);
    if (bitmap) return { frames: [pixels(bitmap)], dtype: "uint8", white: 255 };
  }
  const image = { data: file, mediaType: mediaType(file) };
  const { body, header } = await denoise(image, { strength: 0, format: "npy" }, waiting);
  return { ...readNpy(body), warning: header("X-Warning") };
}

/** @param {File} file */
async function isLocal(file) {
  const type = mediaType(file);
  if (type !== "image/png") return LOCAL.includes(type);
  const head = new Uint8Array(await file.slice(0, PNG_COLOR_TYPE + 1).arrayBuffer());
  return head[PNG_BIT_DEPTH] === 8 && [0, 2].includes(head[PNG_COLOR_TYPE]);
}

/**
 * @param {ImageBitmap} bitmap
 * @returns {Raster} Gray if all pixels are gray.
 */
function pixels(bitmap) {
  const { width, height } = bitmap;
  const drawing = context(Object.assign(document.createElement("canvas"), { width, height }));
  drawing.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = drawing.getImageData(0, 0, width, height);
  const channels = isGray(data) ? 1 : 3;
  const values = new Float32Array(width * height * channels);
  for (let index = 0; index < values.length; index += 1) {
    values[index] = data[4 * Math.floor(index / channels) + (index % channels)];
  }
  return { data: values, width, height, channels };
}

/** @param {Uint8ClampedArray} rgba */
function isGray(rgba) {
  for (let index = 0; index < rgba.length; index += 4) {
    if (rgba[index] !== rgba[index + 1] || rgba[index] !== rgba[index + 2]) return false;
  }
  return true;
}
