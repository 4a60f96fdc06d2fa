/** The progress of a request, asked for while it runs. */

import { progress } from "./service.js";

/** @typedef {import("./activity.js").Say} Say */
/** @typedef {import("./service.js").Progress} Progress */

/** Short requests end before the first question. */
const EVERY_MS = 1000;

/**
 * Send a request and say how far it is, until it ends.
 * @template T
 * @param {Say} say
 * @param {(requestId: string) => Promise<T>} send
 * @returns {Promise<T>}
 */
export async function followed(say, send) {
  const requestId = newId();
  let ended = false;
  const timer = setInterval(async () => {
    try {
      const now = await progress(requestId);
      if (!ended && now.tiles_total !== null) say(describe(now), share(now));
    } catch {
      // Without progress the request goes on; its own failure is shown.
    }
  }, EVERY_MS);
  try {
    return await send(requestId);
  } finally {
    ended = true;
    clearInterval(timer);
  }
}

/** `crypto.randomUUID` exists on secure pages only. */
function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Progress} now */
function describe({ state, place, tiles_done, tiles_total, seconds_left }) {
  const left = seconds_left === null ? "" : `, about ${Math.ceil(seconds_left)} s left`;
  if (state === "waiting") return `Waiting${place === null ? "" : `, place ${place} in the queue`}${left}`;
  return `Denoising, ${tiles_done} of ${tiles_total} tiles${left}`;
}

/** @param {Progress} now */
function share({ state, tiles_done, tiles_total }) {
  return state === "running" && tiles_total ? tiles_done / tiles_total : undefined;
}
