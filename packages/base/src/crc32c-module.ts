/**
 * The WebAssembly that goes on with a CRC over the module's own memory, written instruction by
 * instruction: one function of a loop, for which a compiler would be the larger thing to keep.
 *
 *     update(crc, at, end):  while 16 bytes are left: a, b, c, d = four words; a ^= crc;
 *                              crc = table15[a & 255] ^ table14[a >> 8 & 255] ^ … ^ table0[d >> 24]
 *                            while one is left: crc = table0[(crc ^ byte) & 255] ^ crc >> 8
 *
 * The tables lie at the memory's beginning and are the caller's to fill (WebAssembly Core
 * Specification 1.0, chapter 5, says what each byte means).
 */

/** Bytes of one step, each with a table of its own of 256 words. */
export const TABLES = 16;
const PAGES = 2;
/** And the version. */
const MAGIC: Code = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

export interface Crc32cModule {
  readonly memory: ArrayBuffer;
  /** Goes on with `crc`, not complemented, over the memory from `at` up to `end`. */
  readonly update: (crc: number, at: number, end: number) => number;
}

/** Every engine has it; the types of the language alone do not. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    /** What `moduleBytes` exports. */
    readonly exports: {
      readonly memory: { readonly buffer: ArrayBuffer };
      readonly update: Crc32cModule["update"];
    };
  };
};

export function crc32cModule(): Crc32cModule {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()));
  return { memory: exports.memory.buffer, update: exports.update };
}

const I32 = 0x7f;
const NO_RESULT = 0x40;
const BLOCK = 0x02;
const LOOP = 0x03;
const END = 0x0b;
const BRANCH = 0x0c;
const BRANCH_IF = 0x0d;
const XOR = 0x73;
const AND = 0x71;
const SHIFT_LEFT = 0x74;
const SHIFT_RIGHT = 0x76;
const ADD = 0x6a;
const SUB = 0x6b;
const BELOW = 0x49;

type Code = readonly number[];

/** Parameters of the function, then its own four words. */
const CRC = 0;
const AT = 1;
const LIMIT = 2;
const WORDS: readonly number[] = [3, 4, 5, 6];

const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const constant = (value: number): Code => [0x41, ...signed(value)];
const loadWord = (offset: number): Code => [0x28, 2, ...unsigned(offset)];
const loadByte = (offset: number): Code => [0x2d, 0, ...unsigned(offset)];

function moduleBytes(): Uint8Array {
  const body = [...updateBody(), END];
  const code = [1, WORDS.length, I32, ...body];
  return Uint8Array.from([
    ...MAGIC,
    ...section(1, [1, 0x60, 3, I32, I32, I32, 1, I32]), // one type: three numbers to one
    ...section(3, [1, 0]), // one function, of that type
    ...section(5, [1, 0, PAGES]), // one memory
    ...section(7, [2, ...name("memory"), 2, 0, ...name("update"), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

function updateBody(): Code {
  const loadWords = WORDS.flatMap((word, i) => [
    ...get(AT),
    ...loadWord(4 * i),
    ...(i === 0 ? [...get(CRC), XOR] : []),
    ...set(word),
  ]);
  const lookUps = WORDS.flatMap((word, i) =>
    [0, 1, 2, 3].flatMap((byte) => [
      ...lookUp(TABLES - 1 - (4 * i + byte), [...get(word), ...constant(8 * byte), SHIFT_RIGHT]),
      ...(i + byte > 0 ? [XOR] : []),
    ]),
  );
  const lowest = [...get(CRC), ...get(AT), ...loadByte(0), XOR];
  const oneByte = [
    ...lookUp(0, lowest),
    ...get(CRC),
    ...constant(8),
    SHIFT_RIGHT,
    XOR,
    ...set(CRC),
  ];
  return [
    ...whileLeft(TABLES, [...loadWords, ...lookUps, ...set(CRC)]),
    ...whileLeft(1, oneByte),
    ...get(CRC),
  ];
}

/** The table's word for the lowest byte of what `index` leaves. */
function lookUp(table: number, index: Code): Code {
  return [...index, ...constant(0xff), AND, ...constant(2), SHIFT_LEFT, ...loadWord(1024 * table)];
}

/** Repeats while `bytes` are left, and goes on by so many. */
function whileLeft(bytes: number, step: Code): Code {
  const isOver = [...get(LIMIT), ...get(AT), SUB, ...constant(bytes), BELOW];
  const goOn = [...get(AT), ...constant(bytes), ADD, ...set(AT)];
  const loop = [LOOP, NO_RESULT, ...isOver, BRANCH_IF, 1, ...step, ...goOn, BRANCH, 0, END];
  return [BLOCK, NO_RESULT, ...loop, END];
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): Code {
  return [text.length, ...Array.from(text, (letter) => letter.charCodeAt(0))];
}

/** LEB128 */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** The same of a number that may look negative in one byte less. */
function signed(value: number): Code {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)];
}
