/** How a Deployment is rolled out (k8s.io/kubernetes pkg/apis/apps/validation). */
import type { Deployment } from "../gen/apps-v1.js";
import type { Faults } from "./faults.js";

const TYPES = ["Recreate", "RollingUpdate"];
const AT = "spec.strategy.rollingUpdate";

export function validateStrategy(spec: Deployment["spec"], faults: Faults): void {
  if (!spec) return;
  const { strategy = {}, minReadySeconds = 0, progressDeadlineSeconds } = spec;
  if (strategy.type !== undefined && !TYPES.includes(strategy.type))
    faults.notSupported("spec.strategy.type", strategy.type, TYPES);
  if (strategy.type === "Recreate" && strategy.rollingUpdate) {
    const type = "may not be specified when strategy `type` is 'Recreate'";
    faults.forbidden(AT, type);
  } else if (strategy.rollingUpdate) validateRolling(strategy.rollingUpdate, faults);
  if (minReadySeconds < 0)
    faults.invalid("spec.minReadySeconds", minReadySeconds, "must be greater than or equal to 0");
  if (progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds) {
    const why = "must be greater than minReadySeconds";
    faults.invalid("spec.progressDeadlineSeconds", progressDeadlineSeconds, why);
  }
}

type Amount = number | string | undefined;

function validateRolling(
  { maxUnavailable, maxSurge }: { readonly maxUnavailable?: Amount; readonly maxSurge?: Amount },
  faults: Faults,
): void {
  validateAmount(maxUnavailable, `${AT}.maxUnavailable`, faults);
  validateAmount(maxSurge, `${AT}.maxSurge`, faults);
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    const why = "may not be 0 when `maxSurge` is 0";
    faults.invalid(`${AT}.maxUnavailable`, maxUnavailable ?? 0, why);
  }
  if (typeof maxUnavailable === "string" && (percentOf(maxUnavailable) ?? 0) > 100)
    faults.invalid(`${AT}.maxUnavailable`, maxUnavailable, "must not be greater than 100%");
}

function validateAmount(amount: Amount, at: string, faults: Faults): void {
  if (typeof amount === "number" && amount < 0)
    faults.invalid(at, amount, "must be greater than or equal to 0");
  if (typeof amount === "string" && percentOf(amount) === undefined) {
    const why =
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
    faults.invalid(at, amount, why);
  }
}

function isZero(amount: Amount): boolean {
  return amount === undefined || amount === 0 || percentOf(String(amount)) === 0;
}

function percentOf(text: string): number | undefined {
  const digits = /^(\d+)%$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
