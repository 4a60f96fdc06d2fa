/** The entry point of the page: opens images, has them denoised, and connects the controls. */

import * as activity from "./activity.js";
import * as call from "./call.js";
import { decode } from "./decode.js";
import { element } from "./elements.js";
import * as inspector from "./inspector.js";
import * as intake from "./intake.js";
import * as loupe from "./loupe.js";
import * as panel from "./panel.js";
import * as result from "./result.js";
import * as saving from "./save-buttons.js";
import { openAll } from "./series.js";
import * as service from "./service.js";
import * as session from "./session.js";
import * as stage from "./stage.js";
import * as views from "./views.js";
import * as wipe from "./wipe.js";
import { work } from "./work.js";
import * as zoom from "./zoom.js";

/** @typedef {import("./picture.js").Picture} Picture */

/**
 * @param {File} file
 * @param {number | null} noise255
 * @returns {Promise<boolean>} Whether it was denoised.
 */
async function open(file, noise255) {
  const picture = await activity.run((signal, say) => {
    say("Reading …");
    return decode(file, { signal, onUpload: session.uploading(say, "Reading …") });
  });
  if (!picture) return false;
  work.opened = { file, picture };
  panel.setClean(noise255);
  panel.offerFrames(picture.frames.length);
  showOpened(file, picture);
  await denoise();
  return work.outcome !== null;
}

/**
 * @param {File} file
 * @param {Picture} picture
 */
function showOpened(file, picture) {
  const { frames, dtype } = picture;
  const [{ width, height, channels }] = frames;
  const title = element("work-name", HTMLElement);
  document.body.classList.add("working");
  element("work", HTMLElement).hidden = false;
  element("intake", HTMLElement).hidden = true;
  title.textContent = file.name;
  const pages = frames.length > 1 ? `, ${frames.length} pages` : "";
  element("work-kind", HTMLElement).textContent =
    `${width} × ${height}, ${channels === 1 ? "gray" : "color"}, ${dtype}${pages}`;
  work.shown = work.outcome = null;
  saving.offerSaving();
  stage.showNoisy(frames[0], session.shownRange(picture, frames[0]));
  zoom.reset();
  title.focus({ preventScroll: true });
}

async function denoise() {
  if (!work.opened) return;
  const { file, picture } = work.opened;
  const again = element("again", HTMLButtonElement);
  again.hidden = true;
  const choice = { model: panel.chosenModel(), noise: panel.chosenNoise() };
  const done = await activity.run((signal, say) => session.denoisePicture(file, picture, choice, signal, say));
  again.hidden = done !== undefined || work.outcome !== null;
  if (!done) return;
  work.outcome = done;
  saving.offerSaving();
  panel.showFacts(done.facts);
  panel.showAssumed(done.facts);
  panel.offerChroma(done.denoised.frames[0].channels);
  if (!done.clean) panel.showEstimates(done.facts);
  result.showFrame();
  activity.announce(`Denoised in ${Math.round(done.facts.timingMs.total)} milliseconds.`);
}

/** Show another page; for a clean image it has to be denoised first. */
function turn() {
  if (work.outcome?.clean) void denoise();
  else result.showFrame();
}

/** Handle a choice that needs the service. */
function again() {
  views.offerInspect();
  void denoise();
}

/** Adapt the page to what the service offers. */
async function adapt() {
  const [models, limits] = await Promise.all([service.models(), service.limits()]);
  panel.offerModels(models);
  result.limitAnalysis(limits.analysis);
  element("inspect-choice", HTMLElement).hidden = limits.analysis === null;
}

function listen() {
  activity.listen();
  zoom.listen(wipe.undo);
  for (const part of [wipe, loupe, views, call, saving]) part.listen();
  intake.listen((files, noise255) => void openAll(files, (file) => open(file, noise255)));
  panel.listen({ blended: result.blendAgain, again, turned: turn });
  inspector.listen(call.showCall);
  element("again", HTMLButtonElement).addEventListener("click", () => void denoise());
}

listen();
void activity.run(adapt);
