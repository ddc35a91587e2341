import { encodeUtf8 } from "@sagong/base";
import { KvService, PutRequest } from "@sagong/kv/testing";
import { implement, Outbox, type Channel } from "@sagong/rpc";
import { WatchService, WatchCreateRequest, type WatchResponse } from "@sagong/kv/testing";
import { describe, expect, it } from "vitest";
import { ProcessGate } from "../member/process-gate.js";
import { SimulatedWorld } from "../world/simulated-world.js";
import { Network } from "./network.js";

const REQUEST = PutRequest.create({ key: encodeUtf8("a") });
const CREATE = WatchCreateRequest.create({ key: encodeUtf8("a") });

/** A server that counts what it is asked, and a stream that is as long as its client wants. */
class Ground {
  readonly world: SimulatedWorld = new SimulatedWorld(1);
  readonly network: Network = new Network(this.world);
  readonly gate: ProcessGate = new ProcessGate(this.world);
  readonly channel: Channel;
  readonly streams: Outbox<WatchResponse>[] = [];
  puts = 0;

  constructor() {
    const services = [
      implement(KvService, {
        put: () => {
          this.puts++;
          return { header: undefined, prevKv: undefined };
        },
      }),
      implement(WatchService, {
        watch: () => {
          const outbox = new Outbox<WatchResponse>();
          this.streams.push(outbox);
          return outbox;
        },
      }),
    ];
    this.network.enter("server", this.gate).listen("client", services);
    const { clock } = this.world;
    this.channel = this.network.channel({ client: "c", server: "server", port: "client", clock });
  }

  put(timeoutMs = 60_000): Promise<unknown> {
    const call = this.channel.unary(KvService.methods.put, REQUEST, { timeoutMs });
    call.catch(() => {});
    return call;
  }

  /** Settles when the stream is over. */
  watch(): Promise<void> {
    const { responses } = this.channel.duplex(WatchService.methods.watch);
    const over = (async () => {
      for await (const _response of responses);
    })();
    over.catch(() => {});
    return over;
  }

  run(ms: number): Promise<void> {
    return this.world.runUntil(this.world.nowMs + ms);
  }
}

describe("Network", () => {
  it("lets a call wait while it is cut, and arrive when it is healed", async () => {
    const ground = new Ground();
    ground.network.cut("c", "server");
    const call = ground.put();
    await ground.run(5_000);
    expect(ground.puts).toBe(0);
    ground.network.heal();
    await ground.world.settle(call, 1_000);
    expect(ground.puts).toBe(1);
  });

  it("does a call whose answer is cut off, and the client never learns of it", async () => {
    const ground = new Ground();
    ground.network.cut("server", "c");
    const call = ground.put(2_000);
    await ground.run(3_000);
    expect(ground.puts).toBe(1);
    await expect(call).rejects.toThrow("Deadline exceeded");
  });

  it("gives a connection up when nothing has come for long", async () => {
    const ground = new Ground();
    ground.network.cut("server", "*");
    const call = ground.put();
    await ground.run(14_000);
    const early = await Promise.race([call.catch(() => "ended"), Promise.resolve("open")]);
    expect(early).toBe("open");
    await ground.run(2_000);
    await expect(call).rejects.toThrow("nothing has come for long");
  });

  it("refuses where nobody listens, and says nothing where there is no power", async () => {
    const ground = new Ground();
    ground.network.leave("server", { hasPower: true });
    const refused = ground.put();
    await ground.run(100);
    await expect(refused).rejects.toThrow("refused");
    ground.network.leave("server", { hasPower: false });
    const waits = ground.put(1_000);
    await ground.run(2_000);
    await expect(waits).rejects.toThrow("Deadline exceeded");
  });

  it("ends a stream to a machine that lost power, also where its client sends nothing", async () => {
    const ground = new Ground();
    const over = ground.watch();
    await ground.run(10);
    ground.network.leave("server", { hasPower: false });
    ground.network.enter("server", new ProcessGate(ground.world));
    await ground.run(14_000);
    let isOver = false;
    over.catch(() => {
      isOver = true;
    });
    await ground.run(10);
    expect(isOver).toBe(false);
    await ground.run(2_000);
    await expect(over).rejects.toThrow("nothing has come for long");
  });

  it("breaks connections for both sides, and the next call makes another", async () => {
    const ground = new Ground();
    const over = ground.watch();
    await ground.run(10);
    expect(ground.streams[0]?.isClosed).toBe(false);
    ground.network.breakConnections("c", "server");
    await ground.run(10);
    await expect(over).rejects.toThrow("reset");
    expect(ground.streams[0]?.isClosed).toBe(true);
    await ground.world.settle(ground.put(), 100);
  });

  it("blocks a sender whose reader does not read, and lets it go on when it does", async () => {
    const ground = new Ground();
    const watch = ground.channel.duplex(WatchService.methods.watch);
    void watch.send({ requestUnion: { kind: "createRequest", value: CREATE } });
    await ground.run(10);
    const [stream] = ground.streams;
    const response = WatchService.methods.watch.response.create();
    for (let i = 0; i < 200; i++) stream?.send([response]);
    await ground.run(100);
    expect(stream?.isBlocked).toBe(true);
    expect(stream?.waitingCount).toBeGreaterThan(100);
    let seen = 0;
    void (async () => {
      for await (const _response of watch.responses) seen++;
    })();
    await ground.run(1_000);
    expect(seen).toBe(200);
    expect(stream?.waitingCount).toBe(0);
  });

  it("delivers late, and in order, what came for a process that is paused; nothing to a dead one", async () => {
    const ground = new Ground();
    ground.gate.shut();
    const call = ground.put();
    await ground.run(1_000);
    expect(ground.puts).toBe(0);
    ground.gate.open();
    await ground.world.settle(call, 100);
    ground.gate.kill();
    const lost = ground.put(1_000);
    await ground.run(2_000);
    await expect(lost).rejects.toThrow("Deadline exceeded");
    expect(ground.puts).toBe(1);
  });
});
