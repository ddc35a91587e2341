// @ts-check
/**
 * The header block of a gRPC request (RFC 7541), once for each method: the first on a connection
 * puts its fields into the server's table, and those after it are a few bytes that point there, as
 * every client's are. Nothing is ever evicted: the table's 4,096 bytes hold far more than this.
 */

/** Fields of the static table (RFC 7541, appendix A), whole or for their names. */
const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;
const NAME = { ":path": 4, ":authority": 1, "content-type": 31, "user-agent": 58 };
/** The table's first entry of this connection, newest first (RFC 7541 §2.3.3). */
const NEWEST = 62;
const TABLE_BYTES = 4_096;
const ENTRY_OVERHEAD_BYTES = 32;
const INDEXED = 0x80;
const INCREMENTAL = 0x40;

export class RequestFields {
  #authority;
  /** In the order in which they entered the table, as `name\0value`. @type {string[]} */
  #entries = [];
  #tableBytes = 0;
  /** Path → block, while the table is as it was. @type {Map<string, Buffer>} */
  #blocks = new Map();

  /** @param {string} authority as in `127.0.0.1:2379` */
  constructor(authority) {
    this.#authority = authority;
  }

  /**
   * To be sent in the order in which they are asked for.
   * @param {string} path as in `/etcdserverpb.KV/Put`
   */
  block(path) {
    const known = this.#blocks.get(path);
    if (known !== undefined) return known;
    const before = this.#entries.length;
    const block = Buffer.concat([
      Uint8Array.of(METHOD_POST, SCHEME_HTTP),
      this.#field(":path", path),
      this.#field(":authority", this.#authority),
      this.#field("content-type", "application/grpc"),
      this.#field("te", "trailers"),
      this.#field("user-agent", "sagong-bench"),
    ]);
    // New entries push the others back: what was made before points elsewhere now.
    if (this.#entries.length > before) this.#blocks.clear();
    else this.#blocks.set(path, block);
    return block;
  }

  /** @param {string} name @param {string} value */
  #field(name, value) {
    const entry = `${name}\0${value}`;
    const position = this.#entries.indexOf(entry);
    if (position >= 0) return integer(NEWEST + this.#entries.length - 1 - position, 7, INDEXED);
    this.#entries.push(entry);
    this.#tableBytes += name.length + value.length + ENTRY_OVERHEAD_BYTES;
    if (this.#tableBytes > TABLE_BYTES) {
      throw new Error(
        `Cannot add ${name} to the header table: ${this.#tableBytes} bytes, expected at most ${TABLE_BYTES}`,
      );
    }
    const index = /** @type {Record<string, number>} */ (NAME)[name];
    return index === undefined
      ? Buffer.concat([Uint8Array.of(INCREMENTAL), text(name), text(value)])
      : Buffer.concat([integer(index, 6, INCREMENTAL), text(value)]);
  }
}

/** RFC 7541 §5.2, without Huffman. @param {string} value */
function text(value) {
  return Buffer.concat([integer(value.length, 7, 0), Buffer.from(value, "latin1")]);
}

/**
 * RFC 7541 §5.1.
 * @param {number} value
 * @param {number} prefixBits
 * @param {number} pattern
 */
function integer(value, prefixBits, pattern) {
  const limit = (1 << prefixBits) - 1;
  if (value < limit) return Buffer.of(pattern | value);
  const bytes = [pattern | limit];
  let rest = value - limit;
  for (; rest >= 0x80; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
