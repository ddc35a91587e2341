// Messages and methods as data; pure, so that state machines may use generated messages
export { MessageDecodeError } from "./decode-error.js";
export { EncodedMessage, encodeMessage } from "./encoded-message.js";
export { messageType } from "./define-message.js";
export type { MessageType } from "./message-type.js";
export type { AnyMethod, MethodDescriptor, MethodKind, ServiceDescriptor } from "./method.js";
// For generated code, and for codecs that are generic over a table
export { Reader } from "./reader.js";
export { Writer } from "./writer.js";
