import { realClock } from "@sagong/base/real";
import { channelSuite } from "../testing/channel-suite.js";
import { createMemoryChannel } from "./memory-channel.js";

channelSuite("createMemoryChannel()", async (services) => {
  const channel = createMemoryChannel(services, { clock: realClock() });
  return { channel, close: () => channel.close() };
});
