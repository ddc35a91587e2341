import { describe, expect, it } from "vitest";
import { exponentialBuckets, MetricsRegistry } from "./metrics.js";

describe("MetricsRegistry", () => {
  it("render() writes families in order of name with help, type and samples", () => {
    const registry = new MetricsRegistry();
    registry.gauge({ name: "b_gauge", help: "a line\nand a \\" }).set(0.5);
    registry.counter({ name: "a_total", help: "count" }, { z: 'q"', code: "OK" }).increment(2);
    registry.read({ name: "c", help: "asked", kind: "gauge" }, () => 7);
    expect(registry.render()).toBe(
      [
        "# HELP a_total count",
        "# TYPE a_total counter",
        'a_total{code="OK",z="q\\""} 2',
        "# HELP b_gauge a line\\nand a \\\\",
        "# TYPE b_gauge gauge",
        "b_gauge 0.5",
        "# HELP c asked",
        "# TYPE c gauge",
        "c 7",
        "",
      ].join("\n"),
    );
  });

  it("histogram() counts cumulatively, with a value on a bound inside that bucket", () => {
    const registry = new MetricsRegistry();
    const histogram = registry.histogram({ name: "h", help: "h", buckets: [1, 2] });
    for (const value of [0.5, 1, 1.5, 9]) histogram.observe(value);
    expect(registry.render()).toContain(
      'h_bucket{le="1"} 2\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 4\nh_sum 12\nh_count 4\n',
    );
  });

  it("counter() gives the same child for the same labels", () => {
    const registry = new MetricsRegistry();
    const options = { name: "a_total", help: "" };
    registry.counter(options, { x: "1", y: "2" }).increment();
    registry.counter(options, { y: "2", x: "1" }).increment();
    expect(registry.render()).toContain('a_total{x="1",y="2"} 2');
  });

  it("refuses a second kind under one name", () => {
    const registry = new MetricsRegistry();
    registry.counter({ name: "a", help: "" });
    expect(() => registry.gauge({ name: "a", help: "" }, { x: "1" })).toThrow("it is a counter");
  });
});

describe("exponentialBuckets()", () => {
  it("gives etcd's fsync bounds", () => {
    expect(exponentialBuckets(0.001, 2, 4)).toEqual([0.001, 0.002, 0.004, 0.008]);
  });
});
