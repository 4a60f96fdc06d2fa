/** The page's side of the thread in `compute-worker.js`. */

/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {import("./metrics.js").Quality} Quality */
/** @typedef {import("./compute-worker.js").Work} Work */

const worker = new Worker(new URL("compute-worker.js", import.meta.url), { type: "module" });
/** @type {Map<number, (result: any) => void>} */
const waiting = new Map();
let last = 0;

worker.onmessage = (/** @type {MessageEvent<{ id: number, result: any }>} */ { data: { id, result } }) => {
  waiting.get(id)?.(result);
  waiting.delete(id);
};

/**
 * @param {Raster} clean White is 1.
 * @param {number} sigma255
 * @param {number} seed
 * @returns {Promise<Raster>}
 */
export function withNoise(clean, sigma255, seed) {
  return ask({ noise: { clean, sigma255, seed } });
}

/**
 * @param {Raster} clean White is 1.
 * @param {Raster} image
 * @returns {Promise<Quality>}
 */
export function qualityOf(clean, image) {
  return ask({ quality: { clean, image } });
}

/**
 * @param {Work} work
 * @returns {Promise<any>}
 */
function ask(work) {
  last += 1;
  const id = last;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    worker.postMessage({ id, work });
  });
}
