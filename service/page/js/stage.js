/** The image on the page: noisy, denoised and residual, stacked. */

import { element } from "./elements.js";
import { map } from "./picture.js";
import { paint, paintScale, paintSigned } from "./paint.js";

/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {import("./paint.js").Range} Range */
/** @typedef {"compare" | "residual" | "inspect"} View */

/** Where the residual's colors saturate, in its standard deviations at full strength. */
const RESIDUAL_DEVIATIONS = 3;

const stage = element("stage", HTMLElement);
const canvases = {
  noisy: element("noisy", HTMLCanvasElement),
  denoised: element("denoised", HTMLCanvasElement),
  residual: element("residual", HTMLCanvasElement),
};

/** @returns {HTMLCanvasElement[]} Noisy, denoised, residual. */
export function layers() {
  return [canvases.noisy, canvases.denoised, canvases.residual];
}

/**
 * Show an image without a result.
 * @param {Raster} noisy
 * @param {Range} range
 */
export function showNoisy(noisy, range) {
  fit(noisy);
  paint(canvases.noisy, noisy, range);
  stage.dataset.state = "pending";
}

/**
 * Show a result.
 * @param {Raster} noisy
 * @param {Raster} result As blended.
 * @param {Range} range
 * @param {number} residualLimit In the image's intensities, see `residualScale`.
 */
export function showResult(noisy, result, range, residualLimit) {
  fit(noisy);
  paint(canvases.noisy, noisy, range);
  paint(canvases.denoised, result, range);
  paintSigned(canvases.residual, map(noisy, (value, index) => value - result.data[index]), residualLimit);
  stage.dataset.state = "done";
}

/**
 * Return where the residual's colors saturate, the same at every strength.
 * @param {Raster} noisy
 * @param {Raster} denoised At full strength.
 * @returns {number}
 */
export function residualScale(noisy, denoised) {
  const squares = noisy.data.reduce((sum, value, index) => sum + (value - denoised.data[index]) ** 2, 0);
  return RESIDUAL_DEVIATIONS * Math.sqrt(squares / noisy.data.length);
}

/**
 * Show the scale of the residual's colors.
 * @param {number} limit On the 0-255 scale.
 * @param {number} channels
 */
export function showLegend(limit, channels) {
  paintScale(element("legend-scale", HTMLCanvasElement), channels);
  element("legend-low", HTMLElement).textContent = `−${limit.toFixed(1)}`;
  element("legend-high", HTMLElement).textContent = `+${limit.toFixed(1)}`;
}

/** @param {View} view */
export function setView(view) {
  stage.dataset.view = view;
}

/**
 * Return the image position below the pointer, not rounded; it may lie outside.
 * @param {PointerEvent} event
 * @returns {{ x: number, y: number }}
 */
export function pixelAt(event) {
  const box = canvases.noisy.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * canvases.noisy.width,
    y: ((event.clientY - box.top) / box.height) * canvases.noisy.height,
  };
}

/**
 * Put a square on the image.
 * @param {HTMLElement} mark
 * @param {{ x: number, y: number, width: number, height: number }} square In pixels.
 */
export function place(mark, { x, y, width, height }) {
  const { noisy } = canvases;
  mark.style.left = `${(100 * x) / noisy.width}%`;
  mark.style.top = `${(100 * y) / noisy.height}%`;
  mark.style.width = `${(100 * width) / noisy.width}%`;
  mark.style.height = `${(100 * height) / noisy.height}%`;
}

/** @param {Raster} raster */
function fit({ width, height }) {
  stage.style.setProperty("--aspect", String(width / height));
  stage.classList.toggle("small", Math.max(width, height) < 200);
}
