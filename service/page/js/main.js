/** The entry point of the page, which connects the image, the panel, the loupe and the inspector. */

import * as activity from "./activity.js";
import { qualityOf } from "./compute.js";
import { decode } from "./decode.js";
import { element } from "./elements.js";
import * as inspector from "./inspector.js";
import * as intake from "./intake.js";
import * as loupe from "./loupe.js";
import * as panel from "./panel.js";
import * as patch from "./patch.js";
import { blend, FULL_SCALE } from "./picture.js";
import * as save from "./save.js";
import * as service from "./service.js";
import * as session from "./session.js";
import * as snippet from "./snippet.js";
import * as stage from "./stage.js";
import * as wipe from "./wipe.js";
import * as zoom from "./zoom.js";

/** @typedef {import("./picture.js").Picture} Picture */
/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {import("./session.js").Outcome} Outcome */

/**
 * @typedef {object} Shown
 * @property {Raster} noisy
 * @property {Raster} denoised At full strength.
 * @property {Raster} result As blended.
 * @property {number} limit Where the residual's colors saturate.
 */

const code = element("snippet", HTMLElement);
const title = element("work-name", HTMLElement);

/** The opened image. @type {{ file: File, picture: Picture } | null} */
let opened = null;
/** The files that were given last; giving others ends a series. @type {File[]} */
let queue = [];
/** The result. @type {Outcome | null} */
let outcome = null;
/** The result as shown. @type {Shown | null} */
let shown = null;
/** @type {service.Limits["analysis"]} */
let analysisLimits = null;

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
  opened = { file, picture };
  panel.setClean(noise255);
  panel.offerFrames(picture.frames.length);
  showOpened(file, picture);
  await denoise();
  return outcome !== null;
}

/**
 * @param {File} file
 * @param {Picture} picture
 */
function showOpened(file, { frames, dtype, ...rest }) {
  const [{ width, height, channels }] = frames;
  document.body.classList.add("working");
  element("work", HTMLElement).hidden = false;
  element("intake", HTMLElement).hidden = true;
  title.textContent = file.name;
  const pages = frames.length > 1 ? `, ${frames.length} pages` : "";
  element("work-kind", HTMLElement).textContent =
    `${width} × ${height}, ${channels === 1 ? "gray" : "color"}, ${dtype}${pages}`;
  shown = outcome = null;
  offerSaving();
  stage.showNoisy(frames[0], session.shownRange({ frames, dtype, ...rest }));
  zoom.reset();
  title.focus({ preventScroll: true });
}

async function denoise() {
  if (!opened) return;
  const { file, picture } = opened;
  const again = element("again", HTMLButtonElement);
  again.hidden = true;
  const choice = { model: panel.chosenModel(), noise: panel.chosenNoise() };
  const done = await activity.run((signal, say) => session.denoisePicture(file, picture, choice, signal, say));
  again.hidden = done !== undefined || outcome !== null;
  if (!done) return;
  outcome = done;
  offerSaving();
  panel.showFacts(done.facts);
  panel.showAssumed(done.facts);
  panel.offerChroma(done.denoised.frames[0].channels);
  if (!done.clean) panel.showEstimates(done.facts);
  showFrame();
  activity.announce(`Denoised in ${Math.round(done.facts.timingMs.total)} milliseconds.`);
}

/** Only a result can be saved. */
function offerSaving() {
  for (const button of document.querySelectorAll("#save button")) {
    if (button instanceof HTMLButtonElement) button.disabled = outcome === null;
  }
}

/**
 * Open several files one after the other, and tell which are done and which failed.
 * @param {File[]} files
 */
async function openAll(files) {
  const mine = (queue = files);
  /** @type {string[]} */
  const failed = [];
  for (const [index, file] of files.entries()) {
    showSeries(`${index + 1} of ${files.length}: ${file.name}`, failed);
    if (!(await open(file, null))) failed.push(file.name);
    if (queue !== mine) return;
  }
  showSeries(`${files.length - failed.length} of ${files.length} denoised. Show: `, failed);
  element("series", HTMLElement).append(...files.map(opener));
}

/**
 * Return a button that opens a file again; only one result is kept at a time.
 * @param {File} file
 */
function opener(file) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = file.name;
  button.addEventListener("click", () => void open(file, null));
  return button;
}

/**
 * @param {string} text
 * @param {string[]} failed Names of files.
 */
function showSeries(text, failed) {
  const series = element("series", HTMLElement);
  series.hidden = false;
  series.textContent = (failed.length ? `Failed: ${failed.join(", ")}. ` : "") + text;
}

/** Show the chosen page of the result. */
function showFrame() {
  if (!outcome) return;
  const index = outcome.clean ? 0 : panel.chosenFrame();
  const [noisy, denoised] = [outcome.noisy.frames[index], outcome.denoised.frames[index]];
  const limit = stage.residualScale(noisy, denoised);
  shown = { noisy, denoised, result: denoised, limit };
  const white = FULL_SCALE[outcome.noisy.dtype];
  stage.showLegend((255 * limit) / outcome.noisy.white, noisy.channels);
  blendAgain();
  loupe.reset();
  setSubject(outcome, noisy, denoised, white);
}

/**
 * @param {Outcome} from
 * @param {Raster} noisy
 * @param {Raster} denoised
 * @param {number} white
 */
function setSubject({ clean, name }, noisy, denoised, white) {
  const model = panel.chosenModel();
  const units = [noisy, denoised].map((raster) => inspector.inUnits(raster, white));
  inspector.setSubject({ noisy: units[0], denoised: units[1], clean, model, stem: session.stem(name) });
  if (analysisLimits) patch.reset(model?.channels ?? noisy.channels, analysisLimits.max_dense_values);
  if (chosenView() === "inspect") void inspector.inspect();
}

/** Blend and measure in the browser, without another request. */
function blendAgain() {
  if (!outcome || !shown) return;
  shown.result = blend(shown.noisy, shown.denoised, panel.chosenStrength(), panel.chosenChromaStrength());
  stage.showResult(shown.noisy, shown.result, outcome.range, shown.limit);
  loupe.redraw();
  showCode();
  void measure(shown);
}

/** @param {Shown} of */
async function measure({ noisy, result }) {
  const clean = outcome?.clean;
  if (!clean) return;
  const [before, after] = await Promise.all([qualityOf(clean, noisy), qualityOf(clean, result)]);
  // The slider may have moved meanwhile.
  if (shown?.result === result) panel.showQuality(before, after);
}

/** Show the call that produces the current view, in the chosen language. */
function showCode() {
  if (!opened || !outcome) return;
  const { name, body, clean } = outcome;
  const image = { name, mediaType: body.mediaType };
  const estimated = clean === null && !session.tooLargeToEstimate(opened.picture);
  const call = chosenView() === "inspect" ? analyzeCall(image) : denoiseCall(image, estimated);
  code.textContent = chosenLanguage() === "python" ? snippet.python(call) : snippet.curl(call);
}

/**
 * @param {{ name: string, mediaType: string }} image
 * @param {boolean} estimate
 * @returns {snippet.Call}
 */
function denoiseCall(image, estimate) {
  const parameters = { ...resultParameters(), estimate: estimate || null };
  const ending = image.name.split(".").pop() ?? "png";
  return { path: "denoise", ...image, parameters, output: save.resultName(image.name, ending) };
}

/**
 * @param {{ name: string, mediaType: string }} image
 * @returns {snippet.Call}
 */
function analyzeCall(image) {
  const frame = outcome?.clean ? 0 : panel.chosenFrame();
  const model = shown ? inspector.modelFor(panel.chosenModel(), shown.noisy) : {};
  const parameters = { ...patch.current(), ...model, frame: frame || null };
  return { path: "analyze", ...image, parameters, output: `${session.stem(image.name)}-analysis.png` };
}

/** @returns {service.Parameters} */
function resultParameters() {
  const strength = panel.chosenStrength();
  // Another model may be at work already.
  const model = opened && outcome ? session.modelParameters(outcome.model, opened.picture) : {};
  const chroma = panel.chosenChromaStrength();
  const own = shown?.noisy.channels === 3 && chroma !== strength ? chroma : null;
  const depth = opened && !outcome?.clean ? session.depthParameters(opened.picture) : {};
  return { strength: strength === 1 ? null : strength, chroma_strength: own, ...model, ...depth };
}

/** @param {save.Format} format */
function saveImage(format) {
  const quality = element("quality", HTMLInputElement);
  if (!quality.reportValidity()) return;
  void activity.alongside(async (signal, say) => {
    if (!outcome) return;
    const choice = { format, quality: quality.valueAsNumber };
    if (save.isFromScreen(format, outcome.denoised.dtype)) {
      await save.saveFromScreen(stage.layers()[1], outcome, choice);
    } else {
      await save.saveFromService(outcome, choice, resultParameters(), signal, say);
    }
  });
}

function saveArrays() {
  void activity.alongside(async () => {
    if (outcome && shown) await save.saveArrays(outcome, shown);
  });
}

/** @returns {string} */
function chosenView() {
  return chosen("view");
}

/** @returns {string} */
function chosenLanguage() {
  return chosen("language");
}

/** @param {string} name Of a group of radio buttons. */
function chosen(name) {
  const button = document.querySelector(`input[name="${name}"]:checked`);
  return button instanceof HTMLInputElement ? button.value : "";
}

function showView() {
  const view = /** @type {stage.View} */ (chosenView());
  stage.setView(view);
  element("legend", HTMLElement).hidden = view !== "residual";
  element("analysis", HTMLElement).hidden = view !== "inspect";
  element("patch-help", HTMLElement).hidden = view !== "inspect";
  element("save-npz", HTMLElement).hidden = view !== "inspect";
  element("loupe", HTMLElement).hidden = element("loupe-bar", HTMLElement).hidden = view === "inspect";
  showCode();
  if (view === "inspect") void inspector.inspect();
}

/** Handle a choice that needs the service. */
function again() {
  offerInspect();
  void denoise();
}

/** Only a network can be inspected. */
function offerInspect() {
  const refused = panel.chosenModel()?.kind === "classical";
  const [compare, inspect] = ["compare", "inspect"].map((view) =>
    /** @type {HTMLInputElement} */ (document.querySelector(`input[name="view"][value="${view}"]`)));
  inspect.disabled = refused;
  element("inspect-choice", HTMLElement).title = refused ? "A classical denoiser has no network to inspect." : "";
  if (!refused || !inspect.checked) return;
  compare.checked = true;
  showView();
}

/** Adapt the page to what the service offers. */
async function adapt() {
  const [models, limits] = await Promise.all([service.models(), service.limits()]);
  panel.offerModels(models);
  analysisLimits = limits.analysis;
  element("inspect-choice", HTMLElement).hidden = limits.analysis === null;
}

function listen() {
  activity.listen();
  zoom.listen(wipe.undo);
  wipe.listen();
  loupe.listen();
  intake.listen((files, noise255) => {
    element("series", HTMLElement).hidden = true;
    queue = files;
    if (files.length > 1) void openAll(files);
    else void open(files[0], noise255);
  });
  panel.listen({ blended: blendAgain, again, turned: turn });
  inspector.listen(showCode);
  element("views", HTMLElement).addEventListener("change", showView);
  element("languages", HTMLElement).addEventListener("change", showCode);
  for (const format of save.FORMATS) {
    element(`save-${format}`, HTMLElement).addEventListener("click", () => saveImage(format));
  }
  element("save-npz", HTMLElement).addEventListener("click", saveArrays);
  element("save-noisy", HTMLElement).addEventListener("click", () => {
    if (outcome) save.saveAs(outcome.body.data, outcome.name);
  });
  element("again", HTMLButtonElement).addEventListener("click", () => void denoise());
  listenForCopy();
}

/** Show another page; for a clean image it has to be denoised first. */
function turn() {
  if (outcome?.clean) void denoise();
  else showFrame();
}

function listenForCopy() {
  const copy = element("copy", HTMLButtonElement);
  // Browsers give clipboard access only to secure pages, which include http://127.0.0.1.
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent ?? "");
    activity.announce("Copied.");
  });
}

listen();
void activity.run(adapt);
