// Services as data
export { MessageDecodeError, type MessageType } from "./message/message-type.js";
export type {
  AnyMethod,
  MethodDescriptor,
  MethodKind,
  ServiceDescriptor,
} from "./message/method.js";
export { type Metadata, RpcError, StatusCode } from "./status.js";
// For those who implement a service
export {
  type ClientStreamHandler,
  type DuplexHandler,
  type HandlerOf,
  type Handlers,
  implement,
  type PeerIdentity,
  type ServerCall,
  type ServerStreamHandler,
  type ServiceImplementation,
  type UnaryHandler,
} from "./handler.js";
export type { ListenAddress, RpcServer, RpcServerOptions, ServerTls } from "./server.js";
// For those who call one
export type { CallOptions, Channel, DuplexCall } from "./channel.js";
