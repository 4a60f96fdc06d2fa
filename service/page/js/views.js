/** The views of the result: Compare, Residual and Inspect. */

import { showCall } from "./call.js";
import { chosen, element } from "./elements.js";
import { inspect } from "./inspector.js";
import { chosenModel } from "./panel.js";
import { setView } from "./stage.js";

/** Follow the choice of a view. */
export function listen() {
  element("views", HTMLElement).addEventListener("change", showView);
}

function showView() {
  const view = /** @type {import("./stage.js").View} */ (chosen("view"));
  const inspected = view === "inspect";
  setView(view);
  element("legend", HTMLElement).hidden = view !== "residual";
  for (const id of ["analysis", "patch-help", "save-npz"]) element(id, HTMLElement).hidden = !inspected;
  for (const id of ["loupe", "loupe-bar"]) element(id, HTMLElement).hidden = inspected;
  showCall();
  if (inspected) void inspect();
}

/** Offer Inspect for networks only, and leave it after a choice of another model. */
export function offerInspect() {
  const refused = chosenModel()?.kind === "classical";
  const [compare, inspected] = ["compare", "inspect"].map((view) =>
    /** @type {HTMLInputElement} */ (document.querySelector(`input[name="view"][value="${view}"]`)));
  inspected.disabled = refused;
  element("inspect-choice", HTMLElement).title = refused ? "A classical denoiser has no network to inspect." : "";
  if (!refused || !inspected.checked) return;
  compare.checked = true;
  showView();
}
