/**
 * The endpoint under test, in either role, as the one who talks to it sees it: bytes in, frames and
 * events out, and streams brought into any state. Rules that hold for both roles are tested through
 * this, once.
 */
import { concatBytes } from "@sagong/base";
import { ErrorCode } from "../../src/http2/frames/error-code.js";
import type { Frame } from "../../src/http2/frames/frame.js";
import { OK, RawClient } from "../../src/http2/testing/raw-client.js";
import {
  END_HEADERS,
  END_STREAM,
  headers,
  REQUEST_BLOCK,
  RESPONSE_BLOCK,
  rstStream,
} from "./frame-bytes.js";
import { RawServer } from "./raw-server.js";

export type Role = "server" | "client";

/** As our endpoint sees it. */
export type StreamState =
  | "open"
  | "half-closed (remote)"
  | "half-closed (local)"
  | "closed by END_STREAM"
  | "closed by its RST_STREAM"
  | "closed by our RST_STREAM";

export interface Talk {
  readonly role: Role;
  /** What came from the endpoint since the last `forget`. */
  readonly frames: readonly Frame[];
  readonly eventKinds: readonly string[];
  readonly isClosed: boolean;
  /** A block that the endpoint's peer may open a stream, or an answer, with. */
  readonly block: readonly number[];
  /** The state where the peer may send content and trailers and nothing else follows from that. */
  readonly receiving: StreamState;
  /** The peer's frames to the endpoint. */
  send(...frames: readonly Uint8Array[]): Talk;
  /** The next of its streams, in that state; what came until then is forgotten. */
  stream(state: StreamState): number;
  forget(): Talk;
}

export interface Subject {
  /** Its role, for the names of tests. */
  readonly toString: () => string;
  readonly role: Role;
  /** After both prefaces and their acknowledgements. */
  connect(): Talk;
  /** Which of the states it can be in at all. */
  readonly states: readonly StreamState[];
}

const CODE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ErrorCode).map(([name, code]) => [
    code,
    name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
  ]),
);

/** What the endpoint made of it: "none", "stream 1: CODE" or "connection: CODE". */
export function verdict(talk: Talk): string {
  const goaway = talk.frames.findLast(({ kind }) => kind === "goaway");
  if (goaway?.kind === "goaway") {
    if (!talk.isClosed || talk.eventKinds.at(-1) !== "closed") return "GOAWAY, but not closed";
    return `connection: ${CODE_NAMES.get(goaway.errorCode)}`;
  }
  const resets = talk.frames.flatMap((frame) => (frame.kind === "rst-stream" ? [frame] : []));
  const [reset] = resets;
  if (resets.length > 1) return `${resets.length} RST_STREAM`;
  if (reset !== undefined) return `stream ${reset.streamId}: ${CODE_NAMES.get(reset.errorCode)}`;
  return talk.isClosed ? "closed, without GOAWAY" : "none";
}

class ServerTalk implements Talk {
  readonly role = "server";
  readonly block: readonly number[] = REQUEST_BLOCK;
  readonly receiving: StreamState = "open";
  readonly client: RawClient;
  #nextStreamId = 1;

  constructor(client: RawClient) {
    this.client = client;
  }

  get frames(): readonly Frame[] {
    return this.client.frames;
  }

  get eventKinds(): readonly string[] {
    return this.client.eventKinds;
  }

  get isClosed(): boolean {
    return this.client.connection.isClosed;
  }

  send(...frames: readonly Uint8Array[]): this {
    this.client.raw(concatBytes(frames));
    return this;
  }

  stream(state: StreamState): number {
    const id = this.#nextStreamId;
    this.#nextStreamId += 2;
    const isOpen = state === "open" || state.startsWith("closed by our");
    this.send(headers(id, REQUEST_BLOCK, END_HEADERS | (isOpen ? 0 : END_STREAM)));
    if (state === "closed by END_STREAM")
      this.client.connection.respond(id, OK, { endStream: true });
    if (state === "closed by its RST_STREAM") this.send(rstStream(id));
    if (state === "closed by our RST_STREAM") this.client.connection.reset(id, ErrorCode.cancel);
    this.client.read();
    this.forget();
    return id;
  }

  forget(): this {
    this.client.forget();
    return this;
  }
}

class ClientTalk implements Talk {
  readonly role = "client";
  readonly block: readonly number[] = RESPONSE_BLOCK;
  // An answer that ends before its request makes a client reset the stream.
  readonly receiving: StreamState = "half-closed (local)";
  readonly server: RawServer;

  constructor(server: RawServer) {
    this.server = server;
  }

  get frames(): readonly Frame[] {
    return this.server.frames;
  }

  get eventKinds(): readonly string[] {
    return this.server.eventKinds;
  }

  get isClosed(): boolean {
    return this.server.connection.isClosed;
  }

  send(...frames: readonly Uint8Array[]): this {
    this.server.send(...frames);
    return this;
  }

  /** The answer's head has come. */
  stream(state: StreamState): number {
    const isOpen = state === "open" || state.startsWith("closed by our");
    const id = this.server.request({ endStream: !isOpen });
    const isWhole = state === "closed by END_STREAM";
    this.send(headers(id, RESPONSE_BLOCK, END_HEADERS | (isWhole ? END_STREAM : 0)));
    if (state === "closed by its RST_STREAM") this.send(rstStream(id));
    if (state === "closed by our RST_STREAM") this.server.connection.reset(id, ErrorCode.cancel);
    this.server.read();
    this.forget();
    return id;
  }

  forget(): this {
    this.server.forget();
    return this;
  }
}

export const SERVER: Subject = {
  role: "server",
  toString: () => "server",
  connect: () => new ServerTalk(new RawClient().open()),
  // A server's answer that ends before its request resets the stream: it is never half-closed here.
  states: [
    "open",
    "half-closed (remote)",
    "closed by END_STREAM",
    "closed by its RST_STREAM",
    "closed by our RST_STREAM",
  ],
};

export const CLIENT: Subject = {
  role: "client",
  toString: () => "client",
  connect: () => new ClientTalk(new RawServer().open()),
  // An answer that ends before its request resets the stream: it is never half-closed there.
  states: [
    "open",
    "half-closed (local)",
    "closed by END_STREAM",
    "closed by its RST_STREAM",
    "closed by our RST_STREAM",
  ],
};

export const SUBJECTS: readonly Subject[] = [SERVER, CLIENT];
