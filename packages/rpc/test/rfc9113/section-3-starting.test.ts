/** RFC 9113 §3: how a connection begins. */
import { concatBytes, encodeUtf8 } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { ErrorCode } from "../../src/http2/frames/error-code.js";
import { CLIENT_PREFACE, DEFAULT_FRAME_BYTES, SettingId } from "../../src/http2/frames/frame.js";
import { GET, RawClient } from "../../src/http2/testing/raw-client.js";
import {
  data,
  END_HEADERS,
  END_STREAM,
  goaway,
  headers,
  ping,
  priority,
  REQUEST_BLOCK,
  rstStream,
  settings,
  SETTINGS_ACK,
  unknown,
  windowUpdate,
} from "../support/frame-bytes.js";

const PREFACE = encodeUtf8(CLIENT_PREFACE);

describe("RFC 9113 §3.4 connection preface, as a server", () => {
  it("§3.4: SETTINGS MUST be the first frame sent, whatever came before it", () => {
    for (const first of [PREFACE, encodeUtf8("GET / HTTP/1.1\r\n\r\n"), new Uint8Array(100)]) {
      expect(new RawClient().raw(first).kinds[0]).toBe("settings");
    }
  });

  it("§3.4: the client's SETTINGS MUST be acknowledged after our own were sent", () => {
    const client = new RawClient().raw(concatBytes([PREFACE, settings()]));
    expect(client.kinds).toEqual(["settings", "window-update", "settings-ack"]);
  });

  it("§3.4: requests may follow the preface at once, before any SETTINGS of ours were seen", () => {
    const request = headers(1, REQUEST_BLOCK, END_HEADERS | END_STREAM);
    const client = new RawClient().raw(concatBytes([PREFACE, settings(), request]));
    expect(client.eventKinds).toEqual(["request"]);
  });

  it("§3.4: an invalid preface MUST be a PROTOCOL_ERROR, wherever it goes wrong", () => {
    for (let i = 0; i < PREFACE.length; i++) {
      const wrong = PREFACE.slice();
      wrong[i] = (wrong[i] ?? 0) ^ 0x20;
      const client = new RawClient().raw(wrong.subarray(0, i + 1));
      expect(client.goaway).toBe(ErrorCode.protocolError);
      expect(client.raw(PREFACE).eventKinds).toEqual(["closed"]);
    }
  });

  it("§3.4: MUST be followed by SETTINGS: any other frame is a PROTOCOL_ERROR", () => {
    const others = [
      SETTINGS_ACK,
      ping(),
      windowUpdate(0, 1),
      priority(1),
      goaway(0),
      unknown(0),
      data(1),
      rstStream(1),
      headers(1, REQUEST_BLOCK),
    ];
    for (const other of others) {
      const client = new RawClient().raw(concatBytes([PREFACE, other, settings()]));
      expect(client.goaway).toBe(ErrorCode.protocolError);
    }
  });

  it("§3.4: the preface comes once: again, it is no frame", () => {
    const client = new RawClient().open().raw(PREFACE);
    expect(client.goaway).toBe(ErrorCode.frameSizeError);
  });

  it("§6.5.3, §6.9.2: the client's first SETTINGS hold for its first request", () => {
    const client = new RawClient();
    client.raw(concatBytes([PREFACE, settings([SettingId.initialWindowSize, 3])]));
    client.request(1, { fields: GET }).forget();
    client.connection.respond(1, [{ name: ":status", value: "200" }], { endStream: false });
    client.connection.send(1, new Uint8Array(10));
    expect(client.read().frames.at(-1)).toMatchObject({ kind: "data", flowBytes: 3 });
  });

  it("§6.9.2: until it has seen ours, a client may send 65,535 bytes on a stream", () => {
    const client = new RawClient({ streamWindow: 1_000 });
    client.raw(concatBytes([PREFACE, settings()])).request(1, { endStream: false });
    for (let left = 65_535; left > 0; left -= DEFAULT_FRAME_BYTES) {
      client.data(1, Math.min(left, DEFAULT_FRAME_BYTES));
    }
    expect([client.goaway, client.resetOf(1)]).toEqual([undefined, undefined]);
  });

  it("§6.9.2: a stream that began before our SETTINGS were seen is given back what it consumed", () => {
    const client = new RawClient({ streamWindow: 1_000 });
    client.raw(concatBytes([PREFACE, settings()])).request(1, { endStream: false });
    client.raw(SETTINGS_ACK).forget();
    // The client has cut its window to 1,000 by now, and has used it up.
    client.data(1, 1_000);
    client.connection.consume(1, 1_000);
    expect(client.read().frames).toContainEqual({
      kind: "window-update",
      streamId: 1,
      increment: 1_000,
    });
  });
});
