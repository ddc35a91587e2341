/**
 * From the journal of surroundings.c: which writes to which file nothing has made durable, and what
 * the file is without some of them. Pure; power-loss.ts does it to files.
 *
 * U1 a sync makes everything durable that was written to the file before it; a write with O_DSYNC
 *    makes its own range durable, and the file at least so long.
 * U2 what is taken back is a tail of the file's unsynced writes, the first of them perhaps only from
 *    some byte on: a disk writes in its own time, here in order. (The simulator's disk reorders.)
 */
const RECORD_BYTES = 48;
const KINDS = { 1: "write", 2: "range-durable", 3: "file-durable", 4: "truncate" } as const;

interface JournalRecord {
  readonly kind: (typeof KINDS)[keyof typeof KINDS];
  readonly inode: bigint;
  readonly offset: number;
  readonly length: number;
  readonly sizeBefore: number;
  /** What was there: at `offset`, as far as the file reached. */
  readonly old: Uint8Array;
}

/** One write, or truncation, that is not durable. */
export interface UnsyncedWrite {
  readonly offset: number;
  /** 0 for a truncation. */
  readonly length: number;
  readonly sizeBefore: number;
  readonly old: Uint8Array;
  /** Parts that became durable by later writes, in no order. */
  readonly durable: readonly Range[];
}

interface Range {
  readonly from: number;
  readonly to: number;
}

export interface UnsyncedFile {
  readonly writes: readonly UnsyncedWrite[];
  /** The file is at least so long, durably. */
  readonly durableBytes: number;
}

/** By inode; files without unsynced writes are not in it. Throws where the journal is damaged. */
export function unsyncedFiles(journal: Buffer): ReadonlyMap<bigint, UnsyncedFile> {
  const files = new Map<bigint, GrowingFile>();
  for (const record of recordsOf(journal)) {
    const file = files.get(record.inode) ?? { writes: [], durableBytes: 0 };
    note(file, record);
    if (file.writes.length === 0) files.delete(record.inode);
    else files.set(record.inode, file);
  }
  return files;
}

interface GrowingFile {
  writes: UnsyncedWrite[];
  durableBytes: number;
}

/**
 * The file without all but the first `kept` of its unsynced writes; of the next one the first
 * `tornBytes` stay.
 */
export function withoutUnsynced(
  bytes: Uint8Array,
  { writes, durableBytes }: UnsyncedFile,
  { kept, tornBytes }: { readonly kept: number; readonly tornBytes: number },
): Uint8Array {
  const [first, ...lost] = writes.slice(kept);
  if (!first) return bytes;
  let result = bytes;
  for (const write of [tornAt(first, tornBytes), ...lost].toReversed()) {
    result = takenBack(result, write, durableBytes);
  }
  return result;
}

function* recordsOf(journal: Buffer): Generator<JournalRecord> {
  let at = 0;
  // Who died while it wrote its last record had not begun what that stands for.
  while (at + RECORD_BYTES <= journal.length) {
    const field = (index: number): bigint => journal.readBigUInt64LE(at + 8 * index);
    const kind = Object.entries(KINDS).find(([number]) => BigInt(number) === field(0))?.[1];
    if (kind === undefined) throw new Error(`the journal is damaged at ${at}`);
    const end = at + RECORD_BYTES + Number(field(5));
    if (end > journal.length) return;
    yield {
      kind,
      inode: field(1),
      offset: Number(field(2)),
      length: Number(field(3)),
      sizeBefore: Number(field(4)),
      old: journal.subarray(at + RECORD_BYTES, end),
    };
    at = end;
  }
}

/** Changes `file`: a journal has some ten thousand records of one file. */
function note(file: GrowingFile, record: JournalRecord): void {
  const { kind, offset, length, sizeBefore, old } = record;
  switch (kind) {
    case "write":
    case "truncate":
      file.writes.push({ offset, length, sizeBefore, old, durable: [] });
      return;
    case "file-durable":
      file.writes = [];
      file.durableBytes = 0;
      return;
    case "range-durable": {
      const range = { from: offset, to: offset + length };
      file.writes = file.writes.flatMap((write) => withDurable(write, range));
      file.durableBytes = Math.max(file.durableBytes, range.to);
      return;
    }
  }
}

function withDurable(write: UnsyncedWrite, range: Range): readonly UnsyncedWrite[] {
  const to = write.offset + write.length;
  if (write.length === 0 || range.to <= write.offset || range.from >= to) return [write];
  if (range.from <= write.offset && range.to >= to) return [];
  const last = write.durable.at(-1);
  // Logs are written from front to back: one range that grows.
  if (last && last.to === range.from) {
    return [
      { ...write, durable: [...write.durable.slice(0, -1), { from: last.from, to: range.to }] },
    ];
  }
  return [{ ...write, durable: [...write.durable, range] }];
}

function tornAt(write: UnsyncedWrite, tornBytes: number): UnsyncedWrite {
  const stays = Math.min(tornBytes, write.length);
  if (stays === 0) return write;
  return {
    ...write,
    durable: [...write.durable, { from: write.offset, to: write.offset + stays }],
  };
}

function takenBack(bytes: Uint8Array, write: UnsyncedWrite, durableBytes: number): Uint8Array {
  const { offset, length, sizeBefore, old, durable } = write;
  const size = Math.max(sizeBefore, durableBytes, ...durable.map(({ to }) => to));
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  if (length === 0) {
    // What a truncation cut off is back.
    result.set(old.subarray(0, size - offset), offset);
    return result;
  }
  const end = Math.min(offset + length, size);
  // It lay behind the end that the file has again.
  if (end <= offset) return result;
  const before = new Uint8Array(end - offset);
  before.set(old.subarray(0, before.length));
  for (const { from, to } of durable) {
    const start = Math.max(from, offset);
    const stop = Math.min(to, end);
    if (start < stop) before.set(bytes.subarray(start, stop), start - offset);
  }
  result.set(before, offset);
  return result;
}
