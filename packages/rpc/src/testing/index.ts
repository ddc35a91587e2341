export { type ChannelFixture, channelSuite } from "./channel-suite.js";
