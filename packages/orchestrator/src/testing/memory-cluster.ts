/** A registry on storage in memory, as the API server has one on a store: for tests above it. */
import { randomUUID } from "node:crypto";
import { type Clock, seededRandom, silentLogger } from "@sagong/base";
import { NAMESPACES } from "../api/resources.js";
import type { Schema } from "../api/schema/schema.js";
import { InProcessClient } from "../client/in-process-client.js";
import { Registry } from "../registry/registry.js";
import { loadSchema } from "../schema-facts.js";
import { MemoryStorage } from "../storage/memory-storage.js";

export interface MemoryCluster {
  readonly schema: Schema;
  readonly storage: MemoryStorage;
  readonly registry: Registry;
  readonly client: InProcessClient;
  close(): Promise<void>;
}

/** Has the namespace `default`. */
export async function openMemoryCluster({
  clock,
}: {
  readonly clock: Clock;
}): Promise<MemoryCluster> {
  const schema = loadSchema();
  const storage = new MemoryStorage();
  const registry = new Registry({
    schema,
    storage,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    newUid: randomUUID,
  });
  const client = new InProcessClient({ registry, schema, clock });
  await client.create(NAMESPACES, { metadata: { name: "default" } });
  return { schema, storage, registry, client, close: () => registry.close() };
}
