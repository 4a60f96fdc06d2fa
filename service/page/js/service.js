/** The part of the service's HTTP interface that the page uses. */

import { send } from "./request.js";

/** The address of the service: two folders above this file, even behind a proxy that serves it under a path. */
export const BASE = new URL("../../", import.meta.url);

/** @typedef {import("./request.js").Answer} Answer */
/** @typedef {import("./request.js").Waiting} Waiting */
/** @typedef {Record<string, string | number | boolean | null>} Parameters Null values are left out. */
/** @typedef {{ data: Blob, mediaType: string }} Body */
/**
 * @typedef {object} Model
 * @property {string} name
 * @property {"network" | "classical"} kind
 * @property {number | null} channels Null for models that take gray and color.
 * @property {string} version
 * @property {string | null} sha256 Null if there are no weights.
 */
/** @typedef {{ analysis: { max_dense_values: number } | null, media_types: string[] }} Limits */

/**
 * Return the address of a call.
 * @param {string} path
 * @param {Parameters} parameters
 * @returns {URL}
 */
export function address(path, parameters) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null) url.searchParams.set(name, String(value));
  }
  return url;
}

/**
 * Denoise an image.
 * @param {Body} image
 * @param {Parameters} parameters
 * @param {Waiting} waiting
 * @param {string} [requestId] By which its progress can be asked for.
 * @returns {Promise<Answer>}
 */
export function denoise(image, parameters, waiting, requestId) {
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": image.mediaType };
  if (requestId) headers["X-Request-Id"] = requestId;
  return send("POST", address("denoise", parameters), headers, image.data, waiting);
}

/**
 * @typedef {object} Progress
 * @property {"waiting" | "running"} state
 * @property {number | null} place
 * @property {number} tiles_done
 * @property {number | null} tiles_total
 * @property {number | null} seconds_left
 */

/**
 * Return how far a request is; fails if it has not begun or has ended.
 * @param {string} requestId
 * @returns {Promise<Progress>}
 */
export function progress(requestId) {
  return json(`requests/${requestId}`);
}

/**
 * Analyze a patch.
 * @param {Blob} noisy An NPY file.
 * @param {Blob | null} clean The same without noise, if known.
 * @param {Parameters} parameters
 * @param {Waiting} waiting
 * @returns {Promise<Answer>}
 */
export function analyze(noisy, clean, parameters, waiting) {
  const form = new FormData();
  form.append("image", noisy, "noisy.npy");
  if (clean) form.append("clean", clean, "clean.npy");
  return send("POST", address("analyze", parameters), {}, form, waiting);
}

/** @returns {Promise<Model[]>} */
export function models() {
  return json("models");
}

/** @returns {Promise<Limits>} */
export function limits() {
  return json("limits");
}

/** @param {string} path */
async function json(path) {
  const answer = await send("GET", address(path, {}), {}, null, { signal: new AbortController().signal });
  return JSON.parse(new TextDecoder().decode(answer.body));
}
