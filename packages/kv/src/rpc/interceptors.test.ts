import { silentLogger, VirtualClock } from "@sagong/base";
import { createMemoryChannel, implement, StatusCode } from "@sagong/rpc";
import { describe, expect, it } from "vitest";
import { ClusterService, LeaseService, type LeaseKeepAliveResponse } from "../gen/rpc.js";
import { MetricsRegistry } from "../http/metrics.js";
import { MemberError } from "../member/member-error.js";
import { intercept } from "./interceptors.js";

function setup(options: { hasLeader?: boolean; fail?: Error } = {}) {
  const metrics = new MetricsRegistry();
  const clock = new VirtualClock();
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
  ].map((service) => intercept(service, { leader, metrics, clock, logger: silentLogger }));
  return { metrics, channel: createMemoryChannel(services, { clock }) };
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

  it("answers Unknown with the text of an error that nobody foresaw", async () => {
    const { channel } = setup({ fail: new Error("surprise") });
    await expect(channel.unary(list, { linearizable: true })).rejects.toMatchObject({
      code: StatusCode.unknown,
      message: "surprise",
    });
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
