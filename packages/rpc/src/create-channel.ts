import type { ChannelOptions } from "./channel-options.js";
import type { Channel } from "./channel.js";
import { createGrpcJsChannel } from "./grpc-js/channel.js";
import { createHttp2Channel } from "./http2/client/http2-channel.js";
import { DEFAULT_TRANSPORT } from "./transport.js";

/**
 * A channel on the transport that the options name. Connects with its first call. Throws
 * `TypeError` where the endpoint is not an http or https URL.
 */
export function createChannel(options: ChannelOptions): Channel {
  switch (options.transport ?? DEFAULT_TRANSPORT) {
    case "http2":
      return createHttp2Channel(options);
    case "grpc-js":
      return createGrpcJsChannel(options);
  }
}
