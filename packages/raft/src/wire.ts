/** What members tell each other, for those who carry or look at it: simulated networks, traces. */
export { describeEntry, describeMessage } from "./core/describe.js";
export type { Message } from "./core/message.js";
export { PeerService } from "./gen/raft.js";
export { decodeMessages } from "./transport/message-codec.js";
