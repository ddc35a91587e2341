/**
 * A `ClientConnection` and a `ServerConnection` talk through pipes that keep order and nothing
 * else: calls of any size both ways, windows and frames of any size, resets at any time, by seed.
 *
 * Every byte of every call that is not reset arrives, in order; both sides keep every rule
 * (`Auditor`); in the end no stream is left, and no window has lost anything.
 */
import { VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { ClientConnection } from "../../src/http2/connection/client-connection.js";
import { type ConnectionLimits, DEFAULT_LIMITS } from "../../src/http2/connection/limits.js";
import { ServerConnection } from "../../src/http2/connection/server-connection.js";
import { DEFAULT_WINDOW } from "../../src/http2/frames/frame.js";
import { GET, OK } from "../../src/http2/testing/raw-client.js";
import { Auditor, Cutter } from "../support/auditor.js";
import { type Dice, forSeeds } from "../support/dice.js";

const CALLS = 30;
const TRAILERS = [{ name: "done", value: "yes" }];
/** Rounds without any progress until a run counts as stuck. */
const IDLE_ROUNDS_MAX = 2_000;

/** One direction of one call: what its sender still has to say, and what its receiver has heard. */
interface Direction {
  readonly total: number;
  sent: number;
  received: number;
  hasEnded: boolean;
  isHeld: boolean;
  /** Came and was not given back yet. */
  unconsumed: number;
}

interface Call {
  readonly id: number;
  readonly request: Direction;
  readonly response: Direction;
  hasHead: boolean;
  isReset: boolean;
}

class Side {
  readonly connection: ClientConnection | ServerConnection;
  readonly auditor: Auditor;
  readonly connectionWindow: number;
  readonly #cutter = new Cutter();
  /** On its way to the other side, and how much of it may be. */
  readonly #pipe: Uint8Array[] = [];
  #pipeBytes = 0;
  readonly #pipeBytesMax: number;
  #prefaceLeft: number;

  constructor(
    connection: ClientConnection | ServerConnection,
    { limits, pipeBytesMax }: { readonly limits: ConnectionLimits; readonly pipeBytesMax: number },
  ) {
    this.connection = connection;
    this.connectionWindow = limits.connectionWindow;
    this.#pipeBytesMax = pipeBytesMax;
    const role = connection instanceof ClientConnection ? "client" : "server";
    this.auditor = new Auditor(role, { isInStep: false, connectionWindow: this.connectionWindow });
    this.#prefaceLeft = role === "server" ? 24 : 0;
  }

  /** Hands what is to be sent to the pipe. */
  write(): boolean {
    if (this.#pipeBytes >= this.#pipeBytesMax) return false;
    const parts = this.connection.takeOutput();
    for (const part of parts) {
      this.auditor.output(part);
      this.#pipe.push(part.slice());
      this.#pipeBytes += part.length;
    }
    return parts.length > 0;
  }

  /** Takes some bytes of the other side's pipe. */
  read(dice: Dice, from: Side): boolean {
    // A server that is behind takes nothing more; were a client so too, both might wait for ever.
    const takes = this.connection instanceof ClientConnection || this.connection.wantsInput;
    const bytes = takes ? from.#some(dice) : undefined;
    if (bytes === undefined) return false;
    const framed = bytes.subarray(Math.min(this.#prefaceLeft, bytes.length));
    this.#prefaceLeft -= bytes.length - framed.length;
    for (const { frame } of this.#cutter.cut(framed)) this.auditor.input(frame);
    this.connection.receive(bytes);
    return true;
  }

  /** Some of what is on its way. */
  #some(dice: Dice): Uint8Array | undefined {
    const [first] = this.#pipe;
    if (first === undefined) return undefined;
    const bytes = dice.oneIn(2) ? first : first.subarray(0, dice.below(first.length) + 1);
    if (bytes.length === first.length) this.#pipe.shift();
    else this.#pipe[0] = first.subarray(bytes.length);
    this.#pipeBytes -= bytes.length;
    return bytes;
  }
}

class Conversation {
  readonly dice: Dice;
  readonly client: ClientConnection;
  readonly server: ServerConnection;
  readonly sides: readonly [Side, Side];
  readonly calls = new Map<number, Call>();
  #toOpen = CALLS;

  constructor(dice: Dice) {
    this.dice = dice;
    const clock = new VirtualClock();
    const [ours, theirs] = [limitsOf(dice), limitsOf(dice)];
    this.client = new ClientConnection(ours, { clock });
    this.server = new ServerConnection(theirs, { clock });
    const pipeBytesMax = dice.pick([1, 10_000, Number.POSITIVE_INFINITY]);
    this.sides = [
      new Side(this.client, { limits: ours, pipeBytesMax }),
      new Side(this.server, { limits: theirs, pipeBytesMax }),
    ];
  }

  run(): void {
    let idleRounds = 0;
    while (this.#toOpen > 0 || this.#isBusy) {
      idleRounds = this.#round() ? 0 : idleRounds + 1;
      if (idleRounds > IDLE_ROUNDS_MAX) throw new Error(`stuck: ${this.#describe()}`);
    }
  }

  get #isBusy(): boolean {
    return this.client.openStreams > 0 || this.server.openStreams > 0;
  }

  #round(): boolean {
    const [client, server] = this.sides;
    let isProgress = false;
    if (this.#toOpen > 0 && this.client.canOpen && !this.dice.oneIn(4)) isProgress = this.#open();
    for (const call of this.calls.values()) isProgress = this.#speak(call) || isProgress;
    if (!this.dice.oneIn(3)) isProgress = client.write() || isProgress;
    if (!this.dice.oneIn(3)) isProgress = server.write() || isProgress;
    this.#listen();
    if (!this.dice.oneIn(3)) isProgress = server.read(this.dice, client) || isProgress;
    if (!this.dice.oneIn(3)) isProgress = client.read(this.dice, server) || isProgress;
    this.#listen();
    return isProgress;
  }

  #open(): boolean {
    this.#toOpen--;
    const { dice } = this;
    const request = direction(dice.oneIn(3) ? 0 : dice.size(100_000));
    const id = this.client.request(GET, { endStream: request.total === 0 });
    request.hasEnded = request.total === 0;
    const response = direction(dice.oneIn(5) ? 0 : dice.size(150_000));
    this.calls.set(id, { id, request, response, hasHead: false, isReset: false });
    return true;
  }

  /** Both sides of a call send, consume and reset a little. */
  #speak(call: Call): boolean {
    if (call.isReset) return false;
    const { dice, client, server } = this;
    let isProgress = this.#consume(server, call, call.request);
    isProgress = this.#consume(client, call, call.response) || isProgress;
    isProgress = this.#send(client, call, call.request) || isProgress;
    if (call.hasHead) isProgress = this.#send(server, call, call.response) || isProgress;
    const either = dice.pick([client, server]);
    if (dice.oneIn(600) && either.isOpen(call.id)) {
      call.isReset = true;
      either.reset(call.id, 8);
    }
    return isProgress;
  }

  #send(from: ClientConnection | ServerConnection, call: Call, way: Direction): boolean {
    if (way.hasEnded || way.isHeld || !from.isOpen(call.id) || this.dice.oneIn(3)) return false;
    if (way.sent < way.total) {
      const bytes = Math.min(way.total - way.sent, this.dice.size(30_000) + 1);
      way.isHeld = !from.send(call.id, pattern(call.id, way.sent, bytes));
      way.sent += bytes;
      return true;
    }
    way.hasEnded = true;
    if (from instanceof ServerConnection && this.dice.oneIn(2)) {
      from.endWithTrailers(call.id, TRAILERS, { isShared: true });
    } else {
      from.end(call.id);
    }
    return true;
  }

  #consume(by: ClientConnection | ServerConnection, call: Call, way: Direction): boolean {
    if (way.unconsumed === 0 || this.dice.oneIn(2)) return false;
    const bytes = this.dice.oneIn(2) ? way.unconsumed : this.dice.below(way.unconsumed) + 1;
    way.unconsumed -= bytes;
    if (by.isOpen(call.id)) by.consume(call.id, bytes);
    return true;
  }

  /** What both connections tell. */
  #listen(): void {
    for (const event of this.server.takeEvents()) {
      if (event.kind === "closed") throw new Error(`The server closed: ${event.message}`);
      if (event.kind === "pong") continue;
      const call = this.#call(event.streamId);
      if (event.kind === "request" && this.server.isOpen(call.id)) {
        call.hasHead = true;
        this.server.respond(call.id, OK, { endStream: false, isShared: true });
      }
      if (event.kind === "reset") call.isReset = true;
      if (event.kind === "writable") call.response.isHeld = false;
      if (event.kind === "data") hear(call, call.request, event.data);
      const isEnd = (event.kind === "data" && event.endStream) || event.kind === "trailers";
      if (isEnd) requireWhole(call.request);
    }
    for (const event of this.client.takeEvents()) {
      if (event.kind === "closed") throw new Error(`The client closed: ${event.message}`);
      if (!("streamId" in event)) continue;
      const call = this.#call(event.streamId);
      // Beyond a limit that the client did not know yet (§5.1.2).
      if (event.kind === "unprocessed") call.isReset = true;
      if (event.kind === "reset" && !call.isReset) throw new Error(`${call.id} was reset`);
      if (event.kind === "writable") call.request.isHeld = false;
      if (event.kind === "data") hear(call, call.response, event.data);
      const isEnd = (event.kind === "data" && event.endStream) || event.kind === "trailers";
      if (isEnd) requireWhole(call.response);
    }
  }

  #call(id: number): Call {
    const call = this.calls.get(id);
    if (call === undefined) throw new Error(`An event of the stream ${id}, which was never opened`);
    return call;
  }

  #describe(): string {
    const open = [...this.calls.values()].filter(
      ({ id }) => this.client.isOpen(id) || this.server.isOpen(id),
    );
    return JSON.stringify(open.slice(0, 3));
  }
}

function limitsOf(dice: Dice): ConnectionLimits {
  return {
    ...DEFAULT_LIMITS,
    streamsMax: dice.pick([1, 3, 100]),
    streamWindow: dice.pick([1, 100, 5_000, 65_535, 1_000_000]),
    connectionWindow: dice.pick([DEFAULT_WINDOW, 100_000, 1_000_000]),
    outputBytesMax: dice.pick([1, 1_000, 100_000]),
    queuedBytesMax: dice.pick([1, 1_000, 100_000]),
    // Windows of one byte need an update for each: this is about windows, not about floods.
    idleFrames: { burst: 1_000_000, perSecond: 0, perWork: 4 },
  };
}

function direction(total: number): Direction {
  return { total, sent: 0, received: 0, hasEnded: false, isHeld: false, unconsumed: 0 };
}

/** Bytes that say whose they are and where they belong. */
function pattern(id: number, offset: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (id * 31 + offset + i) & 0xff);
}

function hear(call: Call, way: Direction, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) {
    const expected = (call.id * 31 + way.received + i) & 0xff;
    if (bytes[i] !== expected) throw new Error(`Byte ${way.received + i} of ${call.id} is wrong`);
  }
  way.received += bytes.length;
  way.unconsumed += bytes.length;
}

function requireWhole({ received, total }: Direction): void {
  if (received !== total) throw new Error(`${received} bytes came of ${total}`);
}

describe("a client and a server", () => {
  it("lose nothing, leak nothing and break no rule, whatever their windows", () => {
    let [whole, reset] = [0, 0];
    forSeeds(10, (dice) => {
      const conversation = new Conversation(dice);
      conversation.run();
      for (const { isReset, response } of conversation.calls.values()) {
        if (!isReset) requireWhole(response);
        whole += isReset ? 0 : 1;
        reset += isReset ? 1 : 0;
      }
      expect([conversation.client.openStreams, conversation.server.openStreams]).toEqual([0, 0]);
      for (const { connection, auditor, connectionWindow } of conversation.sides) {
        while (connection.hasOutput)
          for (const part of connection.takeOutput()) auditor.output(part);
        // Increments are saved up to half of a window (§6.9.1): no more than that is missing.
        expect(auditor.receivedBytes - auditor.grantedBytes).toBeLessThanOrEqual(
          connectionWindow / 2,
        );
      }
    });
    expect(Math.min(whole, reset)).toBeGreaterThan(0);
  });
});
