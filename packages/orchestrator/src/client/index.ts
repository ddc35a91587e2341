export {
  type DeleteOptions,
  INITIAL_EVENTS_END,
  type ListOptions,
  type ObjectClient,
  type PatchOptions,
  type PatchType,
  type RequestOptions,
  type UpdateOptions,
  type WatchOptions,
  type WriteOptions,
} from "./object-client.js";
