/** A thread for long computations on large images, so that the page stays responsive. */

import { quality } from "./metrics.js";
import { addNoise } from "./noise.js";

/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {{ noise: { clean: Raster, sigma255: number, seed: number } } | { quality: { clean: Raster, image: Raster } }} Work */

onmessage = (/** @type {MessageEvent<{ id: number, work: Work }>} */ { data: { id, work } }) => {
  const result =
    "noise" in work
      ? addNoise(work.noise.clean, work.noise.sigma255, work.noise.seed)
      : quality(work.quality.clean, work.quality.image);
  postMessage({ id, result });
};
