/** The wipe between noisy and denoised: a slider for keys, the whole image for the pointer. */

import { clamp, element } from "./elements.js";
import { layers, pixelAt } from "./stage.js";

const stage = element("stage", HTMLElement);
const slider = element("wipe", HTMLInputElement);

/** Follow the pointer and the keys. */
export function listen() {
  slider.addEventListener("input", follow);
  stage.addEventListener("pointerdown", (event) => {
    if (stage.dataset.view !== "compare" || event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    slider.focus({ preventScroll: true });
    event.preventDefault();
    moveTo(event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.dataset.view === "compare" && stage.hasPointerCapture(event.pointerId)) moveTo(event);
  });
  follow();
}

/** @param {PointerEvent} event */
function moveTo(event) {
  slider.value = String(clamp((100 * pixelAt(event).x) / layers()[0].width, 0, 100));
  follow();
}

function follow() {
  stage.style.setProperty("--wipe", `${slider.value}%`);
  slider.setAttribute("aria-valuetext", `${slider.value} % noisy, the rest denoised`);
}
