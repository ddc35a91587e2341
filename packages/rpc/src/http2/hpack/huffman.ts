/**
 * HPACK's Huffman code (RFC 7541 §5.2 and Appendix B). The code is canonical: among codes of one
 * length the symbols ascend, and each code is the one before it plus one. So the lengths alone,
 * below, say everything. Decoding goes four bits a step through a table of states; the shortest
 * code has five bits, so that a step gives at most one symbol.
 */
import { HpackError } from "./hpack-error.js";

/** End of string: its code pads the last octet, and must not appear as a symbol. */
const EOS = 256;
const SYMBOLS = 257;
/** Longest padding: a longer one could have been left out. */
const PADDING_BITS_MAX = 7;

/** Length in bits, and the symbols that have it: hexadecimal, single or first-last. */
const LENGTHS: readonly (readonly [bits: number, symbols: string])[] = [
  [5, "30-32 61 63 65 69 6f 73-74"],
  [6, "20 25 2d-2f 33-39 3d 41 5f 62 64 66-68 6c-6e 70 72 75"],
  [7, "3a 42-57 59 6a-6b 71 76-7a"],
  [8, "26 2a 2c 3b 58 5a"],
  [10, "21-22 28-29 3f"],
  [11, "27 2b 7c"],
  [12, "23 3e"],
  [13, "00 24 40 5b 5d 7e"],
  [14, "5e 7d"],
  [15, "3c 60 7b"],
  [19, "5c c3 d0"],
  [20, "80 82-83 a2 b8 c2 e0 e2"],
  [21, "99 a1 a7 ac b0-b1 b3 d1 d8-d9 e3 e5-e6"],
  [22, "81 84-86 88 92 9a 9c a0 a3-a4 a9-aa ad b2 b5 b9-bb bd-be c4 c6 e4 e8-e9"],
  [23, "01 87 89-8d 8f 93 95-98 9b 9d-9e a5-a6 a8 ae-af b4 b6-b7 bc bf c5 e7 ef"],
  [24, "09 8e 90-91 94 9f ab ce d7 e1 ec-ed"],
  [25, "c7 cf ea-eb"],
  [26, "c0-c1 c8-ca cd d2 d5 da-db ee f0 f2-f3 ff"],
  [27, "cb-cc d3-d4 d6 dd-df f1 f4-f8 fa-fe"],
  [28, "02-08 0b-0c 0e-15 17-1f 7f dc f9"],
  [30, "0a 0d 16 100"],
];

interface Code {
  readonly symbol: number;
  readonly bits: number;
  readonly code: number;
}

const CODES = canonicalCodes();
const CODE_OF = new Uint32Array(SYMBOLS);
const BITS_OF = new Uint8Array(SYMBOLS);
for (const { symbol, bits, code } of CODES) {
  CODE_OF[symbol] = code;
  BITS_OF[symbol] = bits;
}

const CHARACTERS = Array.from({ length: EOS }, (_, code) => String.fromCharCode(code));

/** What a step's table entry holds: the next state, then a symbol, then two marks. */
const STATE_MASK = 0xff;
const SYMBOL_SHIFT = 8;
const EMITS = 1 << 16;
const FAILS = 1 << 17;
const { steps: STEPS, mayEnd: MAY_END } = decodingTable();

/** Octets that `huffmanEncode` writes for `text`, whose characters are octets. */
export function huffmanBytes(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += bitsOf(text.charCodeAt(i));
  return Math.ceil(bits / 8);
}

/** Writes `text` from `offset`, padded with ones; the caller has reserved `huffmanBytes(text)`. */
export function huffmanEncode(text: string, into: Uint8Array, offset: number): void {
  let [at, pending, pendingBits] = [offset, 0, 0];
  const push = (value: number, bits: number): void => {
    pending = (pending << bits) | value;
    pendingBits += bits;
    while (pendingBits >= 8) {
      pendingBits -= 8;
      into[at++] = pending >>> pendingBits;
    }
    pending &= (1 << pendingBits) - 1;
  };
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    const bits = bitsOf(symbol);
    const code = CODE_OF[symbol] as number; // bitsOf() has checked the symbol.
    // In halves, so that no more than 31 bits are ever held.
    if (bits > 16) push(code >>> 16, bits - 16);
    push(code & 0xffff, Math.min(bits, 16));
  }
  if (pendingBits > 0) into[at] = (pending << (8 - pendingBits)) | (0xff >> pendingBits);
}

/** The text of `bytes` from `start` to `end`. Throws `HpackError` where they are not such a text. */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let state = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number; // In range: the caller gives a range of the block.
    const high = STEPS[(state << 4) | (byte >> 4)] as number; // 256 states of 16 steps each.
    if (high & EMITS) text += CHARACTERS[(high >> SYMBOL_SHIFT) & 0xff];
    const low = STEPS[((high & STATE_MASK) << 4) | (byte & 15)] as number; // Likewise.
    if (low & EMITS) text += CHARACTERS[(low >> SYMBOL_SHIFT) & 0xff];
    if ((high | low) & FAILS) throw new HpackError("Cannot decode a string: EOS is in it");
    state = low & STATE_MASK;
  }
  if (MAY_END[state] !== 1) {
    throw new HpackError("Cannot decode a string: its padding is not the start of the EOS symbol");
  }
  return text;
}

function bitsOf(symbol: number): number {
  const bits = symbol < EOS ? BITS_OF[symbol] : undefined;
  if (bits === undefined) {
    throw new RangeError(`Cannot encode the character ${symbol}: expected an octet`);
  }
  return bits;
}

function canonicalCodes(): readonly Code[] {
  const codes: Code[] = [];
  let [next, bitsBefore] = [0, 0];
  for (const [bits, symbols] of LENGTHS) {
    next <<= bits - bitsBefore;
    bitsBefore = bits;
    for (const range of symbols.split(" ")) {
      const [first = "", last = first] = range.split("-");
      for (let symbol = Number.parseInt(first, 16); symbol <= Number.parseInt(last, 16); symbol++) {
        codes.push({ symbol, bits, code: next++ });
      }
    }
  }
  return codes;
}

/** A node of the code's tree; the tree's inner nodes are the decoder's states, its root state 0. */
interface Node {
  readonly state: number;
  readonly children: [Node | number | undefined, Node | number | undefined];
}

function decodingTable(): { readonly steps: Uint32Array; readonly mayEnd: Uint8Array } {
  const nodes: Node[] = [{ state: 0, children: [undefined, undefined] }];
  const root = nodes[0] as Node; // The line above.
  for (const { symbol, bits, code } of CODES) {
    let node = root;
    for (let bit = bits - 1; bit > 0; bit--) node = childOf(node, (code >>> bit) & 1, nodes);
    node.children[code & 1] = symbol;
  }
  const steps = new Uint32Array(nodes.length * 16);
  for (const node of nodes) {
    for (let nibble = 0; nibble < 16; nibble++) {
      steps[node.state * 16 + nibble] = stepOf(node, nibble, root);
    }
  }
  const mayEnd = new Uint8Array(nodes.length);
  let padding = root;
  mayEnd[padding.state] = 1;
  for (let bit = 0; bit < PADDING_BITS_MAX; bit++) {
    padding = childOf(padding, 1, nodes);
    mayEnd[padding.state] = 1;
  }
  return { steps, mayEnd };
}

function childOf(node: Node, bit: number, nodes: Node[]): Node {
  const child = node.children[bit];
  if (typeof child === "object") return child;
  const made: Node = { state: nodes.length, children: [undefined, undefined] };
  node.children[bit] = made;
  nodes.push(made);
  return made;
}

function stepOf(from: Node, nibble: number, root: Node): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = node.children[(nibble >> bit) & 1];
    if (typeof child === "object") {
      node = child;
      continue;
    }
    // The tree is full: what is no inner node is a symbol.
    if (child === undefined || child === EOS) return FAILS;
    emitted = EMITS | (child << SYMBOL_SHIFT);
    node = root;
  }
  return emitted | node.state;
}
