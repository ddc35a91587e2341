import { silentLogger, VirtualClock } from "@sagong/base";
import { createMemoryChannel, implement, StatusCode } from "@sagong/rpc";
import { describe, expect, it } from "vitest";
import { BackendError } from "../backend/backend-error.js";
import { ClusterService, LeaseService, type LeaseKeepAliveResponse } from "../gen/rpc.js";
import { MetricsRegistry } from "../http/metrics.js";
import { MemberError } from "../member/member-error.js";
import { DamagedDatabaseError } from "../mvcc/damaged-database-error.js";
import { intercept } from "./interceptors.js";

function setup(options: { hasLeader?: boolean; fail?: Error } = {}) {
  const metrics = new MetricsRegistry();
  const clock = new VirtualClock();
  const logger = silentLogger;
  const unreadable: unknown[] = [];
  const onUnreadable = (error: unknown): void => void unreadable.push(error);
  const leader = { hasLeader: () => options.hasLeader ?? true, onLeaderMissing: () => () => {} };
  const services = [
    implement(ClusterService, {
      memberList: () => {
        if (options.fail) throw options.fail;
        return { header: undefined, members: [] };
      },
    }),
    implement(LeaseService, {
      leaseKeepAlive: async function* (requests) {
        for await (const { id } of requests) {
          if (options.fail) throw options.fail;
          yield { header: undefined, id, ttl: 1 };
        }
      },
    }),
  ].map((service) => intercept(service, { leader, metrics, clock, logger, onUnreadable }));
  return { metrics, unreadable, channel: createMemoryChannel(services, { clock }) };
}

const list = ClusterService.methods.memberList;

describe("intercept()", () => {
  it("counts an answered call", async () => {
    const { channel, metrics } = setup();
    await channel.unary(list, { linearizable: true });
    expect(metrics.render()).toContain(
      'grpc_server_handled_total{grpc_code="OK",grpc_method="MemberList",' +
        'grpc_service="etcdserverpb.Cluster",grpc_type="unary"} 1',
    );
  });

  it("maps a refusal to etcd's status and text, and counts it under that code", async () => {
    const { channel, metrics } = setup({ fail: new MemberError("too-many-requests") });
    await expect(channel.unary(list, { linearizable: true })).rejects.toMatchObject({
      code: StatusCode.resourceExhausted,
      message: "etcdserver: too many requests",
    });
    expect(metrics.render()).toContain('grpc_code="ResourceExhausted",grpc_method="MemberList"');
  });

  it.each([new DamagedDatabaseError("a bit"), new BackendError("EIO")])(
    "tells of a request that met a database that cannot be read (%s)",
    async (fail) => {
      const { channel, unreadable } = setup({ fail });
      await expect(channel.unary(list, { linearizable: true })).rejects.toThrow(fail.message);
      const leases = channel.duplex(LeaseService.methods.leaseKeepAlive);
      await leases.send({ id: 1n });
      await expect(leases.responses[Symbol.asyncIterator]().next()).rejects.toThrow(fail.message);
      expect(unreadable).toEqual([fail, fail]);
    },
  );

  it("answers Unknown with the text of an error that nobody foresaw", async () => {
    const { channel, unreadable } = setup({ fail: new Error("surprise") });
    await expect(channel.unary(list, { linearizable: true })).rejects.toMatchObject({
      code: StatusCode.unknown,
      message: "surprise",
    });
    expect(unreadable).toEqual([]);
  });

  it("fails a call with hasleader metadata while there is no leader, and only that", async () => {
    const { channel } = setup({ hasLeader: false });
    await channel.unary(list, { linearizable: true });
    const metadata = { hasleader: "true" };
    await expect(channel.unary(list, { linearizable: true }, { metadata })).rejects.toMatchObject({
      code: StatusCode.unavailable,
      message: "etcdserver: no leader",
    });
  });

  it("maps errors inside a stream", async () => {
    const { channel } = setup({ fail: new MemberError("timeout") });
    const call = channel.duplex(LeaseService.methods.leaseKeepAlive);
    await call.send({ id: 7n });
    const read = async (): Promise<LeaseKeepAliveResponse[]> => {
      const all = [];
      for await (const response of call.responses) all.push(response);
      return all;
    };
    await expect(read()).rejects.toMatchObject({
      code: StatusCode.unavailable,
      message: "etcdserver: request timed out",
    });
  });
});
