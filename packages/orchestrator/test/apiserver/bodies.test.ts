import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, openServer, type ServerFixture, textAt, type Tree } from "./fixture.js";
import { CONFIG_MAPS, configMap, DEPLOYMENTS, deployment } from "./objects.js";

let server: ServerFixture;
beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server.close());

async function messageOf(request: {
  readonly path: string;
  readonly body: string | Buffer;
  readonly type?: string;
  readonly method?: string;
}): Promise<string> {
  const { path, body, type = "application/json", method = "POST" } = request;
  const headers = { "content-type": type };
  const answer = await server.send({ method, path, body, headers });
  expect(answer.json()).toMatchObject({ kind: "Status", code: answer.status, status: "Failure" });
  return `${answer.status} ${textAt(answer.json(), "message")}`;
}

describe("bodies that cannot be read", () => {
  it.each([
    ["", "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"],
    [
      '{"kind":"ConfigMap"',
      `couldn't get version/kind; json parse error: unexpected end of JSON input ({"kind":"ConfigMap")`,
    ],
    [
      "nonsense",
      "couldn't get version/kind; json parse error: invalid character 'o' in literal null (expecting 'u') (6e6f6e73656e7365)",
    ],
    ["[]", "the body is array, expected an object"],
    ["null", "the body is null, expected an object"],
    ["7", "the body is number, expected an object"],
  ])("JSON %j is refused with the place of its fault", async (body, why) => {
    expect(await messageOf({ path: CONFIG_MAPS, body })).toBe(
      `400 the object provided is unrecognized (must be of type ConfigMap): ${why}`,
    );
  });

  it("YAML is refused with its line; bombs and bottomless pits too", async () => {
    const type = "application/yaml";
    expect(await messageOf({ path: CONFIG_MAPS, body: "kind: ConfigMap\n  a: b", type })).toMatch(
      /^400 the object provided is unrecognized \(must be of type ConfigMap\): yaml: line [12]: .* \(6b696e643a20436f6e6669674d61700a2020613a2062\)$/,
    );
    const level = (n: number): string =>
      `a${n}: &a${n} [${Array(9)
        .fill(`*a${n - 1}`)
        .join(",")}]`;
    const bomb = ["a0: &a0 [x,x,x,x,x,x,x,x,x]", ...[1, 2, 3, 4, 5, 6, 7, 8].map(level)].join("\n");
    expect(await messageOf({ path: CONFIG_MAPS, body: bomb, type })).toContain("alias");
    expect(await messageOf({ path: CONFIG_MAPS, body: "[".repeat(100_000), type })).toMatch(
      /^400 /,
    );
  });

  it("deep JSON is refused before it exhausts a stack", async () => {
    const body = `{"metadata":{"managedFields":[{"fieldsV1":${'{"f:a":'.repeat(50_000)}1${"}".repeat(50_000)}}]}}`;
    expect(await messageOf({ path: CONFIG_MAPS, body })).toContain("exceeded max depth");
    const patch = `{"data":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`;
    const type = "application/merge-patch+json";
    await server.send({ method: "POST", path: CONFIG_MAPS, body: configMap("deep") });
    expect(
      await messageOf({ path: `${CONFIG_MAPS}/deep`, body: patch, type, method: "PATCH" }),
    ).toBe("400 error decoding patch: exceeded max depth");
  });

  it("protobuf is refused with the offset of its fault", async () => {
    const type = "application/vnd.kubernetes.protobuf";
    expect(await messageOf({ path: CONFIG_MAPS, body: "{}", type })).toBe(
      "400 the protobuf body does not begin with Kubernetes' prefix k8s\\0",
    );
    const body = Buffer.from("k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x02\x0a\x7f", "latin1");
    expect(await messageOf({ path: CONFIG_MAPS, body, type })).toBe(
      "400 the protobuf body of ConfigMap is malformed at offset 2 of 2: a field of 127 bytes passes its message's end",
    );
  });

  it("says what was sent where another kind or version is expected", async () => {
    const other = JSON.stringify({ ...configMap("x"), kind: "Secret" });
    expect(await messageOf({ path: CONFIG_MAPS, body: other })).toContain(
      'Secret in version "v1" cannot be handled as a ConfigMap',
    );
    const version = JSON.stringify({ ...deployment("x"), apiVersion: "apps/v1beta1" });
    expect(await messageOf({ path: DEPLOYMENTS, body: version })).toBe(
      "400 the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)",
    );
    const place = JSON.stringify(configMap("x", { metadata: { name: "x", namespace: "other" } }));
    expect(await messageOf({ path: CONFIG_MAPS, body: place })).toBe(
      "400 the namespace of the provided object does not match the namespace sent on the request",
    );
    const name = JSON.stringify(configMap("y"));
    expect(await messageOf({ path: `${CONFIG_MAPS}/x`, body: name, method: "PUT" })).toBe(
      "400 the name of the object (y) does not match the name on the URL (x)",
    );
  });

  it("names the field whose type is wrong, in JSON and in YAML", async () => {
    const body = JSON.stringify(deployment("typed", { replicas: "three" }));
    const expected =
      '400 Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32';
    expect(await messageOf({ path: DEPLOYMENTS, body })).toBe(expected);
    const type = "application/yaml";
    expect(await messageOf({ path: DEPLOYMENTS, body: "spec: {replicas: three}", type })).toBe(
      expected,
    );
  });
});

describe("strict field validation", () => {
  const BODY = `{"metadata":{"name":"strict","name":"strict"},"data":{"a":"1","a":"2"},"dat":{},"漢":1}`;
  const FAULTS = [
    'duplicate field "metadata.name"',
    'duplicate field "data.a"',
    'unknown field "dat"',
    'unknown field "漢"',
  ];
  const headers = { "content-type": "application/json" };

  it("Strict refuses, and names all", async () => {
    const path = `${CONFIG_MAPS}?fieldValidation=Strict`;
    expect(await messageOf({ path, body: BODY })).toBe(
      `400 ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ${FAULTS.join(", ")}`,
    );
  });

  it.each(["", "&fieldValidation=Warn"])("Warn, the default, warns of each (%j)", async (query) => {
    const path = `${CONFIG_MAPS}?dryRun=All${query}`;
    const answer = await server.send({ method: "POST", path, body: BODY, headers });
    expect(answer.status).toBe(201);
    const warning = Buffer.from(String(answer.headers["warning"]), "latin1").toString("utf8");
    expect(warning).toBe(FAULTS.map((fault) => `299 - ${JSON.stringify(fault)}`).join(", "));
    expect(answer.json()["data"]).toEqual({ a: "2" });
  });

  it("Ignore says nothing, and another word is refused", async () => {
    const path = `${CONFIG_MAPS}?dryRun=All&fieldValidation=Ignore`;
    const answer = await server.send({ method: "POST", path, body: BODY, headers });
    expect([answer.status, answer.headers["warning"]]).toEqual([201, undefined]);
    expect(await messageOf({ path: `${CONFIG_MAPS}?fieldValidation=Some`, body: BODY })).toBe(
      '422 CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Some": supported values: "", "Ignore", "Strict", "Warn"',
    );
  });

  it("more warnings than a header holds are cut as kube-apiserver cuts them", async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`unknown${i}`, i]));
    const path = `${CONFIG_MAPS}?dryRun=All`;
    const answer = await server.send({
      method: "POST",
      path,
      body: { ...configMap("m"), ...many },
    });
    expect(answer.status).toBe(201);
    const warning = String(answer.headers["warning"]);
    expect(warning.length).toBeLessThan(8_000);
    expect(warning).toContain('unknown field \\"unknown0\\"');
  });

  it("duplicates in YAML are named by their lines", async () => {
    const body = `metadata:\n  name: yaml\n  name: yaml\ndata:\n  a: "1"\nunknown: 1\n`;
    const path = `${CONFIG_MAPS}?fieldValidation=Strict`;
    expect(await messageOf({ path, body, type: "application/yaml" })).toBe(
      '400 ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n  line 3: key "name" already set in map, unknown field "unknown"',
    );
  });

  it("patches are held to it too, and refused as Invalid", async () => {
    await server.send({ method: "POST", path: DEPLOYMENTS, body: deployment("patched") });
    const path = `${DEPLOYMENTS}/patched?fieldValidation=Strict`;
    const patch = '{"spec":{"paused":true,"paused":false,"nothing":1}}';
    for (const type of ["application/merge-patch+json", "application/strategic-merge-patch+json"]) {
      const answer = await messageOf({ path, body: patch, type, method: "PATCH" });
      expect(answer).toMatch(/^422 {2}"" is invalid: patch: Invalid value: "/);
      expect(answer).toMatch(
        /strict decoding error: duplicate field "spec\.paused", unknown field "spec\.nothing"$/,
      );
    }
    const operations = '[{"op":"add","op":"add","path":"/spec/nothing","value":1}]';
    const type = "application/json-patch+json";
    expect(await messageOf({ path, body: operations, type, method: "PATCH" })).toMatch(
      /strict decoding error: json patch duplicate field "\[0\]\.op", unknown field "spec\.nothing"$/,
    );
    const wrong = '{"spec":{"replicas":"many"}}';
    const merge = "application/merge-patch+json";
    expect(await messageOf({ path, body: wrong, type: merge, method: "PATCH" })).toMatch(
      /^422 .*json: cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32$/,
    );
  });
});

describe("protobuf bodies", () => {
  const path = new URL("../testdata/kubectl-1.35.2-bodies.json", import.meta.url);
  const recorded = JSON.parse(readFileSync(path, "utf8")) as Record<
    string,
    { readonly path: string; readonly base64: string }
  >; // A file of ours.

  it.each(Object.entries(recorded))("what kubectl sends for %s is created", async (_name, one) => {
    const answer = await server.send({
      method: "POST",
      path: `${one.path}?fieldManager=kubectl-create&fieldValidation=Strict`,
      body: Buffer.from(one.base64, "base64"),
      headers: {
        "content-type": "application/vnd.kubernetes.protobuf",
        accept: "application/vnd.kubernetes.protobuf,application/json",
      },
    });
    expect([answer.status, answer.headers["content-type"]]).toEqual([201, "application/json"]);
    expect(at(answer.json(), "kind")).toEqual(expect.any(String));
  });
});

describe("bodies that are too large", () => {
  const HUGE = Buffer.alloc(4 * 1024 * 1024, "x");
  const TEXT = "Request entity too large: limit is 3145728";

  it.each([1, 2] as const)("are refused with an answer over HTTP/%d", async (http) => {
    const headers = { "content-type": "application/json" };
    const request = { method: "POST", path: CONFIG_MAPS, body: HUGE, headers, http };
    const answer = await server.send(request);
    expect(answer.json()).toMatchObject({
      code: 413,
      reason: "RequestEntityTooLarge",
      message: TEXT,
    });
    expect((await server.send({ path: CONFIG_MAPS, http })).status).toBe(200);
  });

  it("are refused when they turn out so, without a length before", async () => {
    const socket = connectTls({ host: "127.0.0.1", port: server.port, ...server.tls });
    await once(socket, "secureConnect");
    socket.write(`POST ${CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const chunk = Buffer.concat([
      Buffer.from("100000\r\n"),
      HUGE.subarray(0, 1024 * 1024),
      Buffer.from("\r\n"),
    ]);
    for (let i = 0; i < 4; i++) socket.write(chunk);
    let text = "";
    while (!text.includes(TEXT)) text += String((await once(socket, "data"))[0]);
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();

    const session = connectHttp2(`https://127.0.0.1:${server.port}`, server.tls);
    const stream = session.request({ ":method": "POST", ":path": CONFIG_MAPS });
    stream.on("error", () => {}); // The server may take back the stream that it has answered.
    stream.write(HUGE);
    const [head] = (await once(stream, "response")) as [Tree]; // node:http2's event.
    expect(head[":status"]).toBe(413);
    session.destroy();
  });

  it("a body of just the limit is read", async () => {
    const body = JSON.stringify(configMap("limit")).padEnd(3_145_728, " ");
    const headers = { "content-type": "application/json" };
    const answer = await server.send({ method: "POST", path: CONFIG_MAPS, body, headers });
    expect(answer.status).toBe(201);
  });

  it("a patch cannot blow up what it is applied to", async () => {
    await server.send({ method: "POST", path: CONFIG_MAPS, body: configMap("bomb") });
    const first = [{ op: "add", path: "/metadata/annotations", value: { a: "x".repeat(1_000) } }];
    const copies = Array.from({ length: 40 }, (_, i) => ({
      op: "copy",
      from: "/metadata/annotations",
      path: `/metadata/annotations/b${i}`,
    }));
    const body = JSON.stringify([...first, ...copies]);
    const type = "application/json-patch+json";
    expect(await messageOf({ path: `${CONFIG_MAPS}/bomb`, body, type, method: "PATCH" })).toMatch(
      /^413 .*3145728/,
    );
  });
});
