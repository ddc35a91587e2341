/** RFC 9113 §8: what makes a request or a response malformed, and what becomes of it. */
import { describe, expect, it } from "vitest";
import { ErrorCode } from "../../src/http2/frames/error-code.js";
import type { HeaderField } from "../../src/http2/hpack/header-field.js";
import { GET, OK, RawClient } from "../../src/http2/testing/raw-client.js";
import { data } from "../support/frame-bytes.js";
import { RawServer } from "../support/raw-server.js";

type Lines = readonly (readonly [name: string, value: string])[];

const fieldsOf = (lines: Lines): HeaderField[] => lines.map(([name, value]) => ({ name, value }));
const REQUEST: Lines = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/a"],
  [":authority", "host"],
];
const RESPONSE: Lines = [[":status", "200"]];

/** Fields that no message may have, in any section. */
const FORBIDDEN: readonly (readonly [rule: string, line: Lines[number]])[] = [
  ...[0x00, 0x01, 0x09, 0x0a, 0x0d, 0x20, 0x41, 0x5a, 0x7f, 0x80, 0xff].map(
    (octet) =>
      [`§8.2.1: a name with the octet ${octet}`, [`a${String.fromCharCode(octet)}b`, "v"]] as const,
  ),
  ["§8.2: a name in upper case", ["Name", "v"]],
  ["§8.2.1: a name with a colon within", ["a:b", "v"]],
  ["§8.2.1: an empty name", ["", "v"]],
  ["§8.2.1: a name of a colon alone", [":", "v"]],
  ["§8.2.1: a value with NUL", ["a", "b\0c"]],
  ["§8.2.1: a value with LF", ["a", "b\nc"]],
  ["§8.2.1: a value with CR", ["a", "b\rc"]],
  ["§8.2.1: a value with a space before", ["a", " b"]],
  ["§8.2.1: a value with a space behind", ["a", "b "]],
  ["§8.2.1: a value with a tab before", ["a", "\tb"]],
  ["§8.2.1: a value with a tab behind", ["a", "b\t"]],
  ["§8.2.2: Connection", ["connection", "close"]],
  ["§8.2.2: Proxy-Connection", ["proxy-connection", "keep-alive"]],
  ["§8.2.2: Keep-Alive", ["keep-alive", "timeout=5"]],
  ["§8.2.2: Transfer-Encoding", ["transfer-encoding", "chunked"]],
  ["§8.2.2: Upgrade", ["upgrade", "h2c"]],
  ["§8.2.2: TE other than trailers", ["te", "gzip"]],
  ["§8.2.2: TE with more than trailers", ["te", "trailers, deflate"]],
  ["§8.3: an unknown pseudo-header field", [":unknown", "v"]],
];

const ALLOWED: Lines = [
  ["a", ""],
  ["a", "b c\td"],
  ["a", "\x80\xff"],
  ["!#$%&'*+-.^_`|~09az", "v"],
  ["te", "trailers"],
  ["x-connection", "close"],
];

/** What a request, or with `trailers` a section after it, comes to: the code of its RST_STREAM. */
function ofRequest(lines: Lines, trailers?: Lines): number | undefined {
  const client = new RawClient().open();
  client.request(1, { fields: fieldsOf(lines), endStream: trailers === undefined });
  if (trailers !== undefined) client.request(1, { fields: fieldsOf(trailers) });
  expect(client.goaway).toBeUndefined();
  const isReset = client.resetOf(1) !== undefined;
  expect(client.eventKinds.includes("reset")).toBe(isReset && client.eventKinds.length > 0);
  // Malformed from the start: the application has never heard of it but for its end.
  const isTold = client.eventKinds.includes("request");
  expect(isTold).toBe(!isReset || trailers !== undefined);
  return client.resetOf(1);
}

/** As `ofRequest`, for the client's side. */
function ofResponse(lines: Lines, trailers?: Lines): number | undefined {
  const server = new RawServer().open();
  const id = server.request();
  server.forget().respond(id, fieldsOf(lines), { endStream: trailers === undefined });
  if (trailers !== undefined) server.respond(id, fieldsOf(trailers), { endStream: true });
  expect(server.kinds).not.toContain("goaway");
  const reset = server.frames.find(({ kind }) => kind === "rst-stream");
  // §8.1.1: MUST NOT accept
  const isTold = server.eventKinds.includes("response");
  expect(isTold).toBe(reset === undefined || trailers !== undefined);
  return reset?.kind === "rst-stream" ? reset.errorCode : undefined;
}

const MALFORMED = ErrorCode.protocolError;

describe("RFC 9113 §8.1.1, §8.2: fields MUST make a message malformed, a stream error", () => {
  for (const [rule, line] of FORBIDDEN) {
    it(`${rule}, in a request, a response, and trailers`, () => {
      const pseudo = line[0].startsWith(":");
      const within = (lines: Lines): Lines => (pseudo ? [line, ...lines] : [...lines, line]);
      expect(ofRequest(within(REQUEST))).toBe(MALFORMED);
      expect(ofResponse(within(RESPONSE))).toBe(MALFORMED);
      expect(ofRequest(REQUEST, [line])).toBe(MALFORMED);
      expect(ofResponse(RESPONSE, [line])).toBe(MALFORMED);
    });
  }

  it("§8.2: fields that are allowed are taken", () => {
    for (const line of ALLOWED) {
      expect([line, ofRequest([...REQUEST, line])]).toEqual([line, undefined]);
      expect([line, ofResponse([...RESPONSE, line])]).toEqual([line, undefined]);
      expect([line, ofResponse(RESPONSE, [line])]).toEqual([line, undefined]);
    }
  });
});

describe("RFC 9113 §8.3 pseudo-header fields of a request", () => {
  const without = (name: string): Lines => REQUEST.filter(([other]) => other !== name);
  const faults: readonly (readonly [rule: string, lines: Lines])[] = [
    ["§8.3: MUST NOT be those of a response", [[":status", "200"], ...REQUEST]],
    ["§8.3: MUST come before regular fields", [["a", "b"], ...REQUEST]],
    [
      "§8.3: MUST all come before regular fields",
      [...without(":path"), ["a", "b"], [":path", "/"]],
    ],
    ...REQUEST.map(
      (line) => [`§8.3: ${line[0]} MUST NOT come more than once`, [line, ...REQUEST]] as const,
    ),
    ...[":method", ":scheme", ":path"].map(
      (name) => [`§8.3.1: MUST have ${name}`, without(name)] as const,
    ),
    ...[":method", ":scheme", ":path"].map(
      (name) => [`§8.3.1: ${name} MUST NOT be empty`, [[name, ""], ...without(name)]] as const,
    ),
    ["§8.3.1: :path without its slash is not valid", [[":path", "a"], ...without(":path")]],
    ["§8.3.1: :path * is for OPTIONS alone", [[":path", "*"], ...without(":path")]],
    ["§8.3.1: a Host that is not :authority SHOULD be malformed", [...REQUEST, ["host", "other"]]],
    [
      "§8.5: CONNECT MUST NOT have :scheme and :path",
      [[":method", "CONNECT"], ...without(":method")],
    ],
    ["§8.5: CONNECT MUST have :authority", [[":method", "CONNECT"]]],
    ["§8.1: an empty section", []],
  ];
  for (const [rule, lines] of faults) {
    it(rule, () => expect(ofRequest(lines)).toBe(MALFORMED));
  }

  it("§8.3.1: what is allowed is taken", () => {
    const requests: readonly Lines[] = [
      without(":authority"),
      [...without(":authority"), ["host", "host"]],
      [...REQUEST, ["host", "host"]],
      [
        [":path", "*"],
        [":method", "OPTIONS"],
        [":scheme", "https"],
      ],
      [
        [":path", "/?a=b&c=%20"],
        [":scheme", "custom+x"],
        [":method", "anything-at-all"],
      ],
      [
        [":method", "CONNECT"],
        [":authority", "a:1"],
      ],
    ];
    for (const lines of requests) expect([lines, ofRequest(lines)]).toEqual([lines, undefined]);
  });

  it("§8.3.1: Host and :authority are compared as hosts are, in any case", () => {
    expect(ofRequest([...REQUEST, ["host", "HOST"]])).toBeUndefined();
  });

  it("§8.1, §8.3: trailers MUST NOT have them", () => {
    for (const line of REQUEST) expect(ofRequest(REQUEST, [line])).toBe(MALFORMED);
  });
});

describe("RFC 9113 §8.3.2 the pseudo-header field of a response", () => {
  const faults: readonly (readonly [rule: string, lines: Lines])[] = [
    ["§8.3.2: MUST be there", [["a", "b"]]],
    ["§8.3.2: MUST be there, in an empty section too", []],
    [
      "§8.3: MUST come before regular fields",
      [
        ["a", "b"],
        [":status", "200"],
      ],
    ],
    [
      "§8.3: MUST NOT come more than once",
      [
        [":status", "200"],
        [":status", "200"],
      ],
    ],
    [
      "§8.3: MUST NOT be those of a request",
      [
        [":status", "200"],
        [":path", "/"],
      ],
    ],
    ...["", "0", "20", "2000", "abc", "2 0", "-20", "099", "20x"].map(
      (status) => [`§8.3.2: "${status}" is no status`, [[":status", status]] as Lines] as const,
    ),
    ["§8.6: HTTP/2 has no 101", [[":status", "101"]]],
  ];
  for (const [rule, lines] of faults) {
    it(rule, () => expect(ofResponse(lines)).toBe(MALFORMED));
  }

  it("§8.1, §8.3: trailers MUST NOT have it", () => {
    expect(ofResponse(RESPONSE, [[":status", "200"]])).toBe(MALFORMED);
  });
});

describe("RFC 9113 §8.1 the course of a message, as a server", () => {
  it("§8.1: a second HEADERS without END_STREAM MUST be malformed", () => {
    const client = new RawClient().open().request(1, { endStream: false });
    client.request(1, { fields: fieldsOf([["a", "b"]]), endStream: false });
    expect(client.resetOf(1)).toBe(MALFORMED);
  });

  it("§8.1: nothing comes after trailers", () => {
    const client = new RawClient().open().request(1, { endStream: false });
    client.request(1, { fields: fieldsOf([["a", "b"]]) }).data(1, 1);
    expect(client.resetOf(1)).toBe(ErrorCode.streamClosed);
  });

  it("§8.1: an answer that is whole before its request asks for no more, without error", () => {
    const client = new RawClient().open().request(1, { endStream: false });
    client.connection.respond(1, OK, { endStream: false });
    client.connection.send(1, new Uint8Array(10));
    client.connection.end(1);
    expect(client.read().kinds).toEqual(["headers", "data", "data", "rst-stream"]);
    expect(client.resetOf(1)).toBe(ErrorCode.noError);
  });

  it("§8.1.1: content-length MUST equal the content, padding aside, over several frames", () => {
    const of = (length: string, ...frames: readonly number[]): number | undefined => {
      const client = new RawClient().open();
      const fields = [...GET, { name: "content-length", value: length }];
      client.request(1, { fields, endStream: frames.length === 0 });
      frames.forEach((bytes, i) => client.data(1, bytes, i === frames.length - 1));
      return client.resetOf(1);
    };
    expect([of("0"), of("5", 5), of("5", 2, 3), of("5", 0, 5, 0), of("0", 0)]).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
    expect([of("5"), of("5", 4), of("5", 6), of("5", 5, 1), of("0", 1)]).toEqual(
      Array.from({ length: 5 }, () => MALFORMED),
    );
    expect([of("5x", 5), of("-5"), of("+5", 5), of("5,5", 5), of("0x5", 5), of("1e1", 10)]).toEqual(
      Array.from({ length: 6 }, () => MALFORMED),
    );
  });

  it("§8.1.1: content-length MUST equal the content before trailers too", () => {
    const client = new RawClient().open();
    const fields = [...GET, { name: "content-length", value: "5" }];
    client.request(1, { fields, endStream: false }).data(1, 4);
    client.request(1, { fields: fieldsOf([["a", "b"]]) });
    expect(client.resetOf(1)).toBe(MALFORMED);
  });

  it("§8.7: a malformed request is not refused but in error: it must not be sent again", () => {
    expect(ofRequest([["a", "b"]])).not.toBe(ErrorCode.refusedStream);
  });
});

describe("RFC 9113 §8.1 the course of a message, as a client", () => {
  const answered = (...steps: readonly (readonly [Lines, boolean])[]): RawServer => {
    const server = new RawServer().open();
    const id = server.request();
    server.forget();
    for (const [lines, endStream] of steps) server.respond(id, fieldsOf(lines), { endStream });
    return server;
  };

  it("§8.1: interim responses, any number, come before the final one and are not it", () => {
    const server = answered(
      [[[":status", "100"]], false],
      [
        [
          [":status", "103"],
          ["link", "</a>"],
        ],
        false,
      ],
      [RESPONSE, true],
    );
    expect(server.events).toMatchObject([{ kind: "response", endStream: true }]);
    expect(server.kinds).toEqual([]);
  });

  it("§8.1: an interim response MUST NOT end the stream", () => {
    expect(answered([[[":status", "100"]], true]).frames).toMatchObject([
      { kind: "rst-stream", errorCode: MALFORMED },
    ]);
  });

  it("§8.1: a second HEADERS without END_STREAM after a final one MUST be malformed", () => {
    for (const lines of [RESPONSE, [["a", "b"]], [[":status", "100"]]] as readonly Lines[]) {
      const server = answered([RESPONSE, false], [lines, false]);
      expect(server.frames).toMatchObject([{ kind: "rst-stream", errorCode: MALFORMED }]);
      expect(server.eventKinds).toEqual(["response", "reset"]);
    }
  });

  it("§8.1: content before the final HEADERS MUST be malformed", () => {
    for (const server of [answered(), answered([[[":status", "100"]], false])]) {
      server.send(data(1, 1));
      expect(server.frames).toMatchObject([{ kind: "rst-stream", errorCode: MALFORMED }]);
    }
  });

  it("§8.1: MUST NOT drop an answer whose request was cut short with NO_ERROR", () => {
    const server = new RawServer().open();
    const id = server.request({ endStream: false });
    server.forget().respond(id, OK, { endStream: true });
    server.send(Uint8Array.of(0, 0, 4, 3, 0, 0, 0, 0, id, 0, 0, 0, 0));
    expect(server.events).toMatchObject([{ kind: "response", streamId: id, endStream: true }]);
    expect(server.connection.isClosed).toBe(false);
  });

  it("§8.1.1: content-length MUST equal the content", () => {
    const of = (length: string, ...frames: readonly number[]): number | undefined => {
      const server = new RawServer().open();
      const id = server.request();
      const fields = [...OK, { name: "content-length", value: length }];
      server.forget().respond(id, fields, { endStream: frames.length === 0 });
      frames.forEach((n, i) => server.send(data(id, n, i === frames.length - 1 ? 1 : 0)));
      const reset = server.frames.find(({ kind }) => kind === "rst-stream");
      return reset?.kind === "rst-stream" ? reset.errorCode : undefined;
    };
    expect([of("0"), of("5", 5), of("5", 2, 3), of("5", 0, 5, 0)]).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
    expect([of("5"), of("5", 4), of("5", 6), of("x", 1)]).toEqual(
      Array.from({ length: 4 }, () => MALFORMED),
    );
  });
});
