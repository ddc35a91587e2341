/** Content negotiation: what the Accept header allows, in the client's order. Pure. */

export interface AcceptedForm {
  readonly media: "json" | "yaml";
  /** Another form of the object that was asked for: `as=Table;g=meta.k8s.io;v=v1`. */
  readonly as: string | undefined;
  readonly group: string;
  readonly version: string;
}

const FORMS = new Set([
  "Table",
  "PartialObjectMetadata",
  "PartialObjectMetadataList",
  "APIGroupDiscoveryList",
]);

/** The first form that this server has; undefined where there is none. */
export function negotiate(accept: string | undefined): AcceptedForm | undefined {
  for (const entry of (accept ?? "*/*").split(",")) {
    const [type = "", ...parameters] = entry.split(";").map((part) => part.trim());
    const values = Object.fromEntries(parameters.map((part) => part.split("=", 2)));
    const as: string | undefined = values["as"];
    if (as !== undefined && !FORMS.has(as)) continue;
    const form = { as, group: values["g"] ?? "", version: values["v"] ?? "v1" };
    if (type === "application/json" || type === "*/*" || type === "application/*" || type === "")
      return { media: "json", ...form };
    if (type === "application/yaml" || type === "application/x-yaml" || type === "text/yaml")
      return { media: "yaml", ...form };
  }
  return undefined;
}
