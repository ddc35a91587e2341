/** RFC 9113 §5.4.1, §6.8: what becomes of the socket under a server's connection. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { concatBytes, encodeUtf8 } from "@sagong/base";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHttp2Server } from "../../src/http2/server.js";
import type { RpcServer } from "../../src/server.js";
import { Cutter } from "../support/auditor.js";
import { data, ping, settings, SETTINGS_ACK, Type } from "../support/frame-bytes.js";

const PREFACE = encodeUtf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

describe("a server's socket", () => {
  let server: RpcServer;
  let port: number;
  beforeAll(async () => {
    server = createHttp2Server({ services: [] });
    port = (await server.listen({ host: "127.0.0.1", port: 0 })).port;
  });
  afterAll(() => server.close(0));

  /** Types of all frames that came until the server closed. */
  const framesOf = async (socket: Socket): Promise<{ type: number; payload: Uint8Array }[]> => {
    const cutter = new Cutter();
    const frames: { type: number; payload: Uint8Array }[] = [];
    socket.on("data", (bytes: Buffer) => {
      frames.push(...cutter.cut(bytes).map(({ frame }) => frame));
    });
    await once(socket, "close");
    return frames;
  };
  const opened = (): Socket => {
    const socket = connect(port, "127.0.0.1");
    socket.write(concatBytes([PREFACE, settings(), SETTINGS_ACK]));
    return socket;
  };

  it("closes the connection after GOAWAY with an error, and what came before is answered", async () => {
    const socket = opened();
    socket.write(concatBytes([ping(), data(0), ping()]));
    const types = (await framesOf(socket)).map(({ type }) => type);
    expect(types.at(-1)).toBe(Type.goaway);
    expect(types.filter((type) => type === Type.ping)).toHaveLength(1);
  });

  it("closes though the client goes on sending", async () => {
    const socket = opened();
    socket.on("error", () => {}); // Writing to what was closed is what is tested.
    socket.write(data(0));
    const frames = framesOf(socket);
    const more = setInterval(() => socket.write(new Uint8Array(10_000)), 1);
    expect((await frames).at(-1)?.type).toBe(Type.goaway);
    clearInterval(more);
  });

  it("says GOAWAY before it closes by itself, without an error", async () => {
    const own = createHttp2Server({ services: [] });
    const { port: ownPort } = await own.listen({ host: "127.0.0.1", port: 0 });
    const socket = connect(ownPort, "127.0.0.1");
    socket.write(concatBytes([PREFACE, settings(), SETTINGS_ACK, ping()]));
    const frames = framesOf(socket);
    await once(socket, "data");
    await own.close(100);
    const goaways = (await frames).filter(({ type }) => type === Type.goaway);
    expect(goaways.map(({ payload }) => [...payload.subarray(4, 8)])).toContainEqual([0, 0, 0, 0]);
  });
});
