import { describe, expect, it } from "vitest";
import { HealthService } from "../gen/health.js";
import { StatusCode } from "../status.js";
import { RequestMeanings } from "./request-meanings.js";
import { fieldsOf, GET } from "./testing/raw-client.js";

const { check } = HealthService.methods;
const handler = (): unknown => ({ status: 1 });
const HEAD = { ":method": "POST", ":path": check.path, "content-type": "application/grpc" };

function meanings(): RequestMeanings {
  return new RequestMeanings(new Map([[check.path, { method: check, handler }]]));
}

describe("RequestMeanings.of()", () => {
  it("finds method and handler of a call", () => {
    const fields = fieldsOf({ ...HEAD, "grpc-timeout": "5S" });
    expect(meanings().of(fields)).toMatchObject({
      kind: "call",
      call: { method: check, handler, head: { timeoutMs: 5_000 } },
    });
  });

  it("gives the same meaning for the same list, of several that alternate, and forgets some", () => {
    const all = meanings();
    const lists = Array.from({ length: 100 }, () => fieldsOf(HEAD));
    const [first = [], second = []] = lists;
    const [one, two] = [all.of(first), all.of(second)];
    expect([all.of(first), all.of(second)].map((again, i) => again === [one, two][i])).toEqual([
      true,
      true,
    ]);
    for (const list of lists) all.of(list);
    expect(all.of(first)).not.toBe(one);
    expect(all.of(first)).toEqual(one);
  });

  it("refuses unknown methods and encodings, and leaves plain requests to others", () => {
    const unimplemented = { kind: "refused", error: { code: StatusCode.unimplemented } };
    expect(meanings().of(fieldsOf({ ...HEAD, ":path": "/a.B/C" }))).toMatchObject(unimplemented);
    const encoded = fieldsOf({ ...HEAD, "grpc-encoding": "br" });
    expect(meanings().of(encoded)).toMatchObject(unimplemented);
    expect(meanings().of(GET)).toMatchObject({ kind: "http", head: { httpStatus: "405" } });
  });
});
