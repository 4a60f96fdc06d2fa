/** The display of an analysis: its numbers, its two plots, its singular vectors. */

import { element, make } from "./elements.js";
import { paintScale } from "./paint.js";
import { decades, draw, rounds } from "./plot.js";

/** @typedef {{ index: number, singular_value: number, symmetry: number, left: string, right: string }} Pair */
/** @typedef {{ x: number, y: number, channel: number, sum: number, scale: number, weights: string }} Filter */

/**
 * @typedef {object} Analysis The fields of the answer that the page uses; docs/analysis.md explains every field.
 * @property {{ width: number, height: number, channels: number }} patch
 * @property {string} method
 * @property {number[]} singular_values
 * @property {number[]} symmetry
 * @property {number} effective_dimensionality
 * @property {number} trace
 * @property {number} asymmetry
 * @property {number | null} signal_preserved
 * @property {number} sigma_estimate
 * @property {number} vector_scale
 * @property {Pair[]} vectors
 * @property {Filter[]} filters
 * @property {string} denoised
 */

/** Singular values below this part of the largest are rounding errors and would only stretch the axis. */
const SHOWN_PART = 1e-5;

/** @param {Analysis} analysis */
export function show(analysis) {
  element("numbers", HTMLElement).replaceChildren(...numbers(analysis));
  drawSpectrum(analysis);
  drawAgreement(analysis);
  drawScale(analysis.vector_scale, analysis.patch.channels);
  element("gallery", HTMLElement).replaceChildren(...gallery(analysis));
}

/**
 * Describe in a sentence how many dimensions the network keeps.
 * @param {Analysis} analysis
 * @returns {string}
 */
export function summary({ effective_dimensionality: d, patch }) {
  const all = patch.width * patch.height * patch.channels;
  return `Effective dimensionality ${d.toFixed(1)} of ${all}.`;
}

/** @param {Analysis} analysis */
function numbers(analysis) {
  const { patch, symmetry, effective_dimensionality: d } = analysis;
  const all = patch.width * patch.height * patch.channels;
  const leading = symmetry.slice(0, Math.max(1, Math.floor(d)));
  const mean = leading.reduce((sum, value) => sum + value, 0) / leading.length;
  const preserved = analysis.signal_preserved;
  return [
    number("Effective dimensionality", d.toFixed(1), `d = Σ s², of ${all}`),
    number("Largest singular value", analysis.singular_values[0].toFixed(2), "near 1: kept unchanged"),
    number("u · v", mean.toFixed(3), "mean of the first d"),
    number("Signal preserved", preserved === null ? "–" : `${(100 * preserved).toFixed(1)} %`, "in the first d vectors"),
    number("Asymmetry", analysis.asymmetry.toFixed(2), "‖A − Aᵀ‖ / ‖A‖, 0 for a projection"),
    number("Noise level", `≈ ${analysis.sigma_estimate.toFixed(1)}`, "of the patch, estimated"),
  ];
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} meaning
 */
function number(name, value, meaning) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, value), make("dd", { class: "quiet" }, meaning));
}

/** @param {Analysis} analysis */
function drawSpectrum({ singular_values: values, effective_dimensionality: d }) {
  const low = values[0] * SHOWN_PART;
  const high = Math.max(values[0], 1) * 2;
  const shown = values.filter((value) => value > low);
  draw(element("spectrum", HTMLElement), {
    description: `Singular values fall from ${values[0].toFixed(2)}; the effective dimensionality is ${d.toFixed(1)}.`,
    x: { low: 0, high: values.length, label: "i", ticks: rounds(values.length) },
    y: { low, high, log: true, label: "sᵢ", ticks: decades(low, high) },
    points: shown.map((value, index) => [index + 1, value]),
    style: "line",
    mark: { x: d, label: `d = ${d.toFixed(1)}` },
  });
}

/** @param {Analysis} analysis */
function drawAgreement({ symmetry, effective_dimensionality: d }) {
  draw(element("agreement", HTMLElement), {
    description: "The product u · v of each pair of singular vectors; 1 if both are the same picture.",
    x: { low: 0, high: symmetry.length, label: "i", ticks: rounds(symmetry.length) },
    y: { low: Math.min(0, ...symmetry), high: 1.05, label: "uᵢ · vᵢ", ticks: [0, 0.25, 0.5, 0.75, 1] },
    points: symmetry.map((value, index) => [index + 1, value]),
    style: "dots",
    mark: { x: d, label: `d = ${d.toFixed(1)}` },
  });
}

/**
 * @param {number} limit
 * @param {number} channels
 */
function drawScale(limit, channels) {
  paintScale(element("vector-scale", HTMLCanvasElement), channels);
  element("vector-low", HTMLElement).textContent = `−${limit.toFixed(2)}`;
  element("vector-high", HTMLElement).textContent = `+${limit.toFixed(2)}`;
}

/** @param {Analysis} analysis */
function gallery({ vectors, method }) {
  const half = method === "dense" ? Math.ceil(vectors.length / 2) : vectors.length;
  const ends = [["Largest: what is kept", vectors.slice(0, half)]];
  if (half < vectors.length) ends.push(["Smallest: what is removed", vectors.slice(half)]);
  return ends.map(([title, pairs]) =>
    make(
      "section",
      {},
      make("h4", {}, /** @type {string} */ (title)),
      make("ul", { class: "vectors" }, .../** @type {Pair[]} */ (pairs).map(vectorPair)),
    ),
  );
}

/** @param {Pair} pair */
function vectorPair({ index, singular_value: value, symmetry, left, right }) {
  const size = value >= 0.01 ? value.toFixed(2) : value.toExponential(0).replace("e-", "·10⁻").replace(/⁻(\d+)/, superscript);
  return make(
    "li",
    {},
    make("img", { src: left, alt: `Left vector ${index}` }),
    make("img", { src: right, alt: `Right vector ${index}` }),
    make("p", {}, "s", make("sub", {}, String(index)), ` = ${size}`, make("br"), `u · v = ${signed(symmetry)}`),
  );
}

/**
 * Format with two decimals and a true minus sign, but no minus before zero.
 * @param {number} value
 */
function signed(value) {
  return value.toFixed(2).replace(/^-(?=0\.00$)/, "").replace("-", "−");
}

/** @param {string} _ @param {string} digits */
function superscript(_, digits) {
  return `⁻${digits.replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)])}`;
}
