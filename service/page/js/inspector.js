/** The Inspect view: the analysis of the network at a patch of the image. */

import { announce, run } from "./activity.js";
import { element } from "./elements.js";
import * as filter from "./filter.js";
import * as findings from "./findings.js";
import { writeNpy } from "./npy.js";
import * as patch from "./patch.js";
import { cut, map } from "./picture.js";
import { saveAs } from "./save.js";
import { analyze } from "./service.js";
import * as sweep from "./sweep.js";

/** @typedef {import("./findings.js").Analysis} Analysis */
/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {import("./service.js").Model} Model */
/** @typedef {import("./service.js").Parameters} Parameters */

/** Number of singular vectors from each end. */
const VECTORS = 8;

/**
 * @typedef {object} Subject The inspected image. White is 1.
 * @property {Raster} noisy
 * @property {Raster} denoised
 * @property {Raster | null} clean
 * @property {Model | null} model
 * @property {string} stem Of the files to save.
 */

/** @type {Subject | null} */
let subject = null;
/** The patch shown; null if it is out of date. @type {patch.Patch | null} */
let analysed = null;

/**
 * Connect the controls.
 * @param {() => void} moved Called when the patch changes.
 */
export function listen(moved) {
  patch.listen(() => {
    moved();
    void inspect();
  });
  element("analyze", HTMLButtonElement).addEventListener("click", () => {
    moved();
    void inspect();
  });
  filter.listen((pixel) => void showFilter(pixel));
  element("sweep", HTMLButtonElement).addEventListener("click", () => void measureSweep());
  element("save-analysis-npz", HTMLButtonElement).addEventListener("click", () => void save("npz"));
  element("save-analysis-png", HTMLButtonElement).addEventListener("click", () => void save("png"));
}

/**
 * Inspect another image; nothing is computed until requested.
 * @param {Subject} next
 */
export function setSubject(next) {
  subject = next;
  analysed = null;
  element("findings", HTMLElement).hidden = true;
  sweep.reset(next.clean !== null);
}

/** Analyze the patch, unless it is already shown. */
export async function inspect() {
  const at = patch.current();
  // After a classical result there is nothing to inspect until there is a result of the network.
  if (!subject || subject.model?.kind === "classical" || (analysed && same(analysed, at))) return;
  const from = subject;
  await run(async (signal, say) => {
    say(`Analyzing ${at.size} × ${at.size} pixels …`);
    const analysis = await ask(from, at, { k: VECTORS }, signal);
    analysed = at;
    element("findings", HTMLElement).hidden = false;
    findings.show(analysis);
    filter.reset(analysis);
    sweep.reset(from.clean !== null);
    announce(findings.summary(analysis));
  });
}

/** @param {{ x: number, y: number }} pixel Of the patch. */
async function showFilter(pixel) {
  const [from, at] = [subject, analysed];
  if (!from || !at) return;
  await run(async (signal, say) => {
    say("Requesting the filter …");
    // One singular vector, iteratively: a row of A needs none, and one is the minimum.
    const parameters = { k: 1, method: "iterative", pixel: `${pixel.x},${pixel.y}` };
    const analysis = await ask(from, at, parameters, signal);
    filter.show(analysis.filters);
    announce(`Filter of pixel ${pixel.x}, ${pixel.y}, sum ${analysis.filters[0].sum.toFixed(3)}.`);
  });
}

async function measureSweep() {
  const [from, at] = [subject, analysed];
  if (!from || !at) return;
  await run(async (signal, say) => {
    const base = cut(from.clean ?? from.denoised, at);
    await sweep.measure(base, (noisy) => askAbout(from, noisy, null, { k: 1 }, signal), signal, say);
    announce("Measured.");
  });
}

/** @param {"npz" | "png"} format */
async function save(format) {
  const [from, at] = [subject, analysed];
  if (!from || !at) return;
  await run(async (signal, say) => {
    say("Requesting the analysis as a file …");
    const body = await bytes(from, cut(from.noisy, at), cleanPatch(from, at), { k: VECTORS, format }, signal);
    saveAs(new Blob([body]), `${from.stem}-analysis.${format}`);
  });
}

/**
 * @param {Subject} from
 * @param {patch.Patch} at
 * @param {Parameters} parameters
 * @param {AbortSignal} signal
 * @returns {Promise<Analysis>}
 */
function ask(from, at, parameters, signal) {
  return askAbout(from, cut(from.noisy, at), cleanPatch(from, at), parameters, signal);
}

/**
 * @param {Subject} from
 * @param {Raster} noisy
 * @param {Raster | null} clean
 * @param {Parameters} parameters
 * @param {AbortSignal} signal
 * @returns {Promise<Analysis>}
 */
async function askAbout(from, noisy, clean, parameters, signal) {
  return JSON.parse(new TextDecoder().decode(await bytes(from, noisy, clean, parameters, signal)));
}

/**
 * Send only the patch: the network is analyzed on it, without its surroundings.
 * @param {Subject} from
 * @param {Raster} noisy
 * @param {Raster | null} clean
 * @param {Parameters} parameters
 * @param {AbortSignal} signal
 */
async function bytes(from, noisy, clean, parameters, signal) {
  const all = { size: noisy.width, ...modelFor(from.model, noisy), ...parameters };
  return (await analyze(writeNpy(noisy), clean && writeNpy(clean), all, { signal })).body;
}

/**
 * @param {Subject} from
 * @param {patch.Patch} at
 */
function cleanPatch(from, at) {
  return from.clean && cut(from.clean, at);
}

/**
 * Return the parameters for the model's channels, which an analysis requires.
 * @param {Model | null} model
 * @param {Raster} raster
 * @returns {Parameters}
 */
export function modelFor(model, raster) {
  if (!model) return {};
  if (model.channels === null || model.channels === raster.channels) return { model: model.name };
  return { model: model.name, color: model.channels === 1 ? "gray" : "rgb" };
}

/**
 * Scale a raster so that white is 1.
 * @param {Raster} raster
 * @param {number} white
 * @returns {Raster}
 */
export function inUnits(raster, white) {
  return map(raster, (value) => value / white);
}

/**
 * @param {patch.Patch} one
 * @param {patch.Patch} other
 */
function same(one, other) {
  return one.x === other.x && one.y === other.y && one.size === other.size;
}
