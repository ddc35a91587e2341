import { strategicMergePatch } from "@sagong/orchestrator/api";
import { loadSchema } from "@sagong/orchestrator/client";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { threeWayPatch, type ThreeWay } from "./three-way-patch.js";

const schema = loadSchema();
const POD_SPEC = "io.k8s.api.core.v1.PodSpec";

const podPatch = (versions: ThreeWay) => threeWayPatch(versions, { schema, typeName: POD_SPEC });

describe("threeWayPatch() of maps", () => {
  it("sets what differs, removes what the manifest no longer says, leaves the rest", () => {
    const versions = {
      original: { a: 1, gone: 1, map: { x: 1, y: 1 } },
      modified: { a: 2, new: { deep: true }, map: { x: 1 } },
      current: { a: 1, gone: 1, map: { x: 1, y: 1, other: 1 }, defaulted: "d" },
    };
    expect(threeWayPatch(versions)).toEqual({
      a: 2,
      new: { deep: true },
      gone: null,
      map: { y: null },
    });
  });

  it("is nothing when the live object has all that the manifest says", () => {
    const versions = {
      original: { a: 1, b: 1 },
      modified: { a: { x: [1, 2] } },
      current: { a: { x: [1, 2], y: 0 }, c: 1 },
    };
    expect(threeWayPatch(versions)).toBeUndefined();
  });

  it("undoes what another writer changed", () => {
    const manifest = { spec: { replicas: 3 } };
    const current = { spec: { replicas: 5 } };
    expect(threeWayPatch({ original: manifest, modified: manifest, current })).toEqual(manifest);
  });

  it("removes nothing where nothing was ever applied", () => {
    const versions = { original: undefined, modified: { a: 1 }, current: { a: 1, b: 2 } };
    expect(threeWayPatch(versions)).toBeUndefined();
  });

  it("takes null in a manifest for a removal, once", () => {
    const modified = { a: null };
    expect(threeWayPatch({ original: undefined, modified, current: { a: 1 } })).toEqual({
      a: null,
    });
    expect(threeWayPatch({ original: modified, modified, current: {} })).toBeUndefined();
  });

  it("replaces lists as a whole where there is no schema", () => {
    const versions = {
      original: undefined,
      modified: { l: [{ a: 1 }] },
      current: { l: [{ a: 1, b: 2 }] },
    };
    expect(threeWayPatch(versions)).toEqual({ l: [{ a: 1 }] });
  });
});

describe("threeWayPatch() of lists with keys", () => {
  const container = (name: string, more: object = {}) => ({ name, image: `${name}:1`, ...more });

  it("changes the item of the same key and leaves what others added", () => {
    const current = {
      containers: [container("a", { terminationMessagePath: "/x" }), container("sidecar")],
    };
    const original = { containers: [container("a")] };
    const modified = { containers: [{ name: "a", image: "a:2" }] };
    expect(podPatch({ original, modified, current })).toEqual({
      "$setElementOrder/containers": [{ name: "a" }],
      containers: [{ name: "a", image: "a:2" }],
    });
  });

  it("adds and deletes items, inside each other too", () => {
    const env = (...names: string[]) => names.map((name) => ({ name, value: "v" }));
    const original = { containers: [container("a", { env: env("X", "Y") }), container("b")] };
    const modified = { containers: [container("c"), container("a", { env: env("Y", "Z") })] };
    expect(podPatch({ original, modified, current: original })).toEqual({
      "$setElementOrder/containers": [{ name: "c" }, { name: "a" }],
      containers: [
        container("c"),
        {
          name: "a",
          "$setElementOrder/env": [{ name: "Y" }, { name: "Z" }],
          env: [
            { name: "Z", value: "v" },
            { name: "X", $patch: "delete" },
          ],
        },
        { name: "b", $patch: "delete" },
      ],
    });
  });

  it("orders items anew without repeating them", () => {
    const current = { containers: [container("a"), container("b")] };
    const modified = { containers: [container("b"), container("a")] };
    expect(podPatch({ original: current, modified, current })).toEqual({
      "$setElementOrder/containers": [{ name: "b" }, { name: "a" }],
    });
  });

  it("retains only the manifest's keys where the schema says so", () => {
    const original = { volumes: [{ name: "v", emptyDir: {} }] };
    const current = { volumes: [{ name: "v", emptyDir: { medium: "Memory" } }] };
    const modified = { volumes: [{ name: "v", configMap: { name: "c" } }] };
    const patch = podPatch({ original, modified, current });
    expect(patch).toMatchObject({
      volumes: [{ $retainKeys: ["configMap", "name"], name: "v", configMap: { name: "c" } }],
    });
    expect(strategicMergePatch(schema, POD_SPEC, { document: current, patch })).toEqual(modified);
  });

  it("replaces items that share a key together", () => {
    const typeName = "io.k8s.api.core.v1.ServiceSpec";
    const ports = (...of: string[]) => of.map((protocol) => ({ port: 53, protocol }));
    const current = { ports: ports("TCP", "UDP").map((port) => ({ ...port, targetPort: 53 })) };
    const same = { original: undefined, modified: { ports: ports("TCP", "UDP") }, current };
    expect(threeWayPatch(same, { schema, typeName })).toBeUndefined();
    const other = { ...same, modified: { ports: ports("UDP", "TCP") } };
    const patch = threeWayPatch(other, { schema, typeName });
    expect(patch).toEqual({ ports: [{ $patch: "replace" }, ...ports("UDP", "TCP")] });
    expect(strategicMergePatch(schema, typeName, { document: current, patch })).toEqual(
      other.modified,
    );
  });

  it("sends items without their key as they are, for the server to refuse", () => {
    const modified = { containers: [{ image: "x" }] };
    expect(podPatch({ original: undefined, modified, current: { containers: [] } })).toEqual(
      modified,
    );
  });

  it("merges lists of texts that are sets", () => {
    const typeName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    const versions = {
      original: { finalizers: ["a/x", "a/old"] },
      modified: { finalizers: ["a/x", "a/new"] },
      current: { finalizers: ["other/y", "a/x", "a/old"] },
    };
    const patch = threeWayPatch(versions, { schema, typeName });
    expect(patch).toEqual({
      "$setElementOrder/finalizers": ["a/x", "a/new"],
      "$deleteFromPrimitiveList/finalizers": ["a/old"],
      finalizers: ["a/new"],
    });
    expect(strategicMergePatch(schema, typeName, { document: versions.current, patch })).toEqual({
      finalizers: ["other/y", "a/x", "a/new"],
    });
  });
});

describe("threeWayPatch() and strategicMergePatch()", () => {
  const named = <T>(item: (name: string) => fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
    fc
      .uniqueArray(fc.constantFrom("a", "b", "c", "d"), { maxLength: 4 })
      .chain((names) => fc.tuple(...names.map(item)));
  const image = fc.constantFrom("x:1", "x:2");
  const env = named((name) => fc.record({ name: fc.constant(name), value: image }));
  const spec = fc.record(
    {
      containers: named((name) =>
        fc.record({ name: fc.constant(name), image, env }, { requiredKeys: ["name"] }),
      ),
      nodeSelector: fc.dictionary(fc.constantFrom("k", "l"), image),
      hostNetwork: fc.boolean(),
      tolerations: fc.array(fc.record({ key: image }), { maxLength: 2 }),
    },
    { requiredKeys: [] },
  );

  it("together lead to what the manifest says, and then to rest", () => {
    fc.assert(
      fc.property(spec, spec, spec, (original, modified, current) => {
        const patch = podPatch({ original, modified, current }) ?? {};
        const document = strategicMergePatch(schema, POD_SPEC, { document: current, patch });
        expect(podPatch({ original: modified, modified, current: document })).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });

  it("make the live object the manifest where no one else wrote", () => {
    fc.assert(
      fc.property(spec, spec, (original, modified) => {
        const patch = podPatch({ original, modified, current: original }) ?? {};
        const document = strategicMergePatch(schema, POD_SPEC, { document: original, patch });
        expect(withoutEmpty(document)).toEqual(withoutEmpty(modified));
      }),
      { numRuns: 150 },
    );
  });

  /** An emptied list or map may stay as an empty one. */
  function withoutEmpty(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(withoutEmpty);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value)
      .map(([key, one]) => [key, withoutEmpty(one)] as const)
      .filter(([, one]) => typeof one !== "object" || one === null || Object.keys(one).length > 0);
    return Object.fromEntries(entries);
  }
});
