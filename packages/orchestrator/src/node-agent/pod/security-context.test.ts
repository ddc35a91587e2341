import { describe, expect, it } from "vitest";
import type { Container, Pod } from "../../api/gen/core-v1.js";
import { containerUser, ignoredSecurity } from "./security-context.js";

type PodContext = NonNullable<Pod["spec"]>["securityContext"];
type OwnContext = Container["securityContext"];

function place(ofPod: PodContext, own: OwnContext): [Pod, Container] {
  const container: Container = { name: "c", ...(own ? { securityContext: own } : {}) };
  const spec = { containers: [container], ...(ofPod ? { securityContext: ofPod } : {}) };
  return [{ metadata: { namespace: "ns", name: "p", uid: "u" }, spec }, container];
}

describe("containerUser()", () => {
  it("asks for nobody where the spec does not", () => {
    expect(containerUser(...place(undefined, { privileged: true }))).toBeUndefined();
  });

  it("prefers the container's own fields to the pod's, each by itself", () => {
    const ofPod = { runAsUser: 1, runAsGroup: 2 };
    expect(containerUser(...place(ofPod, { runAsUser: 7 }))).toEqual({
      uid: 7,
      gid: 2,
      nonRoot: false,
    });
    expect(containerUser(...place({ runAsNonRoot: true }, undefined))).toEqual({
      uid: undefined,
      gid: undefined,
      nonRoot: true,
    });
  });

  it("refuses root where the spec forbids it", () => {
    expect(() => containerUser(...place({ runAsNonRoot: true }, { runAsUser: 0 }))).toThrow(
      'container\'s runAsUser breaks non-root policy (pod: "p_ns(u)", container: c)',
    );
  });
});

describe("ignoredSecurity()", () => {
  it("names what is asked for and not applied, and nothing else", () => {
    const [pod] = place(
      { runAsUser: 1, fsGroup: 2, supplementalGroups: [] },
      { privileged: false, allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
    );
    expect(ignoredSecurity(pod, ["runAsUser"])).toEqual([
      "spec.securityContext.fsGroup",
      "spec.containers{c}.securityContext.allowPrivilegeEscalation",
      "spec.containers{c}.securityContext.capabilities",
    ]);
  });
});
