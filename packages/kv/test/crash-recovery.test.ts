/** A member killed in the middle of writes has, after its next start, everything it acknowledged. */
import { readdir } from "node:fs/promises";
import { decodeUtf8, encodeUtf8 } from "@sagong/base";
import { createChannel, RpcError } from "@sagong/rpc";
import { describe, expect, it } from "vitest";
import { KvService, PutRequest, RangeRequest } from "../src/gen/rpc.js";
import { clusterConfigs, eventually, startDaemon, temporaryDir } from "./member-cluster.js";

const kv = KvService.methods;
const WRITERS = 20;
const ROUNDS = 3;
/** Enough that a batch's values make blocks that lie in files. */
const VALUE_BYTES = 2_000;
/** Acknowledged writes before each kill. */
const WRITES_BEFORE_KILL = 400;

describe("kill -9 during writes", () => {
  it("loses nothing that was acknowledged, three times over", async () => {
    const dir = await temporaryDir();
    const [config] = await clusterConfigs(dir.path, 1, {
      snapshotCount: 300,
      snapshotCatchUpEntries: 50,
    });
    if (!config) throw new Error("no config");
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++) {
      const daemon = startDaemon(config);
      const channel = createChannel({ endpoint: config.listenClientUrls[0]?.text ?? "" });
      let alive = true;
      let count = 0;
      const writer = async (id: number): Promise<void> => {
        for (let i = 0; alive; i++) {
          const key = `writer-${id}`;
          const value = round * 1_000_000 + i;
          const request = PutRequest.create({
            key: encodeUtf8(key),
            value: encodeUtf8(String(value).padEnd(VALUE_BYTES)),
          });
          try {
            await channel.unary(kv.put, request, { timeoutMs: 5_000 });
            acknowledged.set(key, value);
            count++;
          } catch (error) {
            // Not there yet, or killed: nothing is known of this write.
            if (!(error instanceof RpcError)) throw error;
          }
        }
      };
      const writers = Array.from({ length: WRITERS }, (_, id) => writer(id));
      await eventually(() => count >= WRITES_BEFORE_KILL || undefined, "writes are acknowledged");
      daemon.child.kill("SIGKILL");
      expect(await daemon.exited).toBe("SIGKILL");
      alive = false;
      await Promise.all(writers);
      await channel.close();
    }
    const daemon = startDaemon(config);
    const channel = createChannel({ endpoint: config.listenClientUrls[0]?.text ?? "" });
    const all = RangeRequest.create({
      key: encodeUtf8("writer-"),
      rangeEnd: encodeUtf8("writer."),
    });
    const { kvs } = await eventually(
      () => channel.unary(kv.range, all, { timeoutMs: 5_000 }).catch(() => undefined),
      "the member is back",
    );
    const found = new Map(kvs.map((pair) => [decodeUtf8(pair.key), decodeUtf8(pair.value)]));
    expect(found.size).toBe(WRITERS);
    const names = await readdir(dir.path, { recursive: true });
    expect(names.filter((name) => name.endsWith(".blocks"))).not.toEqual([]);
    for (const [key, value] of acknowledged) {
      // A write that was under way may have come after the last acknowledged one.
      expect(Number(found.get(key))).toBeGreaterThanOrEqual(value);
    }
    await channel.close();
    daemon.child.kill("SIGTERM");
    expect(await daemon.exited).toBe(0);
    await dir.remove();
  }, 60_000);
});
