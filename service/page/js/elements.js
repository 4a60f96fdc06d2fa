/** Access to elements of the page by id and type, and creation of elements without markup. */

/**
 * Return the element with an id.
 * @template {Element} T
 * @param {string} id
 * @param {new (...args: any[]) => T} type
 * @returns {T}
 */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the element #${id} is not a ${type.name}`);
  return found;
}

/**
 * Create an element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * Return the chosen value of a group of radio buttons; empty if none is chosen.
 * @param {string} name
 */
export function chosen(name) {
  const button = document.querySelector(`input[name="${name}"]:checked`);
  return button instanceof HTMLInputElement ? button.value : "";
}

/**
 * Return the drawing context of a canvas.
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
export function context(canvas) {
  const drawing = canvas.getContext("2d");
  if (drawing === null) throw new Error("this browser cannot draw on a canvas");
  return drawing;
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number} The nearest number between the two.
 */
export function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/**
 * Return the step of an arrow key in pixels, ten with Shift; null for any other key.
 * @param {KeyboardEvent} event
 * @returns {{ x: number, y: number } | null}
 */
export function arrow(event) {
  const step = event.shiftKey ? 10 : 1;
  switch (event.key) {
    case "ArrowLeft": return { x: -step, y: 0 };
    case "ArrowRight": return { x: step, y: 0 };
    case "ArrowUp": return { x: 0, y: -step };
    case "ArrowDown": return { x: 0, y: step };
    default: return null;
  }
}
