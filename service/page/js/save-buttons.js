/** The buttons that save the result. */

import { alongside } from "./activity.js";
import { resultParameters } from "./call.js";
import { element } from "./elements.js";
import * as save from "./save.js";
import { layers } from "./stage.js";
import { work } from "./work.js";

/** Save at a click. */
export function listen() {
  for (const format of save.FORMATS) {
    element(`save-${format}`, HTMLElement).addEventListener("click", () => saveImage(format));
  }
  element("save-npz", HTMLElement).addEventListener("click", saveArrays);
  element("save-noisy", HTMLElement).addEventListener("click", () => {
    if (work.outcome) save.saveAs(work.outcome.body.data, work.outcome.name);
  });
}

/** Enable the buttons if there is a result, which alone can be saved. */
export function offerSaving() {
  for (const button of document.querySelectorAll("#save button")) {
    if (button instanceof HTMLButtonElement) button.disabled = work.outcome === null;
  }
}

/** @param {save.Format} format */
function saveImage(format) {
  const quality = element("quality", HTMLInputElement);
  if (!quality.reportValidity()) return;
  void alongside(async (signal, say) => {
    const { outcome } = work;
    if (!outcome) return;
    const choice = { format, quality: quality.valueAsNumber };
    if (save.isFromScreen(format, outcome.denoised.dtype)) {
      await save.saveFromScreen(layers()[1], outcome, choice);
    } else {
      await save.saveFromService(outcome, choice, resultParameters(), signal, say);
    }
  });
}

function saveArrays() {
  void alongside(async () => {
    if (work.outcome && work.shown) await save.saveArrays(work.outcome, work.shown);
  });
}
