/** The ways to open an image: choose, drop, paste, or a sample. */

import { element } from "./elements.js";

/**
 * @callback Receive
 * @param {File[]} files At least one.
 * @param {number | null} noise255 For a clean sample: the level of the noise to add.
 * @returns {void}
 */

const picker = element("file", HTMLInputElement);

/** @param {Receive} receive */
export function listen(receive) {
  for (const id of ["choose", "another"]) {
    element(id, HTMLButtonElement).addEventListener("click", () => picker.click());
  }
  picker.addEventListener("change", () => {
    take(picker.files, receive);
    // Allows choosing the same file again.
    picker.value = "";
  });
  listenForDrops(receive);
  document.addEventListener("paste", (event) => take(event.clipboardData?.files, receive));
  for (const button of document.querySelectorAll("button[data-sample]")) {
    if (button instanceof HTMLButtonElement) button.addEventListener("click", () => void fetchSample(button, receive));
  }
}

/** @param {Receive} receive */
function listenForDrops(receive) {
  const { classList } = document.body;
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) classList.remove("dragging");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    classList.remove("dragging");
    take(event.dataTransfer?.files, receive);
  });
}

/**
 * @param {FileList | null | undefined} files
 * @param {Receive} receive
 */
function take(files, receive) {
  if (files?.length) receive([...files], null);
}

/**
 * @param {HTMLButtonElement} button
 * @param {Receive} receive
 */
async function fetchSample({ dataset }, receive) {
  const name = dataset.sample ?? "";
  const answer = await fetch(new URL(`../samples/${name}`, import.meta.url));
  receive([new File([await answer.blob()], name, { type: "image/jpeg" })], Number(dataset.sigma));
}
