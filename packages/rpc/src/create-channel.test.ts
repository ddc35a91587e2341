import { transportSuite } from "./testing/transport-suite.js";

transportSuite("http2");
