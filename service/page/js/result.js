/** The result on the page: blended, measured, magnified and inspected. */

import { showCall } from "./call.js";
import { qualityOf } from "./compute.js";
import { chosen } from "./elements.js";
import * as inspector from "./inspector.js";
import * as loupe from "./loupe.js";
import * as panel from "./panel.js";
import * as patch from "./patch.js";
import { blend, FULL_SCALE } from "./picture.js";
import { stem } from "./session.js";
import * as stage from "./stage.js";
import { work } from "./work.js";

/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {import("./session.js").Outcome} Outcome */
/** @typedef {import("./work.js").Shown} Shown */

/** Largest number of values in a patch; null if the service does not analyze. @type {number | null} */
let maxValues = null;

/** @param {import("./service.js").Limits["analysis"]} limits Null if the service does not analyze. */
export function limitAnalysis(limits) {
  maxValues = limits && limits.max_dense_values;
}

/** Show the chosen page of the result. */
export function showFrame() {
  const { outcome } = work;
  if (!outcome) return;
  const index = outcome.clean ? 0 : panel.chosenFrame();
  const [noisy, denoised] = [outcome.noisy.frames[index], outcome.denoised.frames[index]];
  const limit = stage.residualScale(noisy, denoised);
  work.shown = { noisy, denoised, result: denoised, limit };
  stage.showLegend((255 * limit) / outcome.noisy.white, noisy.channels);
  blendAgain();
  loupe.reset();
  setSubject(outcome, noisy, denoised);
}

/**
 * @param {Outcome} from
 * @param {Raster} noisy
 * @param {Raster} denoised
 */
function setSubject({ clean, name, noisy: { dtype } }, noisy, denoised) {
  const model = panel.chosenModel();
  const units = [noisy, denoised].map((raster) => inspector.inUnits(raster, FULL_SCALE[dtype]));
  inspector.setSubject({ noisy: units[0], denoised: units[1], clean, model, stem: stem(name) });
  if (maxValues !== null) patch.reset(model?.channels ?? noisy.channels, maxValues);
  if (chosen("view") === "inspect") void inspector.inspect();
}

/** Blend and measure in the browser, without another request. */
export function blendAgain() {
  const { outcome, shown } = work;
  if (!outcome || !shown) return;
  shown.result = blend(shown.noisy, shown.denoised, panel.chosenStrength(), panel.chosenChromaStrength());
  stage.showResult(shown.noisy, shown.result, outcome.range, shown.limit);
  loupe.redraw();
  showCall();
  void measure(shown);
}

/** @param {Shown} of */
async function measure({ noisy, result }) {
  const clean = work.outcome?.clean;
  if (!clean) return;
  const [before, after] = await Promise.all([qualityOf(clean, noisy), qualityOf(clean, result)]);
  // The slider may have moved meanwhile.
  if (work.shown?.result === result) panel.showQuality(before, after);
}
