/** The wipe between noisy and denoised: a slider for keys, the whole image for the pointer. */

import { clamp, element } from "./elements.js";

const stage = element("stage", HTMLElement);
const slider = element("wipe", HTMLInputElement);

/** The slider's value before the pointer went down. */
let before = slider.value;

/** Follow the pointer and the keys. */
export function listen() {
  slider.addEventListener("input", follow);
  stage.addEventListener("pointerdown", (event) => {
    if (stage.dataset.view !== "compare" || event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    slider.focus({ preventScroll: true });
    event.preventDefault();
    before = slider.value;
    moveTo(event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.dataset.view === "compare" && stage.hasPointerCapture(event.pointerId)) moveTo(event);
  });
  follow();
}

/** Take back what the pointer did: it was the first of two fingers. */
export function undo() {
  slider.value = before;
  follow();
}

/** @param {PointerEvent} event */
function moveTo(event) {
  const box = stage.getBoundingClientRect();
  slider.value = String(clamp((100 * (event.clientX - box.left)) / box.width, 0, 100));
  follow();
}

function follow() {
  stage.style.setProperty("--wipe", `${slider.value}%`);
  slider.setAttribute("aria-valuetext", `${slider.value} % noisy, the rest denoised`);
}
