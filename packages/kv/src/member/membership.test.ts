import { errorText, silentLogger, VirtualClock } from "@sagong/base";
import { describe, expect, it } from "vitest";
import { MemoryBackend } from "../backend/memory-backend.js";
import type { MemberAttributes } from "../gen/store.js";
import type { ClusterIdentity } from "./identity.js";
import { Membership, publishAttributes } from "./membership.js";

const identity: ClusterIdentity = {
  clusterId: 1n,
  memberId: 2n,
  members: [
    { id: 2n, name: "a", peerUrls: ["http://h:1"] },
    { id: 3n, name: "b", peerUrls: ["http://h:2"] },
  ],
};
const attributes: MemberAttributes = { memberId: 2n, name: "a", clientUrls: ["http://h:3"] };

describe("Membership", () => {
  it("lists members with what they made known, also after a restart", () => {
    const backend = new MemoryBackend();
    const membership = new Membership(identity, backend);
    membership.apply(attributes);
    const expected = [
      { id: 2n, name: "a", clientUrls: ["http://h:3"] },
      { id: 3n, name: "b", clientUrls: [] },
    ];
    expect(membership.list()).toMatchObject(expected);
    const restarted = new Membership(identity, backend);
    restarted.load(backend.pairs());
    expect(restarted.list()).toMatchObject(expected);
    expect(restarted.knows(attributes)).toBe(true);
    expect(restarted.knows({ ...attributes, clientUrls: ["http://other:3"] })).toBe(false);
  });
});

describe("publishAttributes()", () => {
  it("tries again until the cluster knows, and not at all when it does", async () => {
    const clock = new VirtualClock();
    const membership = new Membership(identity, new MemoryBackend());
    let tries = 0;
    const options = {
      membership,
      attributes,
      clock,
      logger: silentLogger,
      signal: new AbortController().signal,
      propose: async (value: MemberAttributes) => {
        if (++tries < 3) throw new Error("no leader");
        membership.apply(value);
      },
    };
    const published = publishAttributes(options);
    for (let i = 0; i < 4; i++) {
      await new Promise((done) => setImmediate(done));
      clock.advance(500);
    }
    await published;
    expect(tries).toBe(3);
    await publishAttributes(options);
    expect(tries).toBe(3);
  });

  it("ends when the member closes", async () => {
    const closing = new AbortController();
    const published = publishAttributes({
      membership: new Membership(identity, new MemoryBackend()),
      attributes,
      clock: new VirtualClock(),
      logger: silentLogger,
      signal: closing.signal,
      propose: () => Promise.reject(new Error("no leader")),
    }).catch(errorText);
    await new Promise((done) => setImmediate(done));
    closing.abort();
    expect(await published).toBeUndefined();
  });
});
