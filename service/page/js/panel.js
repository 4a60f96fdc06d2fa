/** The panel beside the image: results and settings. */

import { element, make } from "./elements.js";

/** @typedef {import("./metrics.js").Quality} Quality */
/** @typedef {import("./service.js").Model} Model */
/** @typedef {import("./session.js").Facts} Facts */

const strength = element("strength", HTMLInputElement);
const chroma = element("chroma-strength", HTMLInputElement);
const model = element("model", HTMLSelectElement);
const clean = element("clean", HTMLInputElement);
const sigma = element("noise-sigma", HTMLInputElement);
const seed = element("seed", HTMLInputElement);
const frame = element("frame", HTMLInputElement);

/** @type {Model[]} */
let models = [];

/** @returns {number} 0 to 1. */
export function chosenStrength() {
  return Number(strength.value) / 100;
}

/** @returns {number} 0 to 1; that of the luminance until another is chosen. */
export function chosenChromaStrength() {
  return Number(chroma.value) / 100;
}

/**
 * Show the settings for color images only.
 * @param {number} channels Of the result.
 */
export function offerChroma(channels) {
  element("chroma-field", HTMLElement).hidden = channels === 1;
}

/** Whether color noise has a separate strength. */
let chromaChosen = false;

/** @returns {Model | null} */
export function chosenModel() {
  return models.find(({ name }) => name === model.value) ?? null;
}

/** @returns {number} The frame that is shown, counted from 0. */
export function chosenFrame() {
  return frame.valueAsNumber - 1 || 0;
}

/** @returns {{ sigma255: number, seed: number, frame: number } | null} Null for an image that is noisy as it is. */
export function chosenNoise() {
  if (!clean.checked) return null;
  return { sigma255: Number(sigma.value), seed: seed.valueAsNumber || 0, frame: chosenFrame() };
}

/**
 * Offer the service's models.
 * @param {Model[]} served
 */
export function offerModels(served) {
  models = [...served];
  for (const [name, label] of Object.entries(CHOICES)) {
    models.push({ name, kind: "network", channels: null, version: "", sha256: null });
    model.append(make("option", { value: name }, label));
  }
  for (const [kind, label] of Object.entries(KINDS)) {
    const options = served.filter((each) => each.kind === kind).map(option);
    if (options.length) model.append(make("optgroup", { label }, ...options));
  }
}

/** The service's choices beside the default, whose value is empty. */
const CHOICES = { best: "Automatic, best, slower", fast: "Automatic, fast, less exact" };

/** @type {Record<Model["kind"], string>} */
const KINDS = { network: "Networks", classical: "Classical, for comparison" };

/** @param {Model} model */
function option({ name, channels }) {
  const takes = channels === null ? "" : ` (${channels === 1 ? "gray" : "color"})`;
  return make("option", { value: name }, `${name}${takes}`);
}

/**
 * Set whether an image is clean.
 * @param {number | null} sigma255 The noise to add; null for none.
 */
export function setClean(sigma255) {
  clean.checked = sigma255 !== null;
  if (sigma255 !== null) sigma.value = String(sigma255);
  showChoices();
}

/**
 * Offer the pages of an image.
 * @param {number} count
 */
export function offerFrames(count) {
  frame.max = String(count);
  frame.value = "1";
  element("page-field", HTMLElement).hidden = count < 2;
}

/**
 * Call back when a setting changes.
 * @param {{ blended: () => void, again: () => void, turned: () => void }} callbacks Changes handled by the browser alone; changes that
 *   need the service; another page.
 */
export function listen({ blended, again, turned }) {
  strength.addEventListener("input", () => {
    if (!chromaChosen) chroma.value = strength.value;
    showChoices();
    blended();
  });
  chroma.addEventListener("input", () => {
    chromaChosen = true;
    showChoices();
    blended();
  });
  sigma.addEventListener("input", showChoices);
  for (const control of [model, clean, sigma, seed]) {
    control.addEventListener("change", () => {
      showChoices();
      again();
    });
  }
  frame.addEventListener("change", () => {
    if (frame.reportValidity()) turned();
  });
}

/** Show what was assumed about the image. @param {Facts} facts */
export function showAssumed({ assumed }) {
  const line = element("assumed", HTMLElement);
  line.textContent = assumed;
  line.hidden = assumed === "";
}

/** Show estimates, if the clean image is not known. @param {Facts} facts */
export function showEstimates({ sigma255, psnr, noise, withheld }) {
  element("sigma", HTMLElement).textContent = sigma255 === null ? "–" : `≈ ${digits(sigma255)}`;
  element("noise-description", HTMLElement).textContent = sentence(noise, withheld);
  element("psnr", HTMLElement).textContent = psnr === null ? "–" : `≈ ${psnr.toFixed(1)} dB`;
  setMeasured(false);
}

/**
 * Format three significant digits.
 * @param {number} level
 */
function digits(level) {
  return level >= 1000 ? level.toFixed(0) : String(Number(level.toPrecision(3)));
}

/**
 * Describe the noise, and why there is no PSNR.
 * @param {string} noise
 * @param {string} withheld
 */
function sentence(noise, withheld) {
  const found = noise && `${noise[0].toUpperCase()}${noise.slice(1)}.`;
  return withheld ? `${found} No PSNR: ${withheld}.`.trim() : found;
}

/**
 * Show measurements, if the clean image is known.
 * @param {Quality} before
 * @param {Quality} after
 */
export function showQuality(before, after) {
  element("psnr-before", HTMLElement).textContent = `${before.psnr.toFixed(2)} dB`;
  element("ssim-before", HTMLElement).textContent = before.ssim.toFixed(3);
  element("psnr-after", HTMLElement).textContent = `${after.psnr.toFixed(2)} dB`;
  element("ssim-after", HTMLElement).textContent = after.ssim.toFixed(3);
  setMeasured(true);
}

/** @param {boolean} measured */
function setMeasured(measured) {
  element("measures", HTMLElement).hidden = !measured;
  element("estimates", HTMLElement).hidden = measured;
}

/**
 * Show further details.
 * @param {Facts} facts
 */
export function showFacts({ model: { name, version, sha256 }, timingMs, requestId }) {
  const rows = [
    ["Model", `${name}, version ${version}`],
    ...(sha256 ? [["SHA-256", sha256]] : []),
    ...Object.entries(timingMs).map(([stage, ms]) => [STAGES[stage] ?? stage, `${ms.toFixed(0)} ms`]),
    ["Request", requestId],
  ];
  element("facts", HTMLElement).replaceChildren(
    ...rows.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value))),
  );
}

/** @type {Record<string, string>} */
const STAGES = { decode: "Decode", queue: "Wait", infer: "Compute", encode: "Encode", total: "Total, with transfer" };

/** Labels of the controls' values. */
export function showChoices() {
  for (const slider of [strength, chroma]) {
    element(`${slider.id}-value`, HTMLElement).textContent = `${slider.value} %`;
    slider.setAttribute("aria-valuetext", `${slider.value} %`);
  }
  element("noise-sigma-value", HTMLElement).textContent = sigma.value;
  element("noise-fields", HTMLElement).hidden = !clean.checked;
  element("save-noisy", HTMLElement).hidden = !clean.checked;
}
