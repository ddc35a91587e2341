import { fromHex } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { ConnectionError, ErrorCode } from "./error-code.js";
import { Flag, type Frame, FrameType } from "./frame.js";
import { parseFrame } from "./parse-frame.js";

type TypeName = keyof typeof FrameType;

interface Given {
  readonly type: TypeName;
  readonly flags?: number;
  readonly streamId?: number;
  readonly payload?: string;
}

function parse({ type, flags = 0, streamId = 1, payload = "" }: Given): Frame {
  const bytes = fromHex(payload.replaceAll(" ", "")) ?? new Uint8Array();
  return parseFrame({ type: FrameType[type], flags, streamId }, bytes);
}

/** The code of the connection error that the frame causes. */
function fault(given: Given): number | undefined {
  try {
    parse(given);
    return undefined;
  } catch (error) {
    if (error instanceof ConnectionError) return error.code;
    throw error;
  }
}

describe("parseFrame()", () => {
  it("§6.1: DATA with padding counts it for flow control and takes it off", () => {
    const frame = parse({
      type: "data",
      flags: Flag.padded | Flag.endStream,
      payload: "02 aabb 0000",
    });
    expect(frame).toEqual({
      kind: "data",
      streamId: 1,
      data: Uint8Array.of(0xaa, 0xbb),
      flowBytes: 5,
      endStream: true,
    });
  });

  it("§6.1: DATA on stream 0 MUST be answered with PROTOCOL_ERROR", () => {
    expect(fault({ type: "data", streamId: 0 })).toBe(ErrorCode.protocolError);
  });

  it("§6.1, §6.2: padding as long as the payload MUST be a PROTOCOL_ERROR", () => {
    for (const type of ["data", "headers"] as const) {
      expect(fault({ type, flags: Flag.padded, payload: "02 aabb" })).toBe(undefined);
      expect(fault({ type, flags: Flag.padded, payload: "03 aabb" })).toBe(ErrorCode.protocolError);
      expect(fault({ type, flags: Flag.padded, payload: "04 aabb" })).toBe(ErrorCode.protocolError);
      expect(fault({ type, flags: Flag.padded })).toBe(ErrorCode.frameSizeError);
    }
  });

  it("§6.2: HEADERS loses its padding and its deprecated priority", () => {
    const flags = Flag.padded | Flag.priority | Flag.endHeaders;
    const frame = parse({ type: "headers", flags, payload: "01 00000003 10 82 00" });
    expect(frame).toEqual({
      kind: "headers",
      streamId: 1,
      fragment: Uint8Array.of(0x82),
      endStream: false,
      endHeaders: true,
    });
    const unpadded = { type: "headers", flags: Flag.priority, payload: "00000003 10 82" } as const;
    expect(parse(unpadded)).toMatchObject({ fragment: Uint8Array.of(0x82) });
  });

  it("§6.2: HEADERS on stream 0 MUST be answered with PROTOCOL_ERROR", () => {
    expect(fault({ type: "headers", streamId: 0 })).toBe(ErrorCode.protocolError);
  });

  it("§4.2: HEADERS too small for its priority MUST be a FRAME_SIZE_ERROR", () => {
    const flags = Flag.priority;
    expect(fault({ type: "headers", flags, payload: "00000003" })).toBe(ErrorCode.frameSizeError);
    expect(fault({ type: "headers", flags: flags | Flag.padded, payload: "00 00000003" })).toBe(
      ErrorCode.frameSizeError,
    );
  });

  it("§6.3: PRIORITY on stream 0 MUST be a PROTOCOL_ERROR; of another size, a stream error", () => {
    expect(fault({ type: "priority", streamId: 0 })).toBe(ErrorCode.protocolError);
    expect(parse({ type: "priority", payload: "00000000 00" }).kind).toBe("priority");
    expect(parse({ type: "priority", payload: "00000000" })).toMatchObject({
      kind: "stream-error",
      streamId: 1,
      errorCode: ErrorCode.frameSizeError,
    });
  });

  it("§6.4: RST_STREAM on stream 0 or of another size MUST be a connection error", () => {
    expect(fault({ type: "rstStream", streamId: 0, payload: "00000008" })).toBe(
      ErrorCode.protocolError,
    );
    expect(fault({ type: "rstStream", payload: "000008" })).toBe(ErrorCode.frameSizeError);
    expect(parse({ type: "rstStream", payload: "fffffff0" })).toMatchObject({
      errorCode: 0xfffffff0,
    });
  });

  it("§6.5: SETTINGS on a stream, of an odd size, or an ACK with payload MUST be refused", () => {
    expect(fault({ type: "settings" })).toBe(ErrorCode.protocolError);
    expect(fault({ type: "settings", streamId: 0, payload: "0001 0000" })).toBe(
      ErrorCode.frameSizeError,
    );
    const ack = { type: "settings", flags: Flag.ack, streamId: 0 } as const;
    expect(fault({ ...ack, payload: "0001 00000000" })).toBe(ErrorCode.frameSizeError);
    expect(parse(ack)).toEqual({ kind: "settings-ack" });
  });

  it("§6.5.2: values out of range MUST be refused, unknown settings kept for no one", () => {
    const value = (payload: string): number | undefined =>
      fault({ type: "settings", streamId: 0, payload });
    expect(value("0002 00000002")).toBe(ErrorCode.protocolError);
    expect(value("0004 80000000")).toBe(ErrorCode.flowControlError);
    expect(value("0005 00003fff")).toBe(ErrorCode.protocolError);
    expect(value("0005 01000000")).toBe(ErrorCode.protocolError);
    const all = "0002 00000001 0004 7fffffff 0005 00ffffff 00ff ffffffff";
    expect(parse({ type: "settings", streamId: 0, payload: all })).toEqual({
      kind: "settings",
      settings: [
        { id: 2, value: 1 },
        { id: 4, value: 0x7fffffff },
        { id: 5, value: 0xffffff },
        { id: 255, value: 0xffffffff },
      ],
    });
  });

  it("§8.4: PUSH_PROMISE MUST be a PROTOCOL_ERROR", () => {
    expect(fault({ type: "pushPromise", payload: "00000002" })).toBe(ErrorCode.protocolError);
  });

  it("§6.7: PING on a stream or of another size than 8 MUST be a connection error", () => {
    const payload = "0011223344556677";
    expect(fault({ type: "ping", payload })).toBe(ErrorCode.protocolError);
    expect(fault({ type: "ping", streamId: 0, payload: "00" })).toBe(ErrorCode.frameSizeError);
    expect(parse({ type: "ping", streamId: 0, payload })).toMatchObject({ isAck: false });
  });

  it("§6.8: GOAWAY on a stream MUST be a PROTOCOL_ERROR; a short one, a FRAME_SIZE_ERROR", () => {
    expect(fault({ type: "goaway", payload: "00000000 00000000" })).toBe(ErrorCode.protocolError);
    expect(fault({ type: "goaway", streamId: 0, payload: "00000000" })).toBe(
      ErrorCode.frameSizeError,
    );
    expect(parse({ type: "goaway", streamId: 0, payload: "80000005 00000002 6869" })).toEqual({
      kind: "goaway",
      lastStreamId: 5,
      errorCode: 2,
    });
  });

  it("§6.9: WINDOW_UPDATE of another size than 4 MUST be a FRAME_SIZE_ERROR", () => {
    expect(fault({ type: "windowUpdate", payload: "000001" })).toBe(ErrorCode.frameSizeError);
  });

  it("§6.9: an increment of 0 MUST be an error, of the stream or of the connection", () => {
    expect(parse({ type: "windowUpdate", payload: "80000000" })).toMatchObject({
      kind: "stream-error",
      errorCode: ErrorCode.protocolError,
    });
    expect(fault({ type: "windowUpdate", streamId: 0, payload: "00000000" })).toBe(
      ErrorCode.protocolError,
    );
  });

  it("§6.10: CONTINUATION on stream 0 MUST be a PROTOCOL_ERROR", () => {
    expect(fault({ type: "continuation", streamId: 0 })).toBe(ErrorCode.protocolError);
  });

  it("§4.1, §5.5: frames of unknown types MUST be ignored", () => {
    expect(parseFrame({ type: 0xfa, flags: 0xff, streamId: 3 }, new Uint8Array(3))).toEqual({
      kind: "unknown",
      type: 0xfa,
    });
  });
});
