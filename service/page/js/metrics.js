/** The distance of an image from the clean one. White is 1; values beyond black or white are clipped first. */

/** @typedef {import("./picture.js").Raster} Raster */
/** @typedef {{ psnr: number, ssim: number }} Quality */

/** Side of SSIM's window, and its constants: the defaults of scikit-image's `structural_similarity`. */
const WINDOW = 7;
const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;

/**
 * @param {Raster} clean
 * @param {Raster} image Of the same size and channels.
 * @returns {Quality} PSNR in dB; SSIM as the mean of the channels, NaN for images smaller than its window.
 */
export function quality(clean, image) {
  return { psnr: psnr(clean, image), ssim: ssim(clean, image) };
}

/**
 * @param {Raster} clean
 * @param {Raster} image
 * @returns {number}
 */
function psnr(clean, image) {
  let sum = 0;
  for (let index = 0; index < clean.data.length; index += 1) {
    sum += (unit(clean.data[index]) - unit(image.data[index])) ** 2;
  }
  return 10 * Math.log10(clean.data.length / sum);
}

/**
 * Wang, Bovik, Sheikh, Simoncelli, IEEE Transactions on Image Processing 13 (2004), with a uniform window.
 * @param {Raster} clean
 * @param {Raster} image
 * @returns {number}
 */
function ssim(clean, image) {
  let sum = 0;
  for (let channel = 0; channel < clean.channels; channel += 1) sum += channelSsim(clean, image, channel);
  return sum / clean.channels;
}

/**
 * @param {Raster} clean
 * @param {Raster} image
 * @param {number} channel
 * @returns {number}
 */
function channelSsim(clean, image, channel) {
  const { width, height, channels } = clean;
  const x = (/** @type {number} */ pixel) => unit(clean.data[pixel * channels + channel]);
  const y = (/** @type {number} */ pixel) => unit(image.data[pixel * channels + channel]);
  const sums = [x, y, (/** @type {number} */ p) => x(p) ** 2, (/** @type {number} */ p) => y(p) ** 2,
    (/** @type {number} */ p) => x(p) * y(p)].map((value) => windowMeans(width, height, value));
  const [meanX, meanY, meanXX, meanYY, meanXY] = sums;
  // Unbiased, as in scikit-image.
  const unbiased = WINDOW ** 2 / (WINDOW ** 2 - 1);
  let total = 0;
  for (let at = 0; at < meanX.length; at += 1) {
    const varX = unbiased * (meanXX[at] - meanX[at] ** 2);
    const varY = unbiased * (meanYY[at] - meanY[at] ** 2);
    const covariance = unbiased * (meanXY[at] - meanX[at] * meanY[at]);
    const above = (2 * meanX[at] * meanY[at] + C1) * (2 * covariance + C2);
    total += above / ((meanX[at] ** 2 + meanY[at] ** 2 + C1) * (varX + varY + C2));
  }
  return total / meanX.length;
}

/**
 * Compute the means over every window inside the image, by running sums along rows and then columns.
 * @param {number} width
 * @param {number} height
 * @param {(pixel: number) => number} value
 * @returns {Float64Array} (H - 6, W - 6).
 */
function windowMeans(width, height, value) {
  const across = Math.max(0, width - WINDOW + 1);
  const down = Math.max(0, height - WINDOW + 1);
  const means = new Float64Array(across * down);
  const columns = new Float64Array(width);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      columns[column] += value(row * width + column);
      if (row >= WINDOW) columns[column] -= value((row - WINDOW) * width + column);
    }
    if (row < WINDOW - 1) continue;
    let sum = 0;
    for (let column = 0; column < width; column += 1) {
      sum += columns[column];
      if (column >= WINDOW) sum -= columns[column - WINDOW];
      if (column >= WINDOW - 1) means[(row - WINDOW + 1) * across + column - WINDOW + 1] = sum / WINDOW ** 2;
    }
  }
  return means;
}

/** @param {number} value */
function unit(value) {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
