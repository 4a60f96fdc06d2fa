/** The current activity of the page, with its progress and a cancel button. One at a time. */

import { element } from "./elements.js";
import { Cancelled, Problem } from "./problem.js";

/** @typedef {(label: string, fraction?: number) => void} Say Without a fraction the progress is unknown. */

const box = element("activity", HTMLElement);
const label = element("activity-label", HTMLElement);
const bar = element("activity-progress", HTMLProgressElement);
const cancel = element("activity-cancel", HTMLButtonElement);
const notice = element("notice", HTMLElement);
const announcement = element("announcement", HTMLElement);

/** @type {AbortController | null} */
let current = null;

/**
 * Run a longer task. A running task is canceled; an error is shown.
 * @template T
 * @param {(signal: AbortSignal, say: Say) => Promise<T>} work
 * @returns {Promise<T | undefined>} Undefined if it was canceled or failed.
 */
export async function run(work) {
  current?.abort(new Cancelled());
  const controller = new AbortController();
  current = controller;
  hideProblem();
  try {
    return await work(controller.signal, say);
  } catch (error) {
    if (error instanceof Cancelled) return undefined;
    if (current === controller) showProblem(error);
    return undefined;
  } finally {
    if (current === controller) {
      current = null;
      box.hidden = true;
    }
  }
}

/**
 * Run a task without canceling a running one; beside one it is silent. An error is shown.
 * @param {(signal: AbortSignal, say: Say) => Promise<void>} work
 */
export async function alongside(work) {
  if (!current) {
    await run(work);
    return;
  }
  try {
    await work(new AbortController().signal, () => {});
  } catch (error) {
    showProblem(error);
  }
}

/**
 * Announce a change to screen readers.
 * @param {string} text
 */
export function announce(text) {
  announcement.textContent = text;
}

/** Let the user cancel by the button or by Escape. */
export function listen() {
  cancel.addEventListener("click", end);
  element("notice-close", HTMLButtonElement).addEventListener("click", hideProblem);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    end();
    hideProblem();
  });
}

function end() {
  if (!current) return;
  current.abort(new Cancelled());
  announce("Canceled.");
}

/** @type {Say} */
function say(text, fraction) {
  box.hidden = false;
  label.textContent = text;
  if (fraction === undefined) bar.removeAttribute("value");
  else bar.value = fraction;
}

/** @param {unknown} error */
function showProblem(error) {
  const known = error instanceof Problem;
  element("notice-title", HTMLElement).textContent = known ? error.title : "Unexpected error in this page";
  element("notice-detail", HTMLElement).textContent = error instanceof Error ? error.message : String(error);
  element("notice-request", HTMLElement).textContent = known && error.requestId ? `Request ${error.requestId}` : "";
  notice.hidden = false;
}

function hideProblem() {
  notice.hidden = true;
}
