// @ts-check
import { describe, expect, it } from "vitest";
import { parseOutput, parseTimes } from "./h2load.mjs";

const OUTPUT = `finished in 2.01s, 4975.12 req/s, 150.20KB/s
requests: 10000 total, 10000 started, 10000 done, 10000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 10000 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 301.94KB (309190) total, 19.55KB (20021) headers (space savings 95.85%), 117.19KB (120000) data
`;

describe("parseOutput()", () => {
  it("reads rate and bytes", () => {
    expect(parseOutput(OUTPUT, 10_000)).toEqual({ perSecond: 4975.12, dataBytes: 120_000 });
  });

  it("refuses a run that did not finish", () => {
    expect(() => parseOutput(OUTPUT, 10_001)).toThrow("h2load did not finish 10001 requests");
    expect(() => parseOutput("", 1)).toThrow("h2load did not finish 1 requests");
  });
});

describe("parseTimes()", () => {
  it("reads the quantiles of the last column", () => {
    expect(parseTimes("17\t200\t1000\n18\t200\t3000\n19\t200\t2000\n")).toEqual({
      p50Ms: 2,
      p99Ms: 3,
    });
  });
});
