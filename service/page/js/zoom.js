/** Zoom and pan of the image: by wheel, pinch, drag, keys and buttons. */

import { arrow, clamp, element } from "./elements.js";
import { layers } from "./stage.js";

/** @typedef {{ x: number, y: number }} Point In sizes of the stage. */

/** The largest side of a pixel on the screen, in the screen's own pixels. */
const LARGEST_PIXEL = 32;
/** From this side on, pixels are shown as squares. */
const SQUARE_PIXEL = 2;
/** Factor of a key or button. */
const STEP = 1.25;
/** Share of the stage that an arrow key pans by, at a step of 1; with Shift the step is 10. */
const PAN_STEP = 0.05;
/** Wheel travel, in pixels, that zooms by the factor e; trackpads send a pinch as a short travel with Ctrl. */
const TRAVEL = { wheel: 500, pinch: 100 };
/** Height of a line, for wheels that count lines. */
const LINE_PX = 16;
/** Distance from the divider at which a drag moves the wipe and not the image. */
const GRIP_PX = 28;
const CENTER = { x: 0.5, y: 0.5 };

const stage = element("stage", HTMLElement);
const bar = element("zoom-bar", HTMLElement);

/** The image's left, top and magnification, in sizes of the stage: 0, 0 and 1 if it fits. */
const at = { x: 0, y: 0, scale: 1 };
/** The pointers that are down. @type {Map<number, Point>} */
const pointers = new Map();
/** What they do. @type {"pan" | "pinch" | null} */
let gesture = null;

/**
 * Follow wheel, pointers, keys and buttons.
 * @param {() => void} pinched Called when a second finger shows that the first one was part of a pinch.
 */
export function listen(pinched) {
  stage.addEventListener("wheel", turn, { passive: false });
  // Before the wipe and the patch, which leave the pointer alone while the image moves.
  stage.addEventListener("pointerdown", (event) => press(event, pinched), { capture: true });
  stage.addEventListener("pointermove", move, { capture: true });
  for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
    stage.addEventListener(end, release, { capture: true });
  }
  element("picture", HTMLElement).addEventListener("keydown", pressKey);
  bar.addEventListener("keydown", panByKey);
  for (const [id, act] of Object.entries(ACTIONS)) element(id, HTMLButtonElement).addEventListener("click", act);
  new ResizeObserver(settle).observe(stage);
}

/** Fit the image into the stage. */
export function reset() {
  at.scale = 1;
  settle();
}

/** @type {Record<string, () => void>} */
const ACTIONS = {
  "zoom-in": () => zoomTo(at.scale * STEP),
  "zoom-out": () => zoomTo(at.scale / STEP),
  "zoom-fit": reset,
  "zoom-full": () => zoomTo(full()),
};

/** @type {Record<string, string>} */
const KEYS = { "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", 0: "zoom-fit" };

/** @param {KeyboardEvent} event */
function pressKey(event) {
  const id = KEYS[event.key];
  // The browser's own zoom has Ctrl or Meta; digits choose in a list.
  if (!id || event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLSelectElement) return;
  event.preventDefault();
  ACTIONS[id]();
}

/** @param {KeyboardEvent} event */
function panByKey(event) {
  const step = arrow(event);
  if (!step) return;
  event.preventDefault();
  panBy({ x: -step.x * PAN_STEP, y: -step.y * PAN_STEP });
}

/** @param {WheelEvent} event */
function turn(event) {
  const travel = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1);
  // An image that fits lets the page scroll on.
  if (!event.ctrlKey && travel > 0 && at.scale <= 1) return;
  event.preventDefault();
  const factor = Math.exp(-travel / (event.ctrlKey ? TRAVEL.pinch : TRAVEL.wheel));
  const next = at.scale * factor;
  zoomTo(!event.ctrlKey && at.scale > 1 ? Math.max(1, next) : next, pointAt(event));
}

/**
 * @param {PointerEvent} event
 * @param {() => void} pinched
 */
function press(event, pinched) {
  if (event.button !== 0) return;
  pointers.set(event.pointerId, pointAt(event));
  if (pointers.size === 2) {
    if (!gesture && stage.dataset.view === "compare") pinched();
    gesture = "pinch";
  }
  if (pointers.size === 1 && pans(event)) gesture = "pan";
  if (!gesture) return;
  event.stopImmediatePropagation();
  event.preventDefault();
  stage.setPointerCapture(event.pointerId);
  // The arrow keys then pan further.
  element("zoom-in", HTMLButtonElement).focus({ preventScroll: true });
}

/** @param {PointerEvent} event */
function move(event) {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = pointAt(event);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  pointers.set(event.pointerId, now);
  if (!gesture) return;
  event.stopImmediatePropagation();
  if (gesture === "pinch" && other) pinch(other, before, now);
  else panBy({ x: now.x - before.x, y: now.y - before.y });
}

/** @param {PointerEvent} event */
function release(event) {
  pointers.delete(event.pointerId);
  if (gesture) event.stopImmediatePropagation();
  if (pointers.size === 0) gesture = null;
}

/**
 * Follow one of two fingers; the middle between them moves by half its way.
 * @param {Point} other
 * @param {Point} before
 * @param {Point} now
 */
function pinch(other, before, now) {
  const factor = distance(other, now) / (distance(other, before) || 1);
  panBy({ x: (now.x - before.x) / 2, y: (now.y - before.y) / 2 });
  zoomTo(at.scale * factor, { x: (other.x + now.x) / 2, y: (other.y + now.y) / 2 });
}

/**
 * Return the distance on the screen, in pixels.
 * @param {Point} one
 * @param {Point} other
 */
function distance(one, other) {
  return Math.hypot((one.x - other.x) * stage.clientWidth, (one.y - other.y) * stage.clientHeight);
}

/**
 * Tell whether a drag pans: when zoomed in, except at the wipe's divider and at the patch.
 * @param {PointerEvent} event
 */
function pans(event) {
  if (at.scale <= 1 || stage.dataset.view === "inspect") return false;
  const divider = element("divider", HTMLElement).getBoundingClientRect();
  return stage.dataset.view !== "compare" || Math.abs(event.clientX - divider.left) > GRIP_PX;
}

/**
 * Magnify, and keep a point of the stage where it is.
 * @param {number} scale
 * @param {Point} [point]
 */
function zoomTo(scale, point = CENTER) {
  const next = clamp(scale, Math.min(1, full()), Math.max(1, LARGEST_PIXEL * full()));
  at.x = point.x - ((point.x - at.x) * next) / at.scale;
  at.y = point.y - ((point.y - at.y) * next) / at.scale;
  at.scale = next;
  settle();
}

/** @param {Point} by */
function panBy({ x, y }) {
  at.x += x;
  at.y += y;
  settle();
}

/** Show the image where it is; it leaves no border free if it is larger than the stage. */
function settle() {
  const room = 1 - at.scale;
  at.x = room < 0 ? clamp(at.x, room, 0) : room / 2;
  at.y = room < 0 ? clamp(at.y, room, 0) : room / 2;
  stage.style.setProperty("--scale", String(at.scale));
  stage.style.setProperty("--left", `${100 * at.x}%`);
  stage.style.setProperty("--top", `${100 * at.y}%`);
  stage.classList.toggle("zoomed", at.scale > 1);
  stage.classList.toggle("magnified", at.scale >= SQUARE_PIXEL * full());
  element("zoom-shown", HTMLElement).textContent = `${Math.round((100 * at.scale) / full())} %`;
}

/** Return the magnification at which a pixel of the image is one of the screen. */
function full() {
  return layers()[0].width / devicePixelRatio / (stage.clientWidth || 1);
}

/**
 * @param {MouseEvent} event
 * @returns {Point}
 */
function pointAt({ clientX, clientY }) {
  const box = stage.getBoundingClientRect();
  return { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
}
