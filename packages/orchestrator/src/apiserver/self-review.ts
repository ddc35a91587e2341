/** Who am I, and what may I do: SelfSubjectReview and SelfSubjectAccessReview. Nothing is stored. */
import { answerValue } from "./answer.js";
import { objectOf, type ResourceCall, writeOptions } from "./call.js";
import { sendWarnings } from "./http-exchange.js";

const REVIEWS = new Set(["selfsubjectreviews", "selfsubjectaccessreviews"]);

export function isSelfReview({ resource }: ResourceCall): boolean {
  return REVIEWS.has(resource.resource);
}

export async function handleSelfReview(call: ResourceCall): Promise<void> {
  const { object, warnings } = await objectOf(
    call,
    call.resource,
    writeOptions(call, "CreateOptions"),
  );
  const { name: username, groups } = call.user;
  const status =
    call.resource.resource === "selfsubjectreviews"
      ? { userInfo: { username, groups } }
      : {
          allowed: true,
          reason: "every identity that may use this server may do everything (no RBAC yet)",
        };
  sendWarnings(call.response, warnings);
  answerValue(call, { ...object, status }, 201);
}
