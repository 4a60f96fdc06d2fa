/** Errors, described by the service's RFC 9457 problem documents. */

/** An error to show to the user. */
export class Problem extends Error {
  /**
   * @param {string} title The kind of error.
   * @param {string} detail The details.
   * @param {string} [requestId] Id of the request in the service's log.
   */
  constructor(title, detail, requestId = "") {
    super(detail);
    this.title = title;
    this.requestId = requestId;
  }
}

/** The user, or a newer task, ended this one. */
export class Cancelled extends Error {}

/**
 * Return the problem described by an answer.
 * @param {number} status
 * @param {string} mediaType
 * @param {ArrayBuffer} body
 * @returns {Problem}
 */
export function readProblem(status, mediaType, body) {
  if (!mediaType.startsWith("application/problem+json")) {
    return new Problem("Unexpected answer", `The service, or a proxy in front of it, answered with status ${status}. Try again.`);
  }
  const document = JSON.parse(new TextDecoder().decode(body));
  return new Problem(document.title, document.detail, document.request_id);
}
