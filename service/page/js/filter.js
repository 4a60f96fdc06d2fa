/** The equivalent filter: the weights with which one denoised pixel averages the noisy ones. */

import { arrow, clamp, element } from "./elements.js";

/** @typedef {import("./findings.js").Analysis} Analysis */
/** @typedef {import("./findings.js").Filter} Filter */

const CHANNELS = ["red", "green", "blue"];

const patch = element("filter-patch", HTMLElement);
const picture = element("filter-denoised", HTMLImageElement);
const mark = element("filter-mark", HTMLElement);
const weights = element("filter-weights", HTMLImageElement);

let side = 1;
let pixel = { x: 0, y: 0 };

/**
 * Show the patch of a new analysis, and the filter that came with it.
 * @param {Analysis} analysis
 */
export function reset(analysis) {
  side = analysis.patch.width;
  picture.src = analysis.denoised;
  show(analysis.filters);
}

/**
 * Show the filter of a pixel; for color that of its green value.
 * @param {Filter[]} filters One for each channel.
 */
export function show(filters) {
  const filter = filters[Math.floor(filters.length / 2)];
  const channel = filters.length > 1 ? `, ${CHANNELS[filter.channel]}` : "";
  weights.src = filter.weights;
  weights.alt = `Equivalent filter of pixel ${filter.x}, ${filter.y}`;
  element("filter-sum", HTMLElement).textContent =
    `sum ${filter.sum.toFixed(3)}, peak ${filter.scale.toPrecision(2)}${channel}`;
  pointAt(filter);
}

/**
 * Follow the pointer and the keys.
 * @param {(pixel: { x: number, y: number }) => void} chosen Of the patch.
 */
export function listen(chosen) {
  patch.addEventListener("pointerdown", (event) => {
    const box = picture.getBoundingClientRect();
    const scale = side / box.width;
    pointAt({ x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale });
    chosen(pixel);
  });
  patch.addEventListener("keydown", (event) => {
    const step = arrow(event);
    if (step) pointAt({ x: pixel.x + step.x, y: pixel.y + step.y });
    else if (event.key === "Enter") chosen(pixel);
    else return;
    event.preventDefault();
  });
}

/** @param {{ x: number, y: number }} at */
function pointAt({ x, y }) {
  pixel = { x: Math.floor(clamp(x, 0, side - 1)), y: Math.floor(clamp(y, 0, side - 1)) };
  mark.style.left = `${(100 * pixel.x) / side}%`;
  mark.style.top = `${(100 * pixel.y) / side}%`;
  mark.style.width = mark.style.height = `${100 / side}%`;
  element("filter-at", HTMLElement).textContent = `pixel ${pixel.x}, ${pixel.y}`;
}
