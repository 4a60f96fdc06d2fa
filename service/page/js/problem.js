/** What goes wrong, in the words of whoever knows: the service's RFC 9457 problem documents. */

/** An error with something to show. */
export class Problem extends Error {
  /**
   * @param {string} title What kind of thing went wrong.
   * @param {string} detail What exactly.
   * @param {string} [requestId] Finds it in the service's log.
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
 * The problem that an answer describes.
 * @param {number} status
 * @param {string} mediaType
 * @param {ArrayBuffer} body
 * @returns {Problem}
 */
export function readProblem(status, mediaType, body) {
  if (!mediaType.startsWith("application/problem+json")) {
    return new Problem("Unexpected answer", `The service, or what stands before it, answered with status ${status}.`);
  }
  const document = JSON.parse(new TextDecoder().decode(body));
  return new Problem(document.title, document.detail, document.request_id);
}
