import { silentLogger } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { createMemoryChannel, implement, RpcError, type ServerCall } from "@sagong/rpc";
import { describe, expect, it } from "vitest";
import { CONFIG_MAPS } from "../api/resources.js";
import type { ObjectClient } from "../client/object-client.js";
import { GrpcObjectClient } from "../client/grpc/grpc-object-client.js";
import { GetObjectRequest, ObjectName, ObjectService, ResourceName } from "../gen/object.js";
import { openMemoryCluster } from "../testing/memory-cluster.js";
import { createObjectService, type ObjectServiceOptions } from "./object-service.js";

const clock = realClock();
const ALICE = { commonName: "alice", organizations: ["boaters"] };
const KEY = { namespace: "default", name: "a" };

/** The service's own handlers, with calls as a transport that knows who calls would give them. */
function channelTo(options: ObjectServiceOptions, identity: ServerCall["peerIdentity"]) {
  const service = createObjectService(options, { logger: silentLogger });
  const handlers = Object.entries(service.handlers).map(([name, handler]) => {
    const inner = handler as (request: unknown, call: ServerCall) => unknown; // Of any kind of method here.
    const outer = (request: unknown, call: ServerCall): unknown => {
      const { signal, metadata, peer } = call;
      return inner(request, { signal, metadata, peer, peerIdentity: identity });
    };
    return [name, outer];
  });
  return createMemoryChannel([implement(service.descriptor, Object.fromEntries(handlers))], {
    clock,
  });
}

function clientTo(
  options: ObjectServiceOptions,
  identity: ServerCall["peerIdentity"],
): ObjectClient {
  return new GrpcObjectClient(channelTo(options, identity), { endpoint: "memory", clock });
}

describe("createObjectService()", () => {
  it("refuses a caller without a certificate with Unauthorized, in every kind of call", async () => {
    const cluster = await openMemoryCluster({ clock });
    const options = { clientFor: () => cluster.client, mayDo: () => true };
    for (const identity of [undefined, { commonName: "", organizations: ["system:masters"] }]) {
      const client = clientTo(options, identity);
      const refused = { reason: "Unauthorized", code: 401 };
      await expect(client.get(CONFIG_MAPS, KEY)).rejects.toMatchObject(refused);
      await expect(client.list(CONFIG_MAPS)).rejects.toMatchObject(refused);
      await expect(client.resources()).rejects.toMatchObject(refused);
      const watch = client.watch(CONFIG_MAPS)[Symbol.asyncIterator]();
      await expect(watch.next()).rejects.toMatchObject(refused);
    }
    await cluster.close();
  });

  it("asks for every verb whether this user may, and acts as this user", async () => {
    const cluster = await openMemoryCluster({ clock });
    const asked: string[] = [];
    const users: string[] = [];
    const client = clientTo(
      {
        clientFor: ({ name, groups }) => {
          users.push(`${name} ${groups.join(" ")}`);
          return cluster.client;
        },
        mayDo: (user, { verb, resource, subresource = "-", namespace = "*", name = "*" }) => {
          asked.push(
            `${user.name} ${verb} ${resource.resource} ${subresource} ${namespace} ${name}`,
          );
          return verb !== "delete";
        },
      },
      ALICE,
    );
    const made = await client.create(CONFIG_MAPS, { metadata: KEY });
    await client.get(CONFIG_MAPS, KEY);
    await client.update(CONFIG_MAPS, made);
    await client.patch(CONFIG_MAPS, KEY, {}, { type: "merge" });
    await client.list(CONFIG_MAPS);
    await expect(client.delete(CONFIG_MAPS, KEY)).rejects.toMatchObject({
      reason: "Forbidden",
      code: 403,
      message:
        'configmaps "a" is forbidden: User "alice" cannot delete resource "configmaps" in API group "" in the namespace "default"',
    });
    await expect(
      client.createSubresource(CONFIG_MAPS, KEY, "paint", { metadata: {} }),
    ).rejects.toMatchObject({ reason: "NotFound" });
    expect(asked).toEqual([
      "alice create configmaps - default *",
      "alice get configmaps - default a",
      "alice update configmaps - default a",
      "alice patch configmaps - default a",
      "alice list configmaps - * *",
      "alice delete configmaps - default a",
      "alice create configmaps paint default a",
    ]);
    expect(new Set(users)).toEqual(new Set(["alice boaters system:authenticated"]));
    await cluster.close();
  });

  it("refuses what is malformed with the field's name", async () => {
    const cluster = await openMemoryCluster({ clock });
    const channel = channelTo({ clientFor: () => cluster.client, mayDo: () => true }, ALICE);
    const { get, create, patch } = ObjectService.methods;
    const resource = ResourceName.create(CONFIG_MAPS);
    const key = ObjectName.create(KEY);
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const refusals = [
      [channel.unary(get, GetObjectRequest.create({ key })), "resource: Required value"],
      [channel.unary(get, GetObjectRequest.create({ resource })), "key.name: Required value"],
      [
        channel.unary(create, create.request.create({ resource, object: bytes("{broken") })),
        "Cannot read object: it is not JSON",
      ],
      [
        channel.unary(create, create.request.create({ resource, object: bytes("[]") })),
        "object: Invalid value: expected an object",
      ],
      [
        channel.unary(create, create.request.create({ resource, object: bytes('{"metadata":1}') })),
        "object.metadata: Invalid value: expected an object",
      ],
      [
        channel.unary(
          create,
          create.request.create({ resource, object: bytes('{"metadata":{"name":{}}}') }),
        ),
        "object.metadata.name: Invalid value: expected a string",
      ],
      [
        channel.unary(patch, patch.request.create({ resource, key, patch: bytes("{}") })),
        "kind: Invalid value: 0",
      ],
    ] as const;
    for (const [call, text] of refusals) {
      const error: unknown = await call.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RpcError);
      expect(String(error)).toContain(text);
    }
    await cluster.close();
  });

  it("answers no more calls at once than it has a limit for", async () => {
    const cluster = await openMemoryCluster({ clock });
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow: ObjectClient = Object.create(cluster.client, {
      get: {
        value: async () => {
          await released;
          return { metadata: {} };
        },
      },
    });
    const client = clientTo({ clientFor: () => slow, mayDo: () => true }, ALICE);
    const calls = Array.from({ length: 400 }, () => client.get(CONFIG_MAPS, KEY));
    await expect(client.get(CONFIG_MAPS, KEY)).rejects.toMatchObject({
      reason: "TooManyRequests",
      code: 429,
      details: { retryAfterSeconds: 1 },
    });
    release();
    await Promise.all(calls);
    await client.get(CONFIG_MAPS, KEY);
    await cluster.close();
  });

  it("answers an unexpected fault of the back end with InternalError", async () => {
    const client = clientTo(
      {
        clientFor: () => {
          throw new TypeError("a bug");
        },
        mayDo: () => true,
      },
      ALICE,
    );
    await expect(client.get(CONFIG_MAPS, KEY)).rejects.toMatchObject({
      reason: "InternalError",
      message: "Internal error occurred: a bug",
    });
  });
});
