/** The page's call as code, to repeat it elsewhere. */

import { address, BASE } from "./service.js";

/** @typedef {import("./service.js").Parameters} Parameters */

/**
 * @typedef {object} Call
 * @property {"denoise" | "analyze"} path
 * @property {string} name Of the image file.
 * @property {string} mediaType
 * @property {Parameters} parameters
 * @property {string} output Name of the file to write.
 */

/**
 * @param {Call} call
 * @returns {string}
 */
export function curl({ path, name, mediaType, parameters, output }) {
  const accept = path === "analyze" ? " \\\n  -H 'Accept: image/png'" : "";
  return (
    `curl --data-binary @${quoted(name)} \\\n  -H 'Content-Type: ${mediaType}'${accept} \\\n` +
    `  ${quoted(String(address(path, parameters)))} \\\n  -o ${quoted(output)}`
  );
}

/**
 * @param {Call} call
 * @returns {string}
 */
export function python(call) {
  return call.path === "denoise" ? pythonDenoise(call) : pythonAnalyze(call);
}

/** @param {Call} call */
function pythonDenoise({ name, parameters, output }) {
  const values = given(parameters).map(([key, value]) => `, ${key}=${literal(value)}`).join("");
  return [
    "from biasfree_client import Denoiser",
    "",
    `with Denoiser(${literal(host())}) as denoiser:`,
    `    result = denoiser.denoise(${literal(name)}${values})`,
    `    result.save(${literal(output)})`,
    ...(parameters.estimate ? ["    print(result.noise, result.estimated_psnr)"] : []),
  ].join("\n");
}

/** @param {Call} call */
function pythonAnalyze({ name, parameters, output }) {
  const values = given(parameters).map(([key, value]) => `, ${key}=${literal(value)}`);
  return [
    "from biasfree_client import Denoiser",
    "",
    `with Denoiser(${literal(host())}) as denoiser:`,
    `    analysis = denoiser.analyze(${literal(name)}${values.join("")})`,
    "    print(analysis.effective_dimensionality)",
    `    analysis.save(${literal(output.replace(/\.png$/, ".npz"))})`,
  ].join("\n");
}

/** @param {Parameters} parameters */
function given(parameters) {
  return Object.entries(parameters).filter(([, value]) => value !== null);
}

/** @returns {string} */
function host() {
  return BASE.href.replace(/\/$/, "");
}

/**
 * Format a Python literal; JSON strings are valid in Python.
 * @param {string | number | boolean | null} value
 */
function literal(value) {
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
}

/**
 * Quote a word for the shell.
 * @param {string} text
 */
function quoted(text) {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
