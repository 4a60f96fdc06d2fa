/** The page's work: the opened image, its result, and the result as shown. */

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

/**
 * @typedef {object} Work
 * @property {{ file: File, picture: Picture } | null} opened
 * @property {Outcome | null} outcome
 * @property {Shown | null} shown
 */

/** @type {Work} */
export const work = { opened: null, outcome: null, shown: null };
