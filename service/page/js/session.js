/** The denoising of an image: the request and its result. */

import { withNoise } from "./compute.js";
import { mediaType } from "./decode.js";
import { readNpy, writeNpy } from "./npy.js";
import { FULL_SCALE, map, quantiles, withChannels } from "./picture.js";
import { followed } from "./progress.js";
import { denoise } from "./service.js";

/** @typedef {import("./activity.js").Say} Say */
/** @typedef {import("./paint.js").Range} Range */
/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {import("./request.js").Answer} Answer */
/** @typedef {import("./service.js").Body} Body */
/** @typedef {import("./service.js").Model} Model */
/** @typedef {import("./service.js").Parameters} Parameters */

/** An estimate takes a second pass over the image, which is worth its time up to this size. */
const ESTIMATED_PIXELS = 4_000_000;
/** Bits of white that the service takes for floats. */
const LEAST_BITS = 8, MOST_BITS = 32;
/** Shares of the values below black and below white on the screen: a star leaves the sky visible. */
const SHOWN_SHARES = [0.001, 0.999];

/**
 * @typedef {object} Choice
 * @property {Model | null} model Null for an automatic choice.
 * @property {{ sigma255: number, seed: number, frame: number } | null} noise For a clean image.
 */

/**
 * @typedef {object} Facts The facts in the answer's headers.
 * @property {{ name: string, version: string, sha256?: string }} model
 * @property {Record<string, number>} timingMs By stage; `total` is measured by the browser.
 * @property {string} requestId
 * @property {number | null} sigma255 Estimated.
 * @property {number | null} psnr Estimated, dB.
 * @property {string} noise Description of the removed noise; empty if not requested.
 * @property {string} withheld Reason why there is no estimated PSNR.
 * @property {string} assumed What was assumed about the image; empty if nothing.
 */

/**
 * @typedef {object} Outcome
 * @property {Body} body The request body.
 * @property {string} name Name of the file.
 * @property {Picture} noisy
 * @property {Picture} denoised
 * @property {Raster | null} clean If known; white is 1.
 * @property {Range} range Black and white on the screen.
 * @property {Facts} facts
 * @property {Model | null} model Null for an automatic choice.
 */

/**
 * Denoise a picture as it is, or a clean one with noise.
 * @param {File} file
 * @param {Picture} picture The file's pixels.
 * @param {Choice} choice
 * @param {AbortSignal} signal
 * @param {Say} say
 * @returns {Promise<Outcome>}
 */
export async function denoisePicture(file, picture, { model, noise }, signal, say) {
  const sent = noise ? await noisyCopy(file, picture, noise) : { ...asItIs(file, picture), clean: null };
  signal.throwIfAborted();
  const large = !noise && tooLargeToEstimate(picture);
  const own = noise ? {} : depthParameters(picture);
  const estimate = noise || large ? null : true;
  const parameters = { format: "npy", estimate, ...modelParameters(model, picture), ...own };
  const answer = await followed(say, (requestId) =>
    denoise(sent.body, parameters, { signal, onUpload: uploading(say, "Denoising …") }, requestId));
  const denoised = readNpy(answer.body);
  const { channels } = denoised.frames[0];
  const noisy = { ...sent.noisy, frames: sent.noisy.frames.map((frame) => withChannels(frame, channels)) };
  const range = noise ? { black: 0, white: 1 } : shownRange(picture, denoised.frames[0]);
  const clean = sent.clean && withChannels(sent.clean, channels);
  const facts = onScale(readFacts(answer), sent.noisy);
  if (large) facts.withheld = "no estimate above 4 megapixels";
  facts.assumed = assumptions(sent.noisy, answer.header("X-Warning") || (picture.warning ?? ""));
  return { ...sent, noisy, denoised, clean, range, facts, model };
}

/**
 * Give the noise level and the PSNR of floats on the scale from black to white, where no bit depth says it: the service
 * takes their white to be 1.
 * @param {Facts} facts
 * @param {Picture} noisy
 * @returns {Facts}
 */
function onScale(facts, noisy) {
  const { dtype, white } = noisy;
  if (facts.sigma255 === null || dtype !== "float32" || depthParameters(noisy).bit_depth) return facts;
  const level = facts.sigma255 / white;
  const noise = facts.noise.replace(/level [\d.e+]+/, `level ${Number(level.toPrecision(3))}`);
  const psnr = facts.psnr === null ? null : facts.psnr + 20 * Math.log10(white);
  return { ...facts, sigma255: level, psnr, noise };
}

/**
 * Say what was assumed about an image.
 * @param {Picture} noisy
 * @param {string} warning Of the service.
 */
function assumptions({ dtype, white }, warning) {
  const assumed = white === FULL_SCALE[dtype] ? "" : `White is taken to be ${white}.`;
  const told = warning && `${warning[0].toUpperCase()}${warning.slice(1)}${/[.!]$/.test(warning) ? "" : "."}`;
  return [told, assumed].filter(Boolean).join(" ");
}

/** @param {Picture} picture */
export function tooLargeToEstimate({ frames }) {
  return frames.reduce((sum, { width, height }) => sum + width * height, 0) > ESTIMATED_PIXELS;
}

/**
 * Return the color conversion: gray becomes RGB for a color model; a gray model takes the channels one by one.
 * @param {Model | null} model
 * @param {Picture} picture
 * @returns {Parameters}
 */
export function modelParameters(model, picture) {
  if (!model) return {};
  return { model: model.name, color: (model.channels ?? 0) > picture.frames[0].channels ? "rgb" : null };
}

/**
 * Return the bits of white, if 16-bit integers use fewer, or floats end at the white of 8 bits or more.
 * @param {Picture} picture
 * @returns {Parameters}
 */
export function depthParameters({ dtype, white }) {
  const bits = Math.log2(white + 1);
  const depth = bits >= LEAST_BITS && bits <= MOST_BITS && Number.isInteger(bits);
  const known = dtype === "float32" ? depth : white !== FULL_SCALE[dtype];
  return { bit_depth: known ? bits : null };
}

/**
 * Return a callback that reports the progress of an upload, then the next step.
 * @param {Say} say
 * @param {string} then
 * @returns {(fraction: number) => void}
 */
export function uploading(say, then) {
  say("Uploading …", 0);
  return (fraction) => {
    if (fraction < 1) say(`Uploading, ${Math.round(100 * fraction)} %`, fraction);
    else say(then);
  };
}

/**
 * Return black and white on the screen. Colors are shown as they are; gray of more than 8 bits, as telescopes and
 * scanners give it, uses any part of its scale: that of the given frame, without its few brightest and darkest values.
 * @param {Picture} picture
 * @param {Raster} frame
 * @returns {Range}
 */
export function shownRange({ dtype, white, frames: [{ channels }] }, frame) {
  if (dtype === "uint8" || (dtype === "uint16" && channels === 3)) return { black: 0, white };
  const [black, low, high, most] = quantiles(frame, [0, ...SHOWN_SHARES, 1]);
  return low < high ? { black: low, white: high } : { black, white: most };
}

/**
 * @param {File} file
 * @param {Picture} picture
 */
function asItIs(file, picture) {
  return { body: { data: file, mediaType: mediaType(file) }, name: file.name, noisy: picture };
}

/**
 * @param {File} file
 * @param {Picture} picture
 * @param {{ sigma255: number, seed: number, frame: number }} noise
 */
async function noisyCopy(file, picture, { sigma255, seed, frame }) {
  const clean = map(picture.frames[frame], (value) => value / picture.white);
  const raster = await withNoise(clean, sigma255, seed);
  /** @type {Picture} */
  const noisy = { frames: [raster], dtype: "float32", white: 1 };
  // Float NPY, so that noise is neither clipped nor rounded.
  const body = { data: writeNpy(raster), mediaType: "application/x-npy" };
  return { body, name: `${stem(file.name)}-noisy.npy`, noisy, clean };
}

/**
 * @param {string} name
 * @returns {string} Without its ending.
 */
export function stem(name) {
  return name.replace(/\.[^.]+$/, "") || "image";
}

/**
 * @param {Answer} answer
 * @returns {Facts}
 */
function readFacts({ header, elapsedMs }) {
  const [name, ...rest] = header("X-Model").split("; ");
  const details = Object.fromEntries(rest.map((each) => each.split("=")));
  const stages = header("Server-Timing").split(", ").filter(Boolean).map((each) => each.split(";dur="));
  return {
    model: { name, version: details.version, sha256: details.sha256 },
    timingMs: { ...Object.fromEntries(stages.map(([stage, ms]) => [stage, Number(ms)])), total: elapsedMs },
    requestId: header("X-Request-Id"),
    sigma255: optional(header("X-Sigma-Estimate")),
    psnr: optional(header("X-Estimated-PSNR")),
    noise: /description="([^"]*)"/.exec(header("X-Noise"))?.[1] ?? "",
    withheld: header("X-Estimated-PSNR-Withheld"),
    assumed: "",
  };
}

/** @param {string} text */
function optional(text) {
  return text === "" ? null : Number(text);
}
