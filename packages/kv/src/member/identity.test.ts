import { describe, expect, it } from "vitest";
import { loadStoreConfig } from "../config/load-store-config.js";
import { identify, idText } from "./identity.js";

function identityOf(...args: string[]) {
  const loaded = loadStoreConfig(args, {});
  if (loaded.kind !== "config") throw new Error(JSON.stringify(loaded));
  return identify(loaded.config);
}

describe("identify()", () => {
  it("gives the ids that etcd 3.4.23 gives to the same flags", () => {
    const identity = identityOf(
      "--initial-cluster=default=http://127.0.0.1:23792",
      "--initial-advertise-peer-urls=http://127.0.0.1:23792",
    );
    expect(idText(identity.memberId)).toBe("bac7efc361f1457e");
    expect(idText(identity.clusterId)).toBe("6c438ba6ce8a0f60");
  });

  it("agrees between the members of one cluster, and differs by token", () => {
    const cluster = "--initial-cluster=a=http://h:1,b=http://h:2,c=http://h:3";
    const a = identityOf("--name=a", cluster, "--initial-advertise-peer-urls=http://h:1");
    const b = identityOf("--name=b", cluster, "--initial-advertise-peer-urls=http://h:2");
    expect(a.clusterId).toBe(b.clusterId);
    expect(a.members).toEqual(b.members);
    expect(a.memberId).not.toBe(b.memberId);
    const other = identityOf(
      "--name=a",
      cluster,
      "--initial-advertise-peer-urls=http://h:1",
      "--initial-cluster-token=other",
    );
    expect(other.clusterId).not.toBe(a.clusterId);
    expect(other.memberId).not.toBe(a.memberId);
  });
});
