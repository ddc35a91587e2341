/** grpc.health.v1 for any server: whole-server health, asked of the owner at each check. */
import type { Clock } from "@sagong/base";
import { delay } from "@sagong/base";
import { HealthCheckResponse, HealthService, ServingStatus } from "./gen/health.js";
import { implement, type ServiceImplementation } from "./handler.js";

/** How often a watched health is looked at. */
const WATCH_MS = 1_000;

export function createHealthService(
  isServing: () => boolean,
  { clock }: { readonly clock: Clock },
): ServiceImplementation {
  const status = (): number => (isServing() ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  return implement(HealthService, {
    check: () => HealthCheckResponse.create({ status: status() }),
    watch: async function* (_request, call) {
      let last: number | undefined;
      while (!call.signal.aborted) {
        const now = status();
        if (now !== last) yield HealthCheckResponse.create({ status: now });
        last = now;
        await delay(clock, WATCH_MS, call.signal).catch(() => {});
      }
    },
  });
}
