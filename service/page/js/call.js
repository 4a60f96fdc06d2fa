/** "The same call": the request that produces the current view, as code. */

import { announce } from "./activity.js";
import { chosen, element } from "./elements.js";
import { modelFor } from "./inspector.js";
import * as panel from "./panel.js";
import * as patch from "./patch.js";
import { answeredEnding, resultName } from "./save.js";
import { depthParameters, modelParameters, stem, tooLargeToEstimate } from "./session.js";
import * as snippet from "./snippet.js";
import { work } from "./work.js";

/** @typedef {import("./service.js").Parameters} Parameters */
/** @typedef {{ name: string, mediaType: string }} Image */

const code = element("snippet", HTMLElement);

/** Follow the choice of a language, and copy. */
export function listen() {
  element("languages", HTMLElement).addEventListener("change", showCall);
  const copy = element("copy", HTMLButtonElement);
  // Browsers give clipboard access only to secure pages, which include http://127.0.0.1.
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent ?? "");
    announce("Copied.");
  });
}

/** Show the call in the chosen language. */
export function showCall() {
  const { opened, outcome } = work;
  if (!opened || !outcome) return;
  const image = { name: outcome.name, mediaType: outcome.body.mediaType };
  const estimated = outcome.clean === null && !tooLargeToEstimate(opened.picture);
  const call = chosen("view") === "inspect" ? analyzeCall(image) : denoiseCall(image, outcome.noisy, estimated);
  code.textContent = chosen("language") === "python" ? snippet.python(call) : snippet.curl(call);
}

/**
 * @param {Image} image
 * @param {import("./picture.js").Picture} picture
 * @param {boolean} estimate
 * @returns {snippet.Call}
 */
function denoiseCall(image, picture, estimate) {
  const parameters = { ...resultParameters(), estimate: estimate || null };
  const output = resultName(image.name, answeredEnding(image.name, picture));
  return { path: "denoise", ...image, parameters, output };
}

/**
 * @param {Image} image
 * @returns {snippet.Call}
 */
function analyzeCall(image) {
  const frame = work.outcome?.clean ? 0 : panel.chosenFrame();
  const model = work.shown ? modelFor(panel.chosenModel(), work.shown.noisy) : {};
  const parameters = { ...patch.current(), ...model, frame: frame || null };
  return { path: "analyze", ...image, parameters, output: `${stem(image.name)}-analysis.png` };
}

/**
 * Return the parameters that give the result as shown.
 * @returns {Parameters}
 */
export function resultParameters() {
  const { opened, outcome, shown } = work;
  const strength = panel.chosenStrength();
  // Another model may be at work already.
  const model = opened && outcome ? modelParameters(outcome.model, opened.picture) : {};
  const chroma = panel.chosenChromaStrength();
  const own = shown?.noisy.channels === 3 && chroma !== strength ? chroma : null;
  const depth = opened && !outcome?.clean ? depthParameters(opened.picture) : {};
  return { strength: strength === 1 ? null : strength, chroma_strength: own, ...model, ...depth };
}
