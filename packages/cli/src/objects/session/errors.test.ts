import { ApiError } from "@sagong/orchestrator/api";
import { ConnectionError } from "@sagong/orchestrator/client";
import { describe, expect, it } from "vitest";
import { CommandError, CommandErrors, errorLine, withContext } from "./errors.js";

const invalid = (...fields: string[]): ApiError =>
  ApiError.fromStatus({
    metadata: {},
    reason: "Invalid",
    message: "…",
    details: {
      name: "q",
      kind: "Deployment",
      causes: fields.map((field) => ({ field, message: "Required value" })),
    },
  });

describe("errorLine()", () => {
  it.each([
    [new CommandError("no"), "error: no"],
    [
      new ApiError("NotFound", 'pods "x" not found'),
      'Error from server (NotFound): pods "x" not found',
    ],
    [invalid("spec.a"), 'The Deployment "q" is invalid: spec.a: Required value'],
    [
      invalid("spec.a", "spec.b", "spec.a"),
      'The Deployment "q" is invalid: \n* spec.a: Required value\n* spec.b: Required value',
    ],
    [new CommandErrors([new CommandError("a"), new CommandError("b")]), "error: a\nerror: b"],
    [new ConnectionError("Cannot reach it"), "Unable to connect to the server: Cannot reach it"],
    [
      new ConnectionError("…", {
        cause: Object.assign(new Error("…"), {
          code: "ECONNREFUSED",
          address: "127.0.0.1",
          port: 1,
        }),
      }),
      "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
    ],
  ])("says %s", (error, line) => {
    expect(errorLine(error)).toBe(line);
  });
});

it("withContext() puts what was done before a refusal, but for invalid objects", () => {
  const refusal = withContext(new ApiError("Forbidden", "no"), "error when creating x");
  expect(errorLine(refusal)).toBe("Error from server (Forbidden): error when creating x: no");
  const fault = invalid("spec.a");
  expect(withContext(fault, "…")).toBe(fault);
});
