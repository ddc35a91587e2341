import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, at, openServer, type ServerFixture, textAt, type Tree } from "./fixture.js";

let server: ServerFixture;
beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server.close());

const CORE = "/api/v1/namespaces/default/events";
const GROUP = "/apis/events.k8s.io/v1/namespaces/default/events";
const POD = { kind: "Pod", namespace: "default", name: "web-1", uid: "1-2-3" };
const TIME = "2026-01-02T03:04:05.678900Z";

const create = (path: string, body: object): Promise<Answer> =>
  server.send({ method: "POST", path, body });

function event(name: string, more: object = {}): object {
  return {
    metadata: { name },
    eventTime: TIME,
    reportingController: "example.com/controller",
    reportingInstance: "controller-1",
    action: "Binding",
    reason: "Scheduled",
    regarding: POD,
    note: "assigned",
    type: "Normal",
    ...more,
  };
}

describe("events of both groups", () => {
  it("written through events.k8s.io are read in core's form", async () => {
    const made = await create(GROUP, event("new"));
    expect(made.status).toBe(201);
    expect(made.json()).toMatchObject({
      kind: "Event",
      apiVersion: "events.k8s.io/v1",
      eventTime: TIME,
      regarding: POD,
      note: "assigned",
      reportingController: "example.com/controller",
    });
    const core = (await server.send({ path: `${CORE}/new` })).json();
    expect(core).toMatchObject({
      kind: "Event",
      apiVersion: "v1",
      eventTime: TIME,
      involvedObject: POD,
      message: "assigned",
      reportingComponent: "example.com/controller",
    });
    expect(core).not.toHaveProperty("regarding");
    expect(core["metadata"]).toEqual(made.json()["metadata"]);
  });

  it("written through core are read in the group's form", async () => {
    const body = {
      metadata: { name: "old" },
      involvedObject: POD,
      reason: "Pulled",
      message: "pulled",
      source: { component: "kubelet", host: "node-1" },
      firstTimestamp: "2026-01-02T03:04:05Z",
      lastTimestamp: "2026-01-02T03:05:05Z",
      count: 3,
      type: "Normal",
    };
    expect((await create(CORE, body)).status).toBe(201);
    const read = (await server.send({ path: `${GROUP}/old` })).json();
    expect(read).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      regarding: POD,
      note: "pulled",
      deprecatedSource: { component: "kubelet", host: "node-1" },
      deprecatedFirstTimestamp: "2026-01-02T03:04:05Z",
      deprecatedLastTimestamp: "2026-01-02T03:05:05Z",
      deprecatedCount: 3,
    });
    expect(read).not.toHaveProperty("involvedObject");
  });

  it("are listed, selected and shown alike", async () => {
    await create(GROUP, event("other", { regarding: { ...POD, name: "web-2" } }));
    const names = async (path: string): Promise<unknown[]> =>
      ((await server.send({ path })).json()["items"] as Tree[]).map((item) =>
        at(item, "metadata.name"),
      );
    const old = "involvedObject.name%3Dweb-2%2CinvolvedObject.kind%3DPod";
    expect(await names(`${CORE}?fieldSelector=${old}`)).toEqual(["other"]);
    expect(await names(`${GROUP}?fieldSelector=regarding.name%3Dweb-2`)).toEqual(["other"]);
    const reporter = "example.com%2Fcontroller";
    expect(await names(`${GROUP}?fieldSelector=reportingController%3D${reporter}`)).toEqual([
      "new",
      "other",
    ]);
    expect(await names(`${CORE}?fieldSelector=source%3D${reporter}`)).toEqual(["new", "other"]);
    expect(await names(`${CORE}?fieldSelector=source%3Dkubelet`)).toEqual(["old"]);
    const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
    const cells = async (path: string): Promise<unknown> =>
      at((await server.send({ path, headers })).json(), "rows.0.cells");
    const shown = (await cells(`${GROUP}/other`)) as string[];
    expect(shown.slice(1, 4)).toEqual(["Normal", "Scheduled", "pod/web-2"]);
    expect(await cells(`${CORE}/other`)).toEqual(shown);
  });

  it("one watch sees what is written through the other group", async () => {
    const core = await server.open({ path: `${CORE}?watch=true&fieldSelector=reason%3DWatched` });
    const group = await server.open({ path: `${GROUP}?watch=true&fieldSelector=reason%3DWatched` });
    await create(GROUP, event("watched", { reason: "Watched" }));
    expect(at(await core.next(), "object.involvedObject.name")).toBe("web-1");
    expect(at(await group.next(), "object.regarding.name")).toBe("web-1");
    core.stop();
    group.stop();
  });

  it("a series goes on by patch, and the rest may not change", async () => {
    await create(GROUP, event("series"));
    const path = `${GROUP}/series`;
    const headers = { "content-type": "application/strategic-merge-patch+json" };
    const series = { count: 2, lastObservedTime: "2026-01-02T03:05:05.000000Z" };
    const patched = await server.send({
      method: "PATCH",
      path,
      headers,
      body: JSON.stringify({ series }),
    });
    expect(patched.json()).toMatchObject({ series });
    const changed = await server.send({
      method: "PATCH",
      path,
      headers,
      body: JSON.stringify({ note: "changed" }),
    });
    expect(changed.json()).toMatchObject({
      code: 422,
      message:
        'Event.events.k8s.io "series" is invalid: message: Invalid value: "changed": field is immutable',
    });
  });

  it("events.k8s.io wants more than core, and says what", async () => {
    const bad = await create(GROUP, {
      metadata: { name: "bad" },
      regarding: POD,
      deprecatedCount: 1,
    });
    const causes = at(bad.json(), "details.causes") as Tree[];
    expect(causes.map(({ field, message }) => `${String(field)}: ${String(message)}`)).toEqual([
      "eventTime: Required value",
      'type: Invalid value: "": has invalid value: ',
      'count: Invalid value: "": needs to be unset',
    ]);
    const incomplete = await create(GROUP, event("incomplete", { action: "", reason: "" }));
    expect(textAt(incomplete.json(), "message")).toBe(
      'Event.events.k8s.io "incomplete" is invalid: [action: Required value, reason: Required value]',
    );
    const elsewhere = await create(CORE, {
      metadata: { name: "elsewhere" },
      involvedObject: { ...POD, namespace: "other" },
    });
    expect(textAt(elsewhere.json(), "message")).toBe(
      'Event "elsewhere" is invalid: involvedObject.namespace: Invalid value: "other": does not match event.namespace',
    );
  });

  it("a strange field of either form is unknown in the other", async () => {
    const path = `${GROUP}?fieldValidation=Strict`;
    const answer = await create(path, event("strict", { message: "core's name" }));
    expect(textAt(answer.json(), "message")).toContain('unknown field "message"');
  });
});
