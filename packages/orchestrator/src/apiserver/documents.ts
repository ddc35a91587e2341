/** What the server says about itself: discovery (legacy and aggregated), OpenAPI v2 and v3. */
import { createHash } from "node:crypto";
import { notServed } from "../api/api-status.js";
import {
  aggregated,
  group,
  groupList,
  legacyVersions,
  resourceList,
} from "../api/discovery/discovery.js";
import { encodeOpenApiV2 } from "../api/openapi/encode-openapi-v2.js";
import { openApiV2 } from "../api/openapi/openapi-v2.js";
import { groupVersionPath, openApiV3 } from "../api/openapi/openapi-v3.js";
import type { Schema } from "../api/schema/schema.js";
import type { ServedResource } from "../api/schema/served.js";
import type { AcceptedForm } from "./media-types.js";

export interface ServedDocument {
  readonly contentType: string;
  /** JSON where it is text. */
  readonly body: string | Uint8Array;
  /** `Accept` where the answer depends on it. */
  readonly vary?: string;
  /** Same text, same tag: clients ask with If-None-Match. */
  readonly etag: string;
}

interface Rendered {
  readonly body: string | Uint8Array;
  readonly etag: string;
}

export interface DocumentsOptions {
  readonly resources: readonly ServedResource[];
  readonly schema: Schema;
  /** `host:port`, for clients that ask /api. */
  readonly address: string;
}

/** As clients ask for it, and as kube-openapi answers. */
const GNOSTIC = /^application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf$/;
const GNOSTIC_ANSWER = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

export class Documents {
  readonly #options: DocumentsOptions;
  /** By path and form. They change with the served resources only, which are fixed. */
  readonly #rendered = new Map<string, Rendered>();

  constructor(options: DocumentsOptions) {
    this.#options = options;
  }

  /** Undefined where the path is no document's. Throws `ApiError` NotFound. */
  find(
    path: string,
    { accept, form }: { readonly accept: string; readonly form: AcceptedForm | undefined },
  ): ServedDocument | undefined {
    const clean = path.replace(/\/$/, "");
    if (clean === "/api" || clean === "/apis") return this.#groups(clean, form);
    if (clean === "/openapi/v3") return this.#json(clean, () => this.#openApiIndex());
    if (clean.startsWith("/openapi/v3/")) {
      const rendered = this.#openApi(clean.slice("/openapi/v3/".length));
      return { contentType: "application/json", ...rendered };
    }
    if (clean === "/openapi/v2") return this.#openApiV2(accept);
    const list = this.#list(clean);
    return list === undefined ? undefined : this.#json(clean, () => list);
  }

  #groups(path: string, form: AcceptedForm | undefined): ServedDocument {
    const { resources, address } = this.#options;
    const core = path === "/api";
    if (form?.as === "APIGroupDiscoveryList") {
      const { version } = form;
      const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
      const document = this.#json(`${path} ${version}`, () =>
        aggregated(resources, { core, version }),
      );
      return { ...document, contentType, vary: "Accept" };
    }
    const document = this.#json(path, () =>
      core ? legacyVersions(address) : groupList(resources),
    );
    return { ...document, vary: "Accept" };
  }

  #list(path: string): unknown {
    const { resources } = this.#options;
    const [, root, first = "", second = "", ...rest] = path.split("/");
    if (rest.length > 0) return undefined;
    if (root === "api" && second === "")
      return resourceList(resources, { group: "", version: first });
    if (root !== "apis" || first === "") return undefined;
    return second === ""
      ? group(resources, first)
      : resourceList(resources, { group: first, version: second });
  }

  #openApiV2(accept: string): ServedDocument {
    const { resources, schema } = this.#options;
    const make = () => openApiV2(schema, resources);
    const wanted = accept.split(",").map((entry) => (entry.split(";")[0] ?? "").trim());
    if (!wanted.some((type) => GNOSTIC.test(type)))
      return { ...this.#json("openapi v2", make), vary: "Accept" };
    const rendered = this.#render("openapi v2 protobuf", () => encodeOpenApiV2(make()));
    return { contentType: GNOSTIC_ANSWER, vary: "Accept", ...rendered };
  }

  #openApiIndex(): unknown {
    const paths = [...new Set(this.#options.resources.map(groupVersionPath))];
    const entries = paths.map((path) => {
      const { etag } = this.#openApi(path);
      return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${etag}` }];
    });
    return { paths: Object.fromEntries(entries) };
  }

  #openApi(path: string): Rendered {
    const { resources, schema } = this.#options;
    return this.#render(`openapi ${path}`, () => {
      const own = resources.filter((resource) => groupVersionPath(resource) === path);
      if (own.length === 0) throw notServed();
      return JSON.stringify(openApiV3(schema, own));
    });
  }

  #json(key: string, make: () => unknown): ServedDocument {
    const rendered = this.#render(key, () => JSON.stringify(make()));
    return { contentType: "application/json", ...rendered };
  }

  #render(key: string, make: () => string | Uint8Array): Rendered {
    const known = this.#rendered.get(key);
    if (known) return known;
    const body = make();
    const etag = createHash("sha256").update(body).digest("hex").slice(0, 32).toUpperCase();
    this.#rendered.set(key, { body, etag });
    return { body, etag };
  }
}
