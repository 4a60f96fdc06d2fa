/** HTTP requests through XMLHttpRequest, which unlike fetch reports the progress of an upload. */

import { Cancelled, Problem, readProblem } from "./problem.js";

/**
 * @typedef {object} Answer
 * @property {ArrayBuffer} body
 * @property {(name: string) => string} header Empty if there is none.
 * @property {number} elapsedMs From sending to the last byte.
 */

/**
 * @typedef {object} Waiting How to follow and cancel a request.
 * @property {AbortSignal} signal
 * @property {(fraction: number) => void} [onUpload] Called with the sent share, 0 to 1.
 */

/**
 * Send a request.
 * @param {string} method
 * @param {URL} url
 * @param {Record<string, string>} headers
 * @param {XMLHttpRequestBodyInit | null} body
 * @param {Waiting} waiting
 * @returns {Promise<Answer>}
 * @throws {Problem} The service refused, or did not answer.
 * @throws {Cancelled} The signal was given.
 */
export function send(method, url, headers, body, { signal, onUpload }) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Cancelled());
    const request = new XMLHttpRequest();
    const start = performance.now();
    request.open(method, url);
    request.responseType = "arraybuffer";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    // Even an unused listener makes the browser send a preflight to another origin.
    if (onUpload) {
      request.upload.onprogress = (event) => onUpload(event.total ? event.loaded / event.total : 0);
      request.upload.onload = () => onUpload(1);
    }
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.onabort = () => reject(new Cancelled());
    request.onerror = () => reject(new Problem("No answer", "Cannot reach the service. Check that it is running."));
    request.onload = () => {
      const header = (/** @type {string} */ name) => request.getResponseHeader(name) ?? "";
      if (request.status >= 200 && request.status < 300) {
        resolve({ body: request.response, header, elapsedMs: performance.now() - start });
      } else {
        reject(readProblem(request.status, header("Content-Type"), request.response));
      }
    };
    request.send(body);
  });
}
