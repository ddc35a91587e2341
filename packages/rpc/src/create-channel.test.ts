import { createChannel } from "./create-channel.js";
import { createServer } from "./create-server.js";
import { channelSuite } from "./testing/channel-suite.js";
import { TRANSPORTS } from "./transport.js";

for (const client of TRANSPORTS) {
  for (const transport of TRANSPORTS) {
    channelSuite(
      `createChannel() over ${client} to createServer() over ${transport}`,
      async (services) => {
        const server = createServer({ services, transport });
        const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
        const channel = createChannel({ endpoint: `http://127.0.0.1:${port}`, transport: client });
        return {
          channel,
          close: async () => {
            await channel.close();
            await server.close(100);
          },
        };
      },
    );
  }
}
