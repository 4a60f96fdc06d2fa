/** The loupe: the same few pixels of all three images, magnified. */

import { arrow, clamp, context, element } from "./elements.js";
import { layers, pixelAt, place } from "./stage.js";

const box = element("loupe", HTMLElement);
const views = [...box.querySelectorAll("canvas")];
const zoom = element("zoom", HTMLSelectElement);
const mark = element("lens", HTMLElement);
const stage = element("stage", HTMLElement);

/** The initial position, as a part of the image. */
const PLACE = { x: 0.375, y: 0.3 };

/** The pixel in the middle. */
const middle = { x: 0, y: 0 };

/** Follow the pointer over the image, drags in the loupe, and keys. */
export function listen() {
  zoom.addEventListener("change", redraw);
  stage.addEventListener("pointermove", (event) => {
    if (stage.dataset.view !== "inspect") lookAt(pixelAt(event));
  });
  box.addEventListener("keydown", (event) => {
    const step = arrow(event);
    if (!step) return;
    event.preventDefault();
    lookAt({ x: middle.x + step.x, y: middle.y + step.y });
  });
  for (const view of views) drag(view);
}

/** Look at a new image, beside the handle of the wipe. */
export function reset() {
  const [image] = layers();
  lookAt({ x: image.width * PLACE.x, y: image.height * PLACE.y });
}

/** Draw again, after the images changed. */
export function redraw() {
  const side = views[0].width / Number(zoom.value);
  const left = middle.x - side / 2;
  const top = middle.y - side / 2;
  views.forEach((view, index) => {
    const drawing = context(view);
    drawing.imageSmoothingEnabled = false;
    drawing.clearRect(0, 0, view.width, view.height);
    drawing.drawImage(layers()[index], left, top, side, side, 0, 0, view.width, view.height);
  });
  place(mark, { x: left, y: top, width: side, height: side });
  box.setAttribute("aria-label", `Loupe at column ${Math.floor(middle.x)}, row ${Math.floor(middle.y)}`);
}

/** @param {{ x: number, y: number }} pixel */
function lookAt({ x, y }) {
  const [image] = layers();
  middle.x = Math.floor(clamp(x, 0, image.width - 1)) + 0.5;
  middle.y = Math.floor(clamp(y, 0, image.height - 1)) + 0.5;
  redraw();
}

/** @param {HTMLCanvasElement} view */
function drag(view) {
  view.addEventListener("pointerdown", (event) => view.setPointerCapture(event.pointerId));
  view.addEventListener("pointermove", (event) => {
    if (!view.hasPointerCapture(event.pointerId)) return;
    const scale = views[0].width / Number(zoom.value) / view.clientWidth;
    // lookAt rounds to pixels, so the fraction left over from a slow drag is kept here.
    panned.x -= event.movementX * scale;
    panned.y -= event.movementY * scale;
    const whole = { x: Math.trunc(panned.x), y: Math.trunc(panned.y) };
    panned.x -= whole.x;
    panned.y -= whole.y;
    lookAt({ x: middle.x + whole.x, y: middle.y + whole.y });
  });
}

/** Fractions of a pixel that a drag has not used yet. */
const panned = { x: 0, y: 0 };
