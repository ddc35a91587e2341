/**
 * Floods against either side: whatever a peer repeats without end, the connection says
 * ENHANCE_YOUR_CALM after a while, and until then has not sent more than it was sent. The server's
 * own (rapid reset, streams without end) are in `connection/floods.test.ts`.
 */
import { concatBytes } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { ErrorCode } from "../../src/http2/frames/error-code.js";
import { DEFAULT_LIMITS } from "../../src/http2/connection/limits.js";
import { RawClient } from "../../src/http2/testing/raw-client.js";
import {
  ACK,
  continuation,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  goaway,
  headers,
  PADDED,
  ping,
  priority,
  REQUEST_BLOCK,
  rstStream,
  settings,
  SETTINGS_ACK,
  Type,
  unknown,
  windowUpdate,
} from "../support/frame-bytes.js";
import { RawServer } from "../support/raw-server.js";
import { SUBJECTS, type Talk, verdict } from "../support/subject.js";

/** Beyond every allowance of DEFAULT_LIMITS, at one moment. */
const FRAMES = 25_000;

interface Flood {
  readonly name: string;
  readonly role?: Talk["role"];
  readonly frame: (id: number) => Uint8Array;
}

const FLOODS: readonly Flood[] = [
  { name: "PING (CVE-2019-9512)", frame: () => ping() },
  { name: "answers to PING", frame: () => ping(ACK) },
  { name: "SETTINGS (CVE-2019-9515)", frame: () => settings() },
  { name: "answers to SETTINGS", frame: () => SETTINGS_ACK },
  { name: "PRIORITY (CVE-2019-9513)", frame: priority },
  { name: "PRIORITY of idle streams", frame: () => priority(0x7ffffff1) },
  { name: "WINDOW_UPDATE of the connection", frame: () => windowUpdate(0, 1) },
  { name: "WINDOW_UPDATE of a stream", frame: (id) => windowUpdate(id, 1) },
  { name: "empty DATA (CVE-2019-9518)", frame: (id) => data(id, 0) },
  {
    name: "DATA of padding alone",
    frame: (id) =>
      frame({
        type: Type.data,
        flags: PADDED,
        streamId: id,
        payload: [255, ...new Uint8Array(255)],
      }),
  },
  { name: "frames of unknown types", frame: unknown },
  { name: "GOAWAY", role: "server", frame: () => goaway(0) },
  {
    name: "interim responses",
    role: "client",
    frame: () => headers(3, [0x48, 3, 0x31, 0x30, 0x33]),
  },
];

describe.each([...SUBJECTS])("floods against a %s", (subject) => {
  for (const flood of FLOODS.filter(({ role }) => role === undefined || role === subject.role)) {
    it(`${flood.name} end the connection`, () => {
      const talk = subject.connect();
      const id = talk.stream(talk.receiving);
      if (talk.role === "client" && flood.name === "interim responses") openSecond(talk);
      const one = flood.frame(id);
      const many = concatBytes(Array.from({ length: 100 }, () => one));
      let sentBytes = 0;
      for (let i = 0; i < FRAMES / 100 && !talk.isClosed; i++) {
        talk.send(many);
        sentBytes += many.length;
        // Each frame is answered with no more than itself.
        expect(talk.frames.length).toBeLessThanOrEqual((sentBytes / one.length) * 2 + 1);
      }
      expect(verdict(talk)).toBe("connection: ENHANCE_YOUR_CALM");
    });
  }

  it("frames of a stream that is closed end the connection", () => {
    const talk = subject.connect();
    const id = talk.stream("closed by our RST_STREAM");
    const many = concatBytes(Array.from({ length: 100 }, () => rstStream(id)));
    for (let i = 0; i < FRAMES / 100 && !talk.isClosed; i++) talk.send(many);
    expect(verdict(talk)).toBe("connection: ENHANCE_YOUR_CALM");
  });

  it("2,730 changes of all windows in one frame of SETTINGS end the connection", () => {
    const talk = subject.connect();
    talk.send(settings(...Array.from({ length: 2_730 }, (_, i) => [4, i] as const)));
    expect(verdict(talk)).toBe("connection: ENHANCE_YOUR_CALM");
  });

  it("a field block in CONTINUATION frames without end ends the connection (CVE-2024-27316)", () => {
    for (const bytes of [0, 1, 16_384]) {
      const talk = subject.connect();
      talk.send(headers(talk.stream(talk.receiving), [], END_STREAM));
      const one = continuation(1, new Uint8Array(bytes).fill(0x82), 0);
      for (let i = 0; i < 1_000 && !talk.isClosed; i++) talk.send(one);
      expect(verdict(talk)).toBe("connection: ENHANCE_YOUR_CALM");
    }
  });
});

function openSecond(talk: Talk): void {
  // The second stream, number 3, has no answer yet.
  if ("server" in talk && talk.server instanceof RawServer) talk.server.request();
  talk.forget();
}

describe("HPACK bombs", () => {
  const big = "x".repeat(4_000);
  /** One entry of 4 KB in the table, and as many references to it as a block takes. */
  const bomb = (head: readonly number[]): readonly Uint8Array[] => {
    const entry = [0x40, 1, 0x61, 0x7f, 0xa1, 0x1e, ...Array.from(big, () => 0x78)];
    const references = new Uint8Array(16_384).fill(0xbe);
    return [
      headers(1, [...head, ...entry], 0),
      continuation(1, references, 0),
      continuation(1, references, 0),
      continuation(1, references),
    ];
  };

  it("a list of 200 MB in 50 KB is answered with 431, and was never there (CVE-2016-6581)", () => {
    const client = new RawClient().open();
    const before = performance.now();
    client.raw(concatBytes(bomb(REQUEST_BLOCK)));
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(client.fields(client.frames[0])).toEqual([":status: 431"]);
    expect(client.eventKinds).toEqual([]);
    expect(client.connection.isClosed).toBe(false);
  });

  it("a client resets the stream of such an answer, and goes on", () => {
    const server = new RawServer().open();
    server.request();
    server.forget().send(...bomb([0x88]));
    expect(server.frames).toMatchObject([
      { kind: "rst-stream", streamId: 1, errorCode: ErrorCode.enhanceYourCalm },
    ]);
    const next = server.request();
    server.forget().send(headers(next, [0x88, 0xbe], END_HEADERS | END_STREAM));
    expect(server.eventKinds).toEqual(["response"]);
  });

  it("a Huffman code cannot make more than 8/5 of its octets", () => {
    // The shortest code has 5 bits: 16,000 octets of "0" (00000) are 25,600 characters.
    const coded = new Uint8Array(16_000);
    const block = [...REQUEST_BLOCK, 0x00, 1, 0x61, 0xff, 0x81, 0x7c, ...coded];
    const client = new RawClient().open().raw(headers(1, block, END_HEADERS | END_STREAM));
    expect(client.events).toMatchObject([{ kind: "request" }]);
    const [event] = client.events;
    const value = event?.kind === "request" ? event.fields.at(-1)?.value : "";
    expect(value).toBe("0".repeat(25_600));
  });
});

describe("readers that do not read", () => {
  it("who sends PINGs and reads no answers fills its own buffers, not ours", () => {
    const client = new RawClient().open();
    const many = concatBytes(Array.from({ length: 100 }, () => ping()));
    let taken = 0;
    // As the socket does it: nothing is read while enough waits to be sent.
    for (let i = 0; i < 10_000 && client.connection.wantsInput; i++) {
      client.connection.receive(many);
      client.clock.advance(1_000);
      taken++;
    }
    const bytes = client.connection.takeOutput().reduce((sum, part) => sum + part.length, 0);
    expect(client.connection.isClosed).toBe(false);
    expect(taken).toBeLessThan(10_000);
    expect(bytes).toBeLessThan(DEFAULT_LIMITS.outputBytesMax + many.length);
  });

  it("who never opens its windows costs what its streams may queue", () => {
    const client = new RawClient().open([{ id: 4, value: 0 }]);
    for (let i = 0; i < 100; i++) {
      client.request(2 * i + 1);
      client.connection.respond(2 * i + 1, [{ name: ":status", value: "200" }], {
        endStream: false,
      });
      let sent = 0;
      // A writer that waits when it is told to.
      while (client.connection.send(2 * i + 1, new Uint8Array(1_000))) sent += 1_000;
      expect(sent).toBeLessThan(DEFAULT_LIMITS.queuedBytesMax);
    }
    expect(client.read().kinds).not.toContain("data");
  });
});
