/**
 * The types of the Kubernetes API as tables, read from the schema facts: fields, protobuf numbers,
 * list and patch markers. Everything generic (decoding, patching, documents) works on these; custom
 * resources will bring tables of the same form.
 */

/** A named type or scalar, a list of one, or a map from strings to one. */
export type TypeRef = string | readonly [TypeRef] | { readonly "*": TypeRef };

export interface FieldFacts {
  readonly type: TypeRef;
  readonly required?: boolean;
  readonly proto?: number;
  readonly listType?: "atomic" | "set" | "map";
  readonly listMapKeys?: readonly string[];
  readonly mapType?: "atomic" | "granular";
  /** `merge`, `replace` or `retainKeys`, joined by commas. */
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
}

export interface TypeFacts {
  /** Left out where the type is a scalar in JSON. */
  readonly fields?: Readonly<Record<string, FieldFacts>>;
  readonly type?: string;
  readonly format?: string;
  readonly mapType?: "atomic" | "granular";
  readonly gvk?: readonly (readonly [group: string, version: string, kind: string])[];
  /** Messages that protobuf nests where JSON does not, by the name of the nested field. */
  readonly protoInline?: Readonly<
    Record<string, { readonly proto: number; readonly type: string }>
  >;
}

export interface ResourceFacts {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly kindGroup?: string;
  readonly kindVersion?: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

export interface SchemaFacts {
  readonly kubernetes: string;
  readonly resources: readonly ResourceFacts[];
  readonly types: Readonly<Record<string, TypeFacts>>;
}

/** Kinds that belong to the versions of every group: clients name them by their own. */
const COMMON: ReadonlyMap<string, string> = new Map([
  ["DeleteOptions", "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"],
]);

export class Schema {
  readonly facts: SchemaFacts;
  readonly #byKind = new Map<string, string>();

  constructor(facts: SchemaFacts) {
    this.facts = facts;
    for (const [name, { gvk }] of Object.entries(facts.types)) {
      for (const [group, version, kind] of gvk ?? []) {
        const key = `${group}/${version}/${kind}`;
        if (!this.#byKind.has(key)) this.#byKind.set(key, name);
      }
    }
  }

  typeOf(name: string): TypeFacts | undefined {
    return this.facts.types[name];
  }

  /** The type's full name; undefined where the kind is not known. */
  typeNameOf(kind: {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }): string | undefined {
    return this.#byKind.get(`${kind.group}/${kind.version}/${kind.kind}`) ?? COMMON.get(kind.kind);
  }
}
