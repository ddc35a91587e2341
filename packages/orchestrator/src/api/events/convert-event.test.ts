import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Event as CoreEvent } from "../gen/core-v1.js";
import type { Event } from "../gen/events-v1.js";
import { coreEventOf, eventsV1Of } from "./convert-event.js";

const text = fc.string();
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const coreEvent: fc.Arbitrary<CoreEvent> = fc
  .record({
    metadata: fc.record({ name: text, namespace: text }),
    involvedObject: fc.record({ kind: text, name: text }),
    action: optional(text),
    count: optional(fc.nat()),
    eventTime: optional(text),
    firstTimestamp: optional(text),
    lastTimestamp: optional(text),
    message: optional(text),
    reason: optional(text),
    related: optional(fc.record({ kind: text })),
    reportingComponent: optional(text),
    reportingInstance: optional(text),
    series: optional(fc.record({ count: fc.nat(), lastObservedTime: text })),
    source: optional(fc.record({ component: text, host: text })),
    type: optional(text),
  })
  .map(
    // What is undefined is not there, as in an object that came over the wire.
    (event) =>
      Object.fromEntries(
        Object.entries(event).filter(([, value]) => value !== undefined),
      ) as unknown as CoreEvent,
  );

describe("events of two groups", () => {
  it("there and back is the same event: no field is lost, none is made up", () => {
    fc.assert(
      fc.property(coreEvent, (event) => {
        const other = eventsV1Of(event) as Event; // With or without eventTime, as it came.
        expect(coreEventOf(other)).toEqual(event);
        expect(Object.keys(coreEventOf(other)).toSorted()).toEqual(Object.keys(event).toSorted());
      }),
    );
  });

  it("an event about nothing has an empty reference, which core requires", () => {
    expect(coreEventOf({ metadata: { name: "e" }, eventTime: "t" }).involvedObject).toEqual({});
  });
});
