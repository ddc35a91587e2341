/** Who am I, and what may I do: the reviews that clients ask about themselves. Nothing is stored. */
import { answerValue } from "./answer.js";
import { objectOf, type ResourceCall, writeOptions } from "./call.js";
import { sendWarnings } from "./http-exchange.js";

/** Status by resource. */
const REVIEWS: ReadonlyMap<string, (call: ResourceCall) => object> = new Map<
  string,
  (call: ResourceCall) => object
>([
  [
    "selfsubjectreviews",
    ({ user: { name: username, groups } }) => ({ userInfo: { username, groups } }),
  ],
  [
    "selfsubjectaccessreviews",
    () => ({
      allowed: true,
      reason: "every identity that may use this server may do everything (no RBAC yet)",
    }),
  ],
  [
    "selfsubjectrulesreviews",
    () => ({
      resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
      nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
      incomplete: false,
    }),
  ],
]);

export function isSelfReview({ resource }: ResourceCall): boolean {
  return REVIEWS.has(resource.resource);
}

export async function handleSelfReview(call: ResourceCall): Promise<void> {
  const { object, warnings } = await objectOf(
    call,
    call.resource,
    writeOptions(call, "CreateOptions"),
  );
  const status = REVIEWS.get(call.resource.resource)?.(call);
  sendWarnings(call.response, warnings);
  answerValue(call, { ...object, status }, 201);
}
