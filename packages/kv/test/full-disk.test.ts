/**
 * A disk that takes no more: the member says so in one sentence and stops; nothing acknowledged is
 * lost. The limit is the shell's on the size of one file, which needs no rights and no device.
 */
import { encodeUtf8 } from "@sagong/base";
import { createChannel, RpcError } from "@sagong/rpc";
import { describe, expect, it } from "vitest";
import { KvService, PutRequest, RangeRequest } from "../src/gen/rpc.js";
import { clusterConfigs, eventually, startDaemon, temporaryDir } from "./member-cluster.js";

const kv = KvService.methods;
/** In units of 512 or 1,024 bytes, as the shell has it. */
const FILE_LIMIT_BLOCKS = 400;

describe("a write that the disk refuses", () => {
  it("stops the member with a sentence, and every acknowledged write is there again", async () => {
    const dir = await temporaryDir();
    const [config] = await clusterConfigs(dir.path, 1);
    if (!config) throw new Error("no config");
    const endpoint = config.listenClientUrls[0]?.text ?? "";
    const limited = startDaemon(config, { fileLimitBlocks: FILE_LIMIT_BLOCKS });
    await eventually(() => limited.output().includes("ready to serve") || undefined, "ready");
    const channel = createChannel({ endpoint });
    let acknowledged = 0;
    const value = new Uint8Array(10_000);
    await expect(async () => {
      for (;;) {
        const key = encodeUtf8(`key-${acknowledged}`);
        await channel.unary(kv.put, PutRequest.create({ key, value }), { timeoutMs: 10_000 });
        acknowledged++;
      }
    }).rejects.toThrow(RpcError);
    expect(await limited.exited).toBe(1);
    await channel.close();
    expect(acknowledged).toBeGreaterThan(5);
    expect(limited.output()).toMatch(
      /sagong store: stopped because Cannot write .*: EFBIG: file too large/,
    );

    const daemon = startDaemon(config);
    const again = createChannel({ endpoint });
    const all = RangeRequest.create({
      key: encodeUtf8("key-"),
      rangeEnd: encodeUtf8("key."),
      countOnly: true,
    });
    const { count } = await eventually(
      () => again.unary(kv.range, all, { timeoutMs: 5_000 }).catch(() => undefined),
      "the member is back",
    );
    // The one that failed may be there or not.
    expect(count).toBeGreaterThanOrEqual(acknowledged);
    expect(count).toBeLessThanOrEqual(acknowledged + 1);
    await again.close();
    daemon.child.kill("SIGTERM");
    expect(await daemon.exited).toBe(0);
    await dir.remove();
  }, 30_000);
});
