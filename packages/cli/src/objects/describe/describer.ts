/** What one kind's `describe` is: text of an object and of what belongs to it. */
import type {
  EndpointSlice,
  Event,
  KubeObject,
  Lease,
  Pod,
  ReplicaSet,
} from "@sagong/orchestrator/api";
import type { DescribeText } from "./describe-text.js";

export interface DescribeContext {
  /** Of the object, oldest first; undefined where they are not to be shown. */
  readonly events: readonly Event[] | undefined;
  readonly nowMs: number;
  /** What the describer's `needs` asked for, as far as it is there. */
  readonly related: RelatedObjects;
}

export interface RelatedObjects {
  readonly pods?: readonly Pod[];
  readonly replicaSets?: readonly ReplicaSet[];
  readonly endpointSlices?: readonly EndpointSlice[];
  readonly lease?: Lease | undefined;
}

export type Describer<T extends KubeObject> = (
  text: DescribeText,
  object: T,
  context: DescribeContext,
) => void;
