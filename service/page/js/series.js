/** Several files, opened one after the other. */

import { element } from "./elements.js";

/** @typedef {(file: File) => Promise<boolean>} Open Tells whether the file was denoised. */

const line = element("series", HTMLElement);

/** The files that were given last; giving others ends a series. @type {File[]} */
let queue = [];

/**
 * Open files, and show which are done and which failed.
 * @param {File[]} files
 * @param {Open} open
 */
export async function openAll(files, open) {
  queue = files;
  line.hidden = true;
  if (files.length === 1) {
    await open(files[0]);
    return;
  }
  /** @type {string[]} */
  const failed = [];
  for (const [index, file] of files.entries()) {
    show(`${index + 1} of ${files.length}: ${file.name}`, failed);
    if (!(await open(file))) failed.push(file.name);
    if (queue !== files) return;
  }
  show(`${files.length - failed.length} of ${files.length} denoised. Show: `, failed);
  line.append(...files.map((file) => opener(file, open)));
}

/**
 * Return a button that opens a file again; only one result is kept at a time.
 * @param {File} file
 * @param {Open} open
 */
function opener(file, open) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = file.name;
  button.addEventListener("click", () => void open(file));
  return button;
}

/**
 * @param {string} text
 * @param {string[]} failed Names of files.
 */
function show(text, failed) {
  line.hidden = false;
  line.textContent = (failed.length ? `Failed: ${failed.join(", ")}. ` : "") + text;
}
