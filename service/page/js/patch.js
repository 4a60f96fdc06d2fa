/** The patch to analyze: a square on the image, moved by pointer, keys or numbers. */

import { arrow, clamp, element, make } from "./elements.js";
import { layers, pixelAt, place } from "./stage.js";

/** @typedef {{ x: number, y: number, size: number }} Patch */

/** Sides to offer: the largest dense analysis is 64 x 64 gray, and 24 x 24 in color is quick. */
const SIZES = [16, 24, 32, 40, 64];
/** Number of values that can be decomposed while the user waits. */
const QUICK_VALUES = 2000;

const stage = element("stage", HTMLElement);
const mark = element("patch", HTMLButtonElement);
const fields = { x: element("patch-x", HTMLInputElement), y: element("patch-y", HTMLInputElement) };
const size = element("patch-size", HTMLSelectElement);

/** @type {Patch} */
let patch = { x: 0, y: 0, size: 1 };
/** The point inside the patch at which the pointer holds it. */
let held = { x: 0, y: 0 };

/** @returns {Patch} */
export function current() {
  return patch;
}

/**
 * Offer the sizes that fit in the image and can be analyzed densely, and center the patch.
 * @param {number} channels
 * @param {number} maxValues
 */
export function reset(channels, maxValues) {
  const [{ width, height }] = layers();
  const side = Math.min(width, height);
  const possible = SIZES.filter((each) => each <= side && each ** 2 * channels <= maxValues);
  const sizes = possible.length ? possible : [side];
  const preferred = sizes.filter((each) => each ** 2 * channels <= QUICK_VALUES).pop() ?? sizes[0];
  size.replaceChildren(...sizes.map((each) => make("option", { value: String(each) }, `${each} px`)));
  size.value = String(preferred);
  move({ x: (width - preferred) / 2, y: (height - preferred) / 2 });
}

/**
 * Follow the pointer, keys and numbers.
 * @param {() => void} settled Called when the patch has been placed.
 */
export function listen(settled) {
  stage.addEventListener("pointerdown", (event) => {
    if (stage.dataset.view !== "inspect" || event.button !== 0) return;
    event.preventDefault();
    mark.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    hold(pixelAt(event));
    follow(event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.dataset.view === "inspect" && stage.hasPointerCapture(event.pointerId)) follow(event);
  });
  stage.addEventListener("pointerup", (event) => {
    if (stage.dataset.view === "inspect" && stage.hasPointerCapture(event.pointerId)) settled();
  });
  mark.addEventListener("keydown", (event) => {
    const step = arrow(event);
    if (step) move({ x: patch.x + step.x, y: patch.y + step.y });
    else if (event.key === "Enter") settled();
    else return;
    event.preventDefault();
  });
  for (const field of [fields.x, fields.y, size]) {
    field.addEventListener("change", () => move({ x: Number(fields.x.value), y: Number(fields.y.value) }));
  }
}

/**
 * Grab the patch at the pointer, or at its middle if the pointer is elsewhere.
 * @param {{ x: number, y: number }} pixel
 */
function hold({ x, y }) {
  const inside = x >= patch.x && y >= patch.y && x < patch.x + patch.size && y < patch.y + patch.size;
  held = inside ? { x: x - patch.x, y: y - patch.y } : { x: patch.size / 2, y: patch.size / 2 };
}

/** @param {PointerEvent} event */
function follow(event) {
  const { x, y } = pixelAt(event);
  move({ x: x - held.x, y: y - held.y });
}

/** @param {{ x: number, y: number }} corner Brought inside the image. */
function move({ x, y }) {
  const [image] = layers();
  const side = Number(size.value);
  const limit = { x: image.width - side, y: image.height - side };
  patch = { x: Math.round(clamp(x, 0, limit.x)), y: Math.round(clamp(y, 0, limit.y)), size: side };
  fields.x.max = String(limit.x);
  fields.y.max = String(limit.y);
  fields.x.value = String(patch.x);
  fields.y.value = String(patch.y);
  place(mark, { x: patch.x, y: patch.y, width: side, height: side });
  mark.setAttribute("aria-label", `Patch of ${side} pixels at column ${patch.x}, row ${patch.y}`);
}
