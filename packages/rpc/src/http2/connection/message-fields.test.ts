import { describe, expect, it } from "vitest";
import { fieldsOf, GET } from "../testing/raw-client.js";
import { checkRequestFields, checkTrailerFields } from "./message-fields.js";

const fault = (fields: Record<string, string>): string | undefined =>
  checkRequestFields(fieldsOf(fields)).fault;
const TARGET = { ":method": "GET", ":scheme": "http", ":path": "/" };
const faultWith = (fields: Record<string, string>): string | undefined =>
  fault({ ...TARGET, ...fields });

describe("checkRequestFields()", () => {
  it("takes requests as they should be", () => {
    expect(checkRequestFields(GET)).toEqual({});
    expect(fault({ ...TARGET, te: "trailers", "x-a": "", "content-length": "5" })).toBeUndefined();
    expect(fault({ ...TARGET, ":method": "OPTIONS", ":path": "*" })).toBeUndefined();
    expect(fault({ ":method": "CONNECT", ":authority": "a:1" })).toBeUndefined();
    expect(checkRequestFields([...GET, { name: "content-length", value: "5" }])).toEqual({
      contentLength: 5,
    });
  });

  it("§8.2.1: names MUST NOT have upper case, blanks, controls, colons or octets above 0x7e", () => {
    for (const name of ["A", "a b", "a\0", "a\x7f", "a\x80", "a:b", ""]) {
      expect(faultWith({ [name]: "v" })).toContain("field name");
    }
  });

  it("§8.2.1: values MUST NOT have NUL, CR or LF, nor white space around", () => {
    for (const value of ["a\0", "a\rb", "a\nb", " a", "a ", "\ta", "a\t", " "]) {
      expect(faultWith({ a: value })).toContain("value of the field a");
    }
    expect(faultWith({ a: "a b\tc\x80" })).toBeUndefined();
  });

  it("§8.2.2: connection-specific fields MUST be malformed, and te other than trailers", () => {
    for (const name of [
      "connection",
      "keep-alive",
      "proxy-connection",
      "transfer-encoding",
      "upgrade",
    ]) {
      expect(faultWith({ [name]: "x" })).toContain(name);
    }
    expect(faultWith({ te: "gzip" })).toContain("te");
  });

  it("§8.3: pseudo-header fields MUST be known, single, and before all others", () => {
    expect(faultWith({ ":status": "200" })).toContain(":status");
    expect(faultWith({ ":unknown": "1" })).toContain(":unknown");
    expect(fault({ a: "b", ...TARGET })).toContain("after a regular field");
    expect(checkRequestFields([...GET, { name: ":path", value: "/" }]).fault).toContain("once");
  });

  it("§8.3.1: MUST have exactly one :method, :scheme and :path that is not empty", () => {
    for (const name of [":method", ":scheme", ":path"]) {
      expect(faultWith({ [name]: "" })).toContain(name);
      const { [name]: _, ...rest } = { ...TARGET } as Record<string, string>;
      expect(fault(rest)).toContain(name);
    }
    expect(faultWith({ ":path": "a" })).toContain(":path");
    expect(faultWith({ ":path": "*" })).toContain(":path");
  });

  it("§8.3.1: a host other than :authority is malformed", () => {
    expect(faultWith({ ":authority": "a", host: "b" })).toContain("host");
    expect(faultWith({ ":authority": "a", host: "a" })).toBeUndefined();
  });

  it("§8.5: CONNECT has :authority alone", () => {
    expect(fault({ ":method": "CONNECT" })).toContain("CONNECT");
    expect(faultWith({ ":method": "CONNECT", ":authority": "a:1" })).toContain("CONNECT");
  });

  it("§8.1.1: content-length is one number", () => {
    for (const value of ["", "-1", "1, 2", "x"]) {
      expect(faultWith({ "content-length": value })).toContain("content-length");
    }
    const two = ["5", "6"].map((value) => ({ name: "content-length", value }));
    expect(checkRequestFields([...GET, ...two]).fault).toContain("content-length");
  });
});

describe("checkTrailerFields()", () => {
  it("§8.1: trailers MUST NOT have pseudo-header fields", () => {
    expect(checkTrailerFields(fieldsOf({ a: "b" }))).toEqual({});
    expect(checkTrailerFields(fieldsOf({ ":path": "/" })).fault).toContain(":path");
    expect(checkTrailerFields(fieldsOf({ A: "/" })).fault).toContain("field name");
  });
});
