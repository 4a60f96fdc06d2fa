/** Small plots as SVG: a line or points, axes, and one mark. */

const NAMESPACE = "http://www.w3.org/2000/svg";
const WIDTH = 520;
const HEIGHT = 260;
const MARGIN = { left: 68, right: 18, top: 14, bottom: 48 };

/** @typedef {{ low: number, high: number, log?: boolean, label: string, ticks: number[] }} Axis */

/**
 * @typedef {object} Plot
 * @property {string} description Text alternative.
 * @property {Axis} x
 * @property {Axis} y
 * @property {[number, number][]} points
 * @property {"line" | "dots" | "both"} style
 * @property {{ x: number, label: string }} [mark] A vertical line.
 */

/**
 * Draw a plot.
 * @param {Element} where Its content is replaced.
 * @param {Plot} plot
 */
export function draw(where, { description, x, y, points, style, mark }) {
  const across = scale(x, MARGIN.left, WIDTH - MARGIN.right);
  const up = scale(y, HEIGHT - MARGIN.bottom, MARGIN.top);
  const figure = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": description, class: "plot" });
  figure.append(...axes(x, y, across, up));
  const places = points.map(([atX, atY]) => `${across(atX).toFixed(1)},${up(atY).toFixed(1)}`);
  if (style !== "dots") figure.append(shape("polyline", { points: places.join(" "), class: "line" }));
  // A line of zero length with round ends is a dot: one element draws a thousand of them.
  const dots = places.map((place) => `M${place}h0`).join("");
  if (style !== "line") figure.append(shape("path", { d: dots, class: style === "both" ? "dots large" : "dots" }));
  if (mark) figure.append(...marked(mark, across));
  where.replaceChildren(figure);
}

/**
 * Return the powers of ten within bounds.
 * @param {number} low
 * @param {number} high
 * @returns {number[]}
 */
export function decades(low, high) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

/**
 * Return four or five round numbers from 0.
 * @param {number} high
 * @returns {number[]}
 */
export function rounds(high) {
  const rough = high / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  return Array.from({ length: Math.floor(high / step) + 1 }, (_, index) => index * step);
}

/**
 * @param {Axis} axis
 * @param {number} from
 * @param {number} to
 * @returns {(value: number) => number}
 */
function scale({ low, high, log }, from, to) {
  const place = log ? Math.log10 : (/** @type {number} */ value) => value;
  return (value) => from + ((place(value) - place(low)) / (place(high) - place(low))) * (to - from);
}

/**
 * @param {Axis} x
 * @param {Axis} y
 * @param {(value: number) => number} across
 * @param {(value: number) => number} up
 * @returns {SVGElement[]}
 */
function axes(x, y, across, up) {
  const bottom = HEIGHT - MARGIN.bottom;
  const right = WIDTH - MARGIN.right;
  return [
    ...y.ticks.map((tick) => shape("path", { d: `M${MARGIN.left},${up(tick)}H${right}`, class: "grid" })),
    ...y.ticks.map((tick) => text(tickLabel(tick, y), MARGIN.left - 8, up(tick) + 4, "end")),
    ...x.ticks.map((tick) => text(tickLabel(tick, x), across(tick), bottom + 20, "middle")),
    shape("path", { d: `M${MARGIN.left},${bottom}H${right}`, class: "axis" }),
    text(x.label, (MARGIN.left + right) / 2, HEIGHT - 5, "middle"),
    turned(y.label, 14, (MARGIN.top + bottom) / 2),
  ];
}

/**
 * Create text that runs upwards.
 * @param {string} content
 * @param {number} x
 * @param {number} y
 */
function turned(content, x, y) {
  const made = text(content, 0, 0, "middle");
  made.setAttribute("transform", `translate(${x} ${y}) rotate(-90)`);
  return made;
}

/**
 * @param {{ x: number, label: string }} mark
 * @param {(value: number) => number} across
 */
function marked({ x, label }, across) {
  const at = across(x);
  const toTheLeft = at > WIDTH / 2;
  const name = text(label, at + (toTheLeft ? -8 : 8), MARGIN.top + 12, toTheLeft ? "end" : "start");
  name.classList.add("marked");
  return [shape("path", { d: `M${at},${MARGIN.top}V${HEIGHT - MARGIN.bottom}`, class: "mark-line" }), name];
}

/**
 * @param {number} value
 * @param {Axis} axis
 */
function tickLabel(value, { log }) {
  if (!log || (value >= 0.01 && value <= 9999)) return String(Number(value.toPrecision(3)));
  return `10${String(Math.round(Math.log10(value))).replace(/./g, (sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)] ?? "⁻")}`;
}

/**
 * @param {string} content
 * @param {number} x
 * @param {number} y
 * @param {"start" | "middle" | "end"} anchor
 */
function text(content, x, y, anchor) {
  const made = shape("text", { x: String(x), y: String(y), "text-anchor": anchor });
  made.textContent = content;
  return made;
}

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @returns {SVGElement}
 */
function shape(name, attributes) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return /** @type {SVGElement} */ (made);
}
