/** What carries gRPC over sockets: our own engine, or the reference that it is held against. */

export type Transport = "http2" | "grpc-js";

export const TRANSPORTS: readonly Transport[] = ["http2", "grpc-js"];

export const DEFAULT_TRANSPORT: Transport = "http2";
