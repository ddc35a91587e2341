// Services as data
export type {
  AnyMethod,
  MessageType,
  MethodDescriptor,
  MethodKind,
  ServiceDescriptor,
} from "./method.js";
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
