/**
 * Any bytes at all, by seed: an endpoint never throws, holds no more than it may, and says nothing
 * after it is closed. And: how bytes are cut makes no difference.
 */
import { concatBytes, encodeUtf8 } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { ClientConnection } from "../../src/http2/connection/client-connection.js";
import { DEFAULT_LIMITS } from "../../src/http2/connection/limits.js";
import { ServerConnection } from "../../src/http2/connection/server-connection.js";
import { CLIENT_PREFACE } from "../../src/http2/frames/frame.js";
import { GET, OK } from "../../src/http2/testing/raw-client.js";
import { type Dice, forSeeds } from "../support/dice.js";
import {
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  ping,
  REQUEST_BLOCK,
  RESPONSE_BLOCK,
  rstStream,
  settings,
  SETTINGS_ACK,
  TRAILER_BLOCK,
  unknown,
  windowUpdate,
} from "../support/frame-bytes.js";

const clock = { monotonicMs: () => 0 };
const LIMITS = { ...DEFAULT_LIMITS, outputBytesMax: 20_000 };
/** One frame more than the limit, and what control frames a chunk may bring. */
const OUTPUT_SLACK = 40_000;

const server = (): ServerConnection => new ServerConnection(LIMITS, { clock });
const client = (): ClientConnection => {
  const one = new ClientConnection(LIMITS, { clock });
  for (let i = 0; i < 3; i++) one.request(GET, { endStream: i > 0 });
  return one;
};

function hold(connection: ServerConnection | ClientConnection): void {
  const kinds = connection.takeEvents().map(({ kind }) => kind);
  const closed = kinds.indexOf("closed");
  expect([-1, kinds.length - 1]).toContain(closed);
  expect(connection.isClosed).toBe(closed >= 0);
  const bytes = connection.takeOutput().reduce((sum, part) => sum + part.length, 0);
  expect(bytes).toBeLessThan(LIMITS.outputBytesMax + OUTPUT_SLACK);
  expect(connection.openStreams).toBeLessThan(1_000);
}

/** Bytes that look like frames here and there. */
function noise(dice: Dice): Uint8Array {
  if (dice.oneIn(2)) return dice.bytes(dice.below(60));
  const payload = dice.bytes(dice.below(40));
  return frame({
    type: dice.below(12),
    flags: dice.oneIn(2) ? dice.below(256) : 0,
    streamId: dice.oneIn(2) ? dice.below(6) : 0,
    payload,
    ...(dice.oneIn(4) ? { length: dice.below(60) } : {}),
  });
}

describe("any bytes", () => {
  it.each([
    ["server", server, encodeUtf8(CLIENT_PREFACE)],
    ["client", client, new Uint8Array(0)],
  ] as const)("a %s never throws, and keeps to its limits", (_, make, preface) => {
    forSeeds(150, (dice) => {
      const connection = make();
      if (!dice.oneIn(10)) connection.receive(preface);
      if (!dice.oneIn(10)) connection.receive(settings());
      hold(connection);
      for (let i = 0; i < 40 && !connection.isClosed; i++) {
        connection.receive(noise(dice));
        hold(connection);
      }
      if (!connection.isClosed) return;
      // C3: nothing comes of it any more.
      for (let i = 0; i < 5; i++) connection.receive(noise(dice));
      connection.send(1, new Uint8Array(10));
      connection.reset(1, 0);
      connection.ping(new Uint8Array(8));
      connection.shutdown();
      connection.close(1, "again");
      expect([connection.takeEvents(), connection.hasOutput]).toEqual([[], false]);
    });
  });
});

/** Everything that frames can be, in the order of a conversation. */
const CONVERSATION: readonly Uint8Array[] = [
  settings([4, 100], [1, 0], [3, 10]),
  SETTINGS_ACK,
  headers(1, REQUEST_BLOCK, END_HEADERS),
  data(1, 20),
  frame({ type: 0, flags: 0x08, streamId: 1, payload: [3, 1, 2, 3, 0, 0, 0] }),
  ping(),
  headers(3, [0x82], 0),
  continuation(3, [0x86], 0),
  continuation(3, [0x84, 0x40, 1, 0x61, 1, 0x62]),
  windowUpdate(0, 1_000),
  windowUpdate(1, 50),
  unknown(1),
  headers(1, TRAILER_BLOCK, END_HEADERS | END_STREAM),
  rstStream(3),
  settings([4, 0]),
  headers(5, [...REQUEST_BLOCK, 0xbe], END_HEADERS | END_STREAM),
  windowUpdate(5, 0),
  headers(7, REQUEST_BLOCK, END_HEADERS | END_STREAM),
  ping(),
  data(0),
];

/** What a server says and tells, with `chunks` as they come. */
function course(chunks: readonly Uint8Array[]): { events: unknown[]; output: number[] } {
  const connection = server();
  const events: unknown[] = [];
  const output: number[] = [];
  for (const chunk of chunks) {
    connection.receive(chunk);
    for (;;) {
      for (const event of connection.takeEvents()) {
        events.push(structuredClone(event));
        if (event.kind === "request") {
          connection.respond(event.streamId, OK, { endStream: false });
          connection.send(event.streamId, new Uint8Array(300).fill(event.streamId));
        }
        if (event.kind === "data" && event.data.length > 0) {
          connection.consume(event.streamId, event.data.length);
        }
      }
      if (!connection.hasOutput) break;
      for (const part of connection.takeOutput()) output.push(...part);
    }
  }
  return { events, output };
}

describe("bytes cut anywhere", () => {
  const whole = concatBytes([encodeUtf8(CLIENT_PREFACE), ...CONVERSATION]);
  const byFrame = [encodeUtf8(CLIENT_PREFACE), ...CONVERSATION];
  const expected = course(byFrame);

  it("the conversation has everything in it", () => {
    const kinds = expected.events.map((event) => (event as { kind: string }).kind);
    expect(new Set(kinds)).toEqual(new Set(["request", "data", "trailers", "reset", "closed"]));
  });

  it("in two at every byte: the same events, the same bytes", () => {
    for (let place = 0; place <= whole.length; place++) {
      // What lies together is answered together: events are the same, bytes in their sum.
      const cut = course([whole.slice(0, place), whole.slice(place)]);
      expect(cut.events).toEqual(expected.events);
    }
  });

  it("byte by byte: the same events, the same bytes", () => {
    const cut = course(Array.from(whole, (byte) => Uint8Array.of(byte)));
    expect(cut.events).toEqual(expected.events);
    expect(cut.output).toEqual(expected.output);
  });

  it("anywhere, by seed, within frames: the same bytes too", () => {
    forSeeds(30, (dice) => {
      const chunks = byFrame.flatMap((bytes) => {
        const place = dice.below(bytes.length + 1);
        return [bytes.slice(0, place), bytes.slice(place)];
      });
      expect(course(chunks)).toEqual(expected);
    });
  });

  it("a client's side: in two at every byte, the same events", () => {
    const frames = [
      settings([4, 100], [3, 2]),
      SETTINGS_ACK,
      headers(1, [0x48, 3, 0x31, 0x30, 0x33], END_HEADERS),
      headers(1, RESPONSE_BLOCK, 0),
      continuation(1, [0x40, 1, 0x61, 1, 0x62]),
      data(1, 30),
      ping(),
      headers(3, [0x88, 0xbe], END_HEADERS | END_STREAM),
      frame({ type: 0, flags: 0x09, streamId: 1, payload: [3, 1, 2, 3, 0, 0, 0] }),
      windowUpdate(0, 5),
      rstStream(5, 7),
      ping(0, [1]),
    ];
    const told = (chunks: readonly Uint8Array[]): unknown[] => {
      const connection = client();
      return chunks.flatMap((chunk) => {
        connection.receive(chunk);
        return structuredClone(connection.takeEvents());
      });
    };
    const all = told(frames);
    expect(all).toHaveLength(7);
    const bytes = concatBytes(frames);
    for (let place = 0; place <= bytes.length; place++) {
      expect(told([bytes.slice(0, place), bytes.slice(place)])).toEqual(all);
    }
  });
});
