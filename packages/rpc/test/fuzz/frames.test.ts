/**
 * Sequences of frames by seed: mostly right, now and then with a wrong field, length, flag or
 * number, and with the endpoint's user doing anything it may in between. An `Auditor` checks every
 * byte that comes back.
 */
import { encodeUtf8, VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { ClientConnection } from "../../src/http2/connection/client-connection.js";
import type { ClientEvent, ServerEvent } from "../../src/http2/connection/connection-event.js";
import { DEFAULT_LIMITS } from "../../src/http2/connection/limits.js";
import { ServerConnection } from "../../src/http2/connection/server-connection.js";
import { CLIENT_PREFACE, DEFAULT_WINDOW } from "../../src/http2/frames/frame.js";
import type { HeaderField } from "../../src/http2/hpack/header-field.js";
import { HpackEncoder } from "../../src/http2/hpack/hpack-encoder.js";
import { GET, OK } from "../../src/http2/testing/raw-client.js";
import { Auditor, Cutter } from "../support/auditor.js";
import { type Dice, forSeeds } from "../support/dice.js";
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  frame,
  PADDED,
  ping,
  PRIORITY,
  settings,
  SETTINGS_ACK,
  Type,
  uint32,
} from "../support/frame-bytes.js";

const LIMITS = {
  ...DEFAULT_LIMITS,
  streamsMax: 5,
  streamWindow: 2_000,
  connectionWindow: DEFAULT_WINDOW,
  queuedBytesMax: 500,
};

interface Peer {
  readonly dice: Dice;
  readonly encoder: HpackEncoder;
  readonly connection: ServerConnection | ClientConnection;
  nextStreamId: number;
}

/** A stream that is open if any is, or once in a while any that was. */
function knownStream({ dice, connection, nextStreamId }: Peer): number {
  const all = Array.from({ length: (nextStreamId - 1) / 2 }, (_, i) => 2 * i + 1);
  const open = all.filter((id) => connection.isOpen(id));
  return dice.pick(open.length > 0 && !dice.oneIn(200) ? open : all.slice(-3).concat(1));
}

/** A header list that a peer may send, sometimes not. */
function fieldsOf(peer: Peer, head: readonly HeaderField[]): HeaderField[] {
  const { dice } = peer;
  const fields: HeaderField[] = dice.oneIn(4) ? [] : [...head];
  for (let i = dice.below(4); i > 0; i--) {
    const name = dice.pick(["a", "b", "content-length", "te", "x-long", "Bad", ":path"]);
    const value = dice.pick(["", "1", "trailers", "x".repeat(200), "5"]);
    const indexing = dice.pick(["incremental", "without", "never"] as const);
    if (name !== "Bad" || dice.oneIn(10)) fields.push({ name, value, indexing });
  }
  return fields;
}

/** HEADERS, in pieces perhaps, padded perhaps. */
function headersFrames(
  peer: Peer,
  streamId: number,
  head: readonly HeaderField[],
): readonly Uint8Array[] {
  const { dice } = peer;
  const block = peer.encoder.encode(fieldsOf(peer, head));
  const end = dice.oneIn(2) ? END_STREAM : 0;
  if (dice.oneIn(5)) {
    const place = dice.below(block.length + 1);
    return [
      frame({ type: Type.headers, flags: end, streamId, payload: block.subarray(0, place) }),
      frame({
        type: Type.continuation,
        flags: END_HEADERS,
        streamId,
        payload: block.subarray(place),
      }),
    ];
  }
  if (dice.oneIn(5)) {
    const payload = [3, 0, 0, 0, 0, 9, ...block, 0, 0, 0];
    return [
      frame({
        type: Type.headers,
        flags: end | END_HEADERS | PADDED | PRIORITY,
        streamId,
        payload,
      }),
    ];
  }
  return [frame({ type: Type.headers, flags: end | END_HEADERS, streamId, payload: block })];
}

/** The next frames of a peer, right but for what they are in this moment. */
function nextFrames(peer: Peer, head: readonly HeaderField[]): readonly Uint8Array[] {
  const { dice } = peer;
  const isAnyOpen = peer.connection.openStreams > 0;
  const known = knownStream(peer);
  switch (dice.below(11)) {
    case 0:
    case 1: {
      const isNew = head === GET && (dice.oneIn(2) || !isAnyOpen);
      if (!isNew && !isAnyOpen) return [];
      if (isNew) peer.nextStreamId += 2;
      return headersFrames(peer, isNew ? peer.nextStreamId - 2 : known, head);
    }
    case 2:
    case 3: {
      if (!isAnyOpen) return [];
      const flags = dice.oneIn(4) ? END_STREAM : 0;
      return [
        frame({ type: Type.data, flags, streamId: known, payload: dice.bytes(dice.size(900)) }),
      ];
    }
    case 4: {
      if (!isAnyOpen) return [];
      const payload = [5, ...dice.bytes(dice.below(50)), 0, 0, 0, 0, 0];
      return [frame({ type: Type.data, flags: PADDED, streamId: known, payload })];
    }
    case 5:
      return isAnyOpen && dice.oneIn(3)
        ? [frame({ type: Type.rstStream, streamId: known, payload: uint32(8) })]
        : [];
    case 6: {
      const value = dice.pick([0, 1, 100, 5_000, 65_535, 100_000]);
      return [
        settings(
          [dice.pick([1, 3, 4, 4, 6, 9]), value],
          ...(dice.oneIn(5) ? [[5, 20_000] as const] : []),
        ),
      ];
    }
    case 7:
      return [dice.oneIn(3) ? SETTINGS_ACK : ping(dice.oneIn(3) ? ACK : 0, [...dice.bytes(8)])];
    case 8:
    case 9: {
      const payload = uint32(dice.size(3_000) + 1);
      return [
        frame({
          type: Type.windowUpdate,
          streamId: isAnyOpen && dice.oneIn(2) ? known : 0,
          payload,
        }),
      ];
    }
    default:
      return [frame({ type: dice.pick([2, 0xfa]), streamId: known, payload: dice.bytes(5) })];
  }
}

/** One thing wrong with a frame. */
function mutate(dice: Dice, bytes: Uint8Array): Uint8Array {
  const wrong = bytes.slice();
  const place = dice.pick([2, 3, 4, 5, 8, 9, dice.below(wrong.length)]);
  if (place < wrong.length) wrong[place] = dice.below(256);
  return wrong;
}

interface Run {
  readonly dice: Dice;
  readonly connection: ServerConnection | ClientConnection;
  readonly auditor: Auditor;
  readonly peer: Peer;
  /** What was delivered and not consumed, by stream. */
  readonly held: Map<number, number>;
  readonly answering: Set<number>;
  /** How many were handed over. */
  frames: number;
}

/** Takes all output and events, over and over, until there is no more. */
function settle(run: Run): void {
  const { connection, auditor } = run;
  do {
    for (const event of connection.takeEvents()) onEvent(run, event);
    for (const part of connection.takeOutput()) auditor.output(part);
  } while (connection.hasOutput);
  for (const event of connection.takeEvents()) onEvent(run, event);
  for (const id of run.answering) if (!connection.isOpen(id)) run.answering.delete(id);
}

function onEvent(
  { connection, held, answering, dice }: Run,
  event: ServerEvent | ClientEvent,
): void {
  if (event.kind === "data") {
    held.set(event.streamId, (held.get(event.streamId) ?? 0) + event.data.length);
  }
  if (event.kind !== "request" || !(connection instanceof ServerConnection)) return;
  if (!connection.isOpen(event.streamId) || dice.oneIn(5)) return;
  const endStream = dice.oneIn(4);
  connection.respond(event.streamId, OK, { endStream });
  if (!endStream) answering.add(event.streamId);
}

/** Something that the user of a connection may do. */
function act(run: Run): void {
  const { dice, connection, held, answering } = run;
  const [id] = answering;
  switch (dice.below(8)) {
    case 0:
    case 1:
      if (id !== undefined) connection.send(id, new Uint8Array(dice.size(5_000)));
      break;
    case 2:
      if (id === undefined) break;
      answering.delete(id);
      if (connection instanceof ServerConnection && dice.oneIn(2)) {
        connection.endWithTrailers(id, [{ name: "t", value: "1" }], { isShared: false });
      } else {
        connection.end(id);
      }
      break;
    case 3: {
      const any = dice.pick([1, 3, 5, 7, ...answering]);
      connection.reset(any, 8);
      break;
    }
    case 4:
    case 5:
      for (const [stream, bytes] of held) {
        if (connection.isOpen(stream)) connection.consume(stream, bytes);
        held.delete(stream);
      }
      break;
    case 6:
      if (connection instanceof ClientConnection && connection.canOpen) {
        const endStream = dice.oneIn(2);
        const stream = connection.request(GET, { endStream });
        run.peer.nextStreamId = stream + 2;
        if (!endStream) answering.add(stream);
      }
      break;
    default:
      if (dice.oneIn(30)) connection.shutdown();
      else if (dice.oneIn(5)) connection.ping(dice.bytes(8));
  }
}

/** Hands bytes over frame by frame, so that nothing crosses on the way. */
function deliver(run: Run, cutter: Cutter, bytes: Uint8Array): void {
  for (const { frame: one, bytes: whole } of cutter.cut(bytes)) {
    if (run.connection.isClosed) return;
    run.frames++;
    run.auditor.input(one);
    run.connection.receive(whole);
    settle(run);
    // What a client opens is limited by the peer's SETTINGS, which change.
    const isServer = run.connection instanceof ServerConnection;
    expect(run.connection.openStreams).toBeLessThanOrEqual(isServer ? LIMITS.streamsMax : 100_000);
  }
}

function converse(role: "server" | "client", dice: Dice, faultOneIn: number): Run {
  const clock = new VirtualClock();
  const connection =
    role === "server"
      ? new ServerConnection(LIMITS, { clock })
      : new ClientConnection(LIMITS, { clock });
  const auditor = new Auditor(role, { isInStep: true, connectionWindow: LIMITS.connectionWindow });
  const peer = { dice, encoder: new HpackEncoder(), connection, nextStreamId: 1 };
  const run: Run = {
    dice,
    connection,
    auditor,
    peer,
    held: new Map(),
    answering: new Set(),
    frames: 0,
  };
  const cutter = new Cutter();
  settle(run);
  if (role === "server") connection.receive(encodeUtf8(CLIENT_PREFACE));
  deliver(run, cutter, settings([3, LIMITS.streamsMax], [4, dice.pick([0, 500, 65_535])]));
  deliver(run, cutter, SETTINGS_ACK);
  for (let i = 0; i < 120 && !connection.isClosed; i++) {
    for (const bytes of nextFrames(peer, role === "server" ? GET : OK)) {
      deliver(run, cutter, dice.oneIn(faultOneIn) ? mutate(dice, bytes) : bytes);
    }
    act(run);
    settle(run);
  }
  auditor.finish();
  return run;
}

describe("sequences of frames", () => {
  it.each(["server", "client"] as const)("a %s keeps every rule, faults aside", (role) => {
    let [runs, frames, sentBytes, receivedBytes] = [0, 0, 0, 0];
    forSeeds(60, (dice) => {
      const run = converse(role, dice, Number.MAX_SAFE_INTEGER);
      runs++;
      frames += run.frames;
      sentBytes += run.auditor.sentBytes;
      receivedBytes += run.auditor.receivedBytes;
    });
    // Else the runs would end too soon to prove anything.
    expect(frames / runs).toBeGreaterThan(40);
    expect(Math.min(sentBytes, receivedBytes) / runs).toBeGreaterThan(500);
  });

  it.each(["server", "client"] as const)("a %s keeps every rule, whatever is wrong", (role) => {
    forSeeds(120, (dice) => converse(role, dice, dice.pick([8, 30])));
  });
});
