// Services as data
export { MessageDecodeError } from "./message/decode-error.js";
export { EncodedMessage } from "./message/encoded-message.js";
export type { MessageType } from "./message/message-type.js";
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
export { Outbox, type OutboxListeners, type OutboxObserver } from "./outbox.js";
// For those who call one
export type { CallOptions, Channel, DuplexCall } from "./channel.js";
export { createHealthService } from "./health-service.js";
// Carried by our own HTTP/2 or by @grpc/grpc-js over sockets, or by nothing at all in one process
export { DEFAULT_TRANSPORT, type Transport, TRANSPORTS } from "./transport.js";
export { createServer } from "./create-server.js";
export { createHttpServer } from "./http/create-http-server.js";
export type { HttpServerOptions } from "./http/http-server-options.js";
export type { HttpHandler, HttpRequest, HttpResponse } from "./http/http-exchange.js";
export type { ChannelOptions, Patience } from "./channel-options.js";
export { createChannel } from "./create-channel.js";
export { createMemoryChannel } from "./memory/memory-channel.js";
