/** Saving of results as files. */

import { writeNpy } from "./npy.js";
import { writeNpz } from "./npz.js";
import { Problem } from "./problem.js";
import { denoise } from "./service.js";
import { stem, uploading } from "./session.js";

/** @typedef {import("./activity.js").Say} Say */
/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {import("./service.js").Parameters} Parameters */
/** @typedef {import("./session.js").Outcome} Outcome */

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
 * Save the result as an image file from the service, with every bit, profile and page of the input.
 * @param {Outcome} outcome
 * @param {"png" | "tiff"} format
 * @param {Parameters} parameters Strength and model.
 * @param {AbortSignal} signal
 * @param {Say} say
 */
export async function saveFromService({ body, name }, format, parameters, signal, say) {
  const onUpload = uploading(say, "Writing the file …");
  const answer = await denoise(body, { ...parameters, format }, { signal, onUpload });
  saveAs(new Blob([answer.body], { type: `image/${format}` }), resultName(name, format));
}

/**
 * Save the result as shown on the screen, for floats, which PNG cannot hold.
 * @param {HTMLCanvasElement} canvas
 * @param {string} name Of what was sent.
 */
export async function saveFromScreen(canvas, name) {
  /** @type {Blob | null} */
  const data = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!data) throw new Problem("The image cannot be saved", "The browser cannot write a PNG of this size. Save it as TIFF.");
  saveAs(data, resultName(name, "png"));
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
