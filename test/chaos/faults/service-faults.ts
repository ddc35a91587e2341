/** Clients that ask for much at once, for large things, or read late. Healed when they have ended. */
import { randomBelow } from "@sagong/base";
import type { ChaosFault } from "./fault.js";

const LASTS_MS = 4_000;
const WATCHERS = 500;
const BURST_LEAST = 200;
const BURST_MORE = 600;

export const SERVICE_FAULTS: readonly ChaosFault[] = [
  {
    group: "service",
    name: "slow-watchers",
    strike: async ({ clients, hold, note }) => {
      note("all readers of watches are slow");
      clients.slowReaders(LASTS_MS);
      await hold(LASTS_MS, LASTS_MS);
    },
  },
  {
    group: "service",
    name: "many-watchers",
    strike: async ({ clients, hold, note }) => {
      note(`${WATCHERS} watchers come and go`);
      clients.manyWatchers(WATCHERS, LASTS_MS);
      await hold(LASTS_MS, LASTS_MS);
    },
  },
  {
    group: "service",
    name: "overload",
    strike: async ({ clients, random, hold, note }) => {
      const operations = BURST_LEAST + randomBelow(random, BURST_MORE);
      note(`${operations} writes at once`);
      clients.burst(operations);
      await hold(1_000, 2_000);
    },
  },
  {
    group: "storage-work",
    name: "large-requests",
    strike: async ({ clients, hold, note }) => {
      note("requests around the limit of their size");
      clients.largeRequests(LASTS_MS);
      await hold(LASTS_MS, LASTS_MS);
    },
  },
];
