/** Saving of results as files. */

import { writeNpy } from "./npy.js";
import { writeNpz } from "./npz.js";
import { Problem } from "./problem.js";
import { denoise } from "./service.js";
import { stem, uploading } from "./session.js";

/** @typedef {import("./activity.js").Say} Say */
/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {import("./service.js").Parameters} Parameters */
/** @typedef {import("./session.js").Outcome} Outcome */

/** @typedef {import("./picture.js").Dtype} Dtype */
/** @typedef {"png" | "tiff" | "jpeg" | "webp" | "auto"} Format With `auto` that of the input, if it can be written. */
/** @typedef {{ format: Format, quality: number }} Choice */

/** @type {Format[]} */
export const FORMATS = ["png", "tiff", "jpeg", "webp", "auto"];
/** @type {Format[]} */
const EIGHT_BITS = ["jpeg", "webp"];
/** @type {Format[]} */
const LOSSLESS = ["png", "tiff"];
/** Where the ending is not the subtype. @type {Record<string, string>} */
const ENDINGS = { "image/jpeg": "jpg", "application/x-npy": "npy", "image/x-portable-anymap": "pnm" };

/**
 * What the formats that the service writes hold, by ending: any values and pages, or one page of these types.
 * @type {Record<string, Dtype[] | "all">}
 */
const HELD = {
  avif: ["uint8"],
  bmp: ["uint8"],
  fit: "all",
  fits: "all",
  fts: "all",
  jpeg: ["uint8"],
  jpg: ["uint8"],
  npy: "all",
  pgm: ["uint8", "uint16"],
  png: ["uint8", "uint16"],
  pnm: ["uint8", "uint16"],
  ppm: ["uint8", "uint16"],
  tif: "all",
  tiff: "all",
  webp: ["uint8"],
};

/** Time for which the data are kept until the browser has opened them to save. */
const KEPT_MS = 60_000;

/**
 * Let the browser save a file.
 * @param {Blob} data
 * @param {string} name
 */
export function saveAs(data, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/**
 * Tell whether a format cannot hold a type, so that what the screen shows is saved.
 * @param {Format} format
 * @param {Dtype} dtype
 */
export function isFromScreen(format, dtype) {
  if (format === "png") return dtype === "float32" || dtype === "int16";
  return EIGHT_BITS.includes(format) && dtype !== "uint8" && dtype !== "uint16";
}

/**
 * Save the result as an image file from the service, with every bit, profile and page that the format holds.
 * @param {Outcome} outcome
 * @param {Choice} choice
 * @param {Parameters} parameters Strength and model.
 * @param {AbortSignal} signal
 * @param {Say} say
 */
export async function saveFromService({ body, name, denoised }, { format, quality }, parameters, signal, say) {
  const bits = EIGHT_BITS.includes(format) && denoised.dtype === "uint16" ? 8 : null;
  const own = { format, bits, quality: LOSSLESS.includes(format) ? null : quality };
  const onUpload = uploading(say, "Writing the file …");
  const answer = await denoise(body, { ...parameters, ...own }, { signal, onUpload });
  const type = answer.header("Content-Type");
  const ending = type === body.mediaType ? name.split(".").pop() ?? "" : ENDINGS[type] ?? type.split("/").pop() ?? "";
  saveAs(new Blob([answer.body], { type }), resultName(name, format === "auto" ? ending : ENDINGS[type] ?? format));
}

/**
 * Save the result as shown on the screen.
 * @param {HTMLCanvasElement} canvas
 * @param {Outcome} outcome
 * @param {Choice} choice
 */
export async function saveFromScreen(canvas, { name }, { format, quality }) {
  const type = `image/${format}`;
  /** @type {Blob | null} */
  const data = await new Promise((resolve) => canvas.toBlob(resolve, type, quality / 100));
  // A browser that lacks a format writes a PNG.
  if (data?.type !== type) {
    throw new Problem("The image cannot be saved", `This browser cannot write it as ${format}. Use TIFF.`);
  }
  saveAs(data, resultName(name, ENDINGS[type] ?? format));
}

/**
 * Save everything that was compared, as arrays.
 * @param {Outcome} outcome
 * @param {{ noisy: Raster, result: Raster }} shown
 */
export async function saveArrays({ noisy: { dtype }, clean, name }, { noisy, result }) {
  const arrays = { noisy: writeNpy(noisy, dtype), denoised: writeNpy(result, dtype) };
  const all = clean ? { ...arrays, clean: writeNpy(clean) } : arrays;
  saveAs(await writeNpz(all), resultName(name, "npz"));
}

/**
 * @param {string} name
 * @param {string} ending
 */
export function resultName(name, ending) {
  return `${stem(name).replace(/-noisy$/, "")}-denoised.${ending}`;
}

/**
 * Return the ending of the service's answer in the format of the input, or in the one that replaces it.
 * @param {string} name Of the input.
 * @param {Picture} picture
 * @returns {string}
 */
export function answeredEnding(name, { dtype, frames }) {
  const ending = name.split(".").pop() ?? "";
  const held = HELD[ending.toLowerCase()] ?? [];
  if (held === "all" || (frames.length === 1 && held.includes(dtype))) return ending;
  return frames.length === 1 && ["uint8", "uint16"].includes(dtype) ? "png" : "tiff";
}
