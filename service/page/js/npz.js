/** NumPy's archive of arrays: an uncompressed ZIP. */

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
/** 1 January 1980, the earliest date in ZIP. */
const DATE = 0x21;

/**
 * Pack files.
 * @param {Record<string, Blob>} files By name, without ending; ASCII.
 * @returns {Promise<Blob>}
 */
export async function writeNpz(files) {
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {ArrayBuffer[]} */
  const directory = [];
  let offset = 0;
  for (const [name, file] of Object.entries(files)) {
    const path = new TextEncoder().encode(`${name}.npy`);
    const content = new Uint8Array(await file.arrayBuffer());
    const entry = { path, size: content.length, checksum: crc32(content), offset };
    const header = local(entry);
    parts.push(header, content);
    directory.push(central(entry));
    offset += header.byteLength + content.length;
  }
  const size = directory.reduce((sum, each) => sum + each.byteLength, 0);
  return new Blob([...parts, ...directory, end(directory.length, size, offset)]);
}

/** @typedef {{ path: Uint8Array, size: number, checksum: number, offset: number }} Entry */

/**
 * @param {Entry} entry
 * @returns {ArrayBuffer}
 */
function local({ path, size, checksum }) {
  return record([4, LOCAL, 2, VERSION, 2, 0, 2, 0, 2, 0, 2, DATE, 4, checksum, 4, size, 4, size, 2, path.length, 2, 0], path);
}

/**
 * @param {Entry} entry
 * @returns {ArrayBuffer}
 */
function central({ path, size, checksum, offset }) {
  const head = [4, CENTRAL, 2, VERSION, 2, VERSION, 2, 0, 2, 0, 2, 0, 2, DATE, 4, checksum, 4, size, 4, size];
  return record([...head, 2, path.length, 2, 0, 2, 0, 2, 0, 2, 0, 4, 0, 4, offset], path);
}

/**
 * @param {number} count
 * @param {number} size
 * @param {number} offset
 * @returns {ArrayBuffer}
 */
function end(count, size, offset) {
  return record([4, END, 2, 0, 2, 0, 2, count, 2, count, 4, size, 4, offset, 2, 0], new Uint8Array());
}

/**
 * Encode little-endian numbers, followed by text.
 * @param {number[]} fields Bytes and value of each in turn.
 * @param {Uint8Array} text
 * @returns {ArrayBuffer}
 */
function record(fields, text) {
  const bytes = [];
  for (let index = 0; index < fields.length; index += 2) {
    for (let byte = 0; byte < fields[index]; byte += 1) bytes.push((fields[index + 1] >>> (8 * byte)) & 0xff);
  }
  return new Uint8Array([...bytes, ...text]).buffer;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/**
 * Compute the CRC-32 of ISO 3309.
 * @param {Uint8Array} bytes
 * @returns {number}
 */
function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
