/** The plot of d against sigma: the same patch with noise of several levels. */

import { withNoise } from "./compute.js";
import { element } from "./elements.js";
import { decades, draw } from "./plot.js";

/** @typedef {import("./activity.js").Say} Say */
/** @typedef {import("./findings.js").Analysis} Analysis */
/** @typedef {import("./picture.js").Raster} Raster */

export const SIGMAS_255 = [5, 10, 20, 40, 80];
const SEED = 1;
const CLASS = "sweep-done";

const where = element("sweep-plot", HTMLElement);

/**
 * Describe the measurement, and clear the previous one.
 * @param {boolean} known Whether there is a clean image.
 */
export function reset(known) {
  const base = known ? "the clean patch" : "the denoised patch, in place of a clean one";
  element("sweep-help", HTMLElement).textContent =
    `Adds noise of ${SIGMAS_255.length} levels to ${base}. The stronger the noise, the fewer dimensions are kept.`;
  where.replaceChildren();
  where.classList.remove(CLASS);
}

/**
 * Measure, and draw each point at once.
 * @param {Raster} patch Without noise; white is 1.
 * @param {(noisy: Raster) => Promise<Analysis>} analyze
 * @param {AbortSignal} signal
 * @param {Say} say
 */
export async function measure(patch, analyze, signal, say) {
  /** @type {[number, number][]} */
  const points = [];
  where.classList.remove(CLASS);
  for (const sigma255 of SIGMAS_255) {
    say(`Measuring, ${points.length + 1} of ${SIGMAS_255.length}`, points.length / SIGMAS_255.length);
    const noisy = await withNoise(patch, sigma255, SEED);
    signal.throwIfAborted();
    points.push([sigma255, (await analyze(noisy)).effective_dimensionality]);
    drawPoints(points, patch.data.length);
  }
  where.classList.add(CLASS);
}

/**
 * @param {[number, number][]} points
 * @param {number} values N, which d cannot pass by much.
 */
function drawPoints(points, values) {
  const low = Math.min(1, ...points.map(([, d]) => d));
  draw(where, {
    description: points.map(([sigma, d]) => `d ${d.toFixed(1)} at noise level ${sigma}`).join(", "),
    x: { low: SIGMAS_255[0] * 0.8, high: 100, log: true, label: "noise level σ", ticks: SIGMAS_255 },
    y: { low, high: values, log: true, label: "d", ticks: decades(low, values) },
    points,
    style: "both",
  });
}
